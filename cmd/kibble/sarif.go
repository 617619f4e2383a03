package main

import (
	"net/url"
	"path/filepath"
	"slices"

	"kibble.dev/dtab"
)

// sarifLog is a SARIF 2.1.0 log with what code hosts read: OASIS, Static
// Analysis Results Interchange Format, sections 3.13 to 3.30.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID string `json:"id"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations,omitempty"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region *sarifRegion `json:"region,omitempty"`
	} `json:"physicalLocation"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

// newSARIF gives findings as a SARIF log. Paths are as they were given, with /, as
// references of RFC 3986.
func newSARIF(found []dtab.Finding) sarifLog {
	var codes []string
	for _, f := range found {
		codes = append(codes, f.Code)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "kibble", Rules: []sarifRule{}}}, Results: []sarifResult{}}
	for _, code := range codes {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: code})
	}
	levels := map[dtab.Severity]string{dtab.Error: "error", dtab.Warning: "warning", dtab.Info: "note"}
	for _, f := range found {
		text := f.Message
		if f.Hint != "" {
			text += "; " + f.Hint
		}
		r := sarifResult{RuleID: f.Code, RuleIndex: slices.Index(codes, f.Code), Level: levels[f.Severity], Message: sarifText{text}}
		if f.Pos.Source != "" {
			var at sarifLocation
			at.Physical.Artifact.URI = (&url.URL{Path: filepath.ToSlash(f.Pos.Source)}).String()
			if f.Pos.Line > 0 {
				at.Physical.Region = &sarifRegion{StartLine: f.Pos.Line, StartColumn: f.Pos.Col}
			}
			r.Locations = []sarifLocation{at}
		}
		run.Results = append(run.Results, r)
	}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}
