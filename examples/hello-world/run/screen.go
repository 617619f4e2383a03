package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"kibble.dev/internal/helloworld"
)

// screen is what people see. Colours are left out where they would be noise:
// when the output is not a terminal, or NO_COLOR is set.
type screen struct {
	out     io.Writer
	colours bool
}

const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
)

func newScreen(out io.Writer) *screen {
	s := &screen{out: out}
	if f, ok := out.(*os.File); ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		info, err := f.Stat()
		s.colours = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return s
}

func (s *screen) in(colour, text string) string {
	if !s.colours {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (s *screen) title(text string) { fmt.Fprintf(s.out, "\n%s\n\n", s.in(bold, text)) }

// done tells that something is up.
func (s *screen) done(name, what string) {
	fmt.Fprintf(s.out, "%s %-9s %s\n", s.in(green, "✓"), name, what)
}

func (s *screen) note(name, what string) {
	fmt.Fprintf(s.out, "  %-9s %s\n", name, s.in(dim, what))
}

// answer shows a request and what came back.
func (s *screen) answer(q helloworld.Question, curl string, status int, body string, right bool) {
	mark := s.in(green, "✓")
	if !right {
		mark = s.in(red, "✗")
	}
	fmt.Fprintf(s.out, "\n%s %s\n  %s\n  %s\n", mark, s.in(bold, q.About), s.in(dim, "$ "+curl), shown(status, body))
	if !right {
		fmt.Fprintf(s.out, "  %s\n", s.in(red, "should be: "+shown(q.Status, q.Want)))
	}
}

func (s *screen) count(passed, failed int) {
	fmt.Fprintf(s.out, "\n%d passed, %d failed\n", passed, failed)
}

// shown is an answer; its status is said where it is not 200.
func shown(status int, body string) string {
	body = strings.ReplaceAll(body, "\n", "\n  ")
	if status == http.StatusOK {
		return body
	}
	return fmt.Sprintf("%d: %s", status, body)
}

func (s *screen) failure(err error) { fmt.Fprintf(s.out, "\n%s %v\n", s.in(red, "✗"), err) }

// tryNext says what to do while the demo is up.
func (s *screen) tryNext(o options, top *helloworld.Topology) {
	fmt.Fprintf(s.out, `
%s

  Edit %[2]s/routers.yaml: in router outgoing write
    %[3]s
  save, and ask again: routes move at once, nothing restarts.
    %[4]s

  See what Envoy is told, and why:
    %[5]s
    %[6]s

  The console says where a request goes, and what is wrong: http://%[8]s/
  The edge Envoy's own pages are at http://%[7]s.
`,
		s.in(bold, "The demo stays up until Ctrl-C. Try next:"), o.dir,
		s.in(dim, "/host/world => 1 * /srv/world-v2 & 1 * /srv/world-v1 ;"),
		s.in(dim, "$ "+helloworld.Questions(top)[0].Curl(top.Edge())),
		s.in(dim, "$ "+o.kibble+" preview -f "+o.dir),
		s.in(dim, "$ "+o.kibble+" explain -f "+o.dir+" --router outgoing world"), o.edgeHTTP, o.admin)
}
