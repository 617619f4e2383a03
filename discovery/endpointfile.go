package discovery

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// parseEndpoints reads a file of an io.l5d.fs namer: lines `host port`, or
// `host port * weight`, where # begins a comment. Lines with errors are left out.
func parseEndpoints(name string, data []byte) (*translate.File, []dtab.Finding) {
	file := &translate.File{}
	var found []dtab.Finding
	form := regexp.MustCompile(`^\s*(\S+)\s+(\S+?)\s*(?:\*\s*(\S+))?\s*$`)
	for i, raw := range bytes.Split(data, []byte("\n")) {
		line, _, _ := strings.Cut(string(raw), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		wrong := func(at int, message, hint string) {
			found = append(found, dtab.Finding{
				Code: codeEndpointLine, Severity: dtab.Error, Message: message, Hint: hint,
				Pos: dtab.Pos{Source: name, Line: i + 1, Col: utf8.RuneCountInString(line[:at]) + 1},
			})
		}
		m := form.FindStringSubmatchIndex(line)
		if m == nil {
			wrong(len(line)-len(strings.TrimLeft(line, " \t")), "this is not an endpoint", "write `host port` or `host port * weight`, one on a line")
			continue
		}
		e := translate.FileEndpoint{Host: line[m[2]:m[3]], Weight: 1}
		port, err := strconv.ParseUint(line[m[4]:m[5]], 10, 16)
		if err != nil || port == 0 {
			wrong(m[4], fmt.Sprintf("%q is not a port", line[m[4]:m[5]]), "ports are numbers from 1 to 65535")
			continue
		}
		e.Port = int32(port)
		if m[6] >= 0 {
			e.Weight, err = strconv.ParseFloat(line[m[6]:m[7]], 64)
			if err != nil || e.Weight < 0 || math.IsInf(e.Weight, 0) || math.IsNaN(e.Weight) {
				wrong(m[6], fmt.Sprintf("%q is not a weight", line[m[6]:m[7]]), "weights are numbers such as 0.5")
				continue
			}
		}
		file.Endpoints = append(file.Endpoints, e)
	}
	return file, found
}
