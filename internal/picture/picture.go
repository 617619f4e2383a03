// Package picture draws delegations for the manual: what the evaluator did, as
// SVG. The same trace gives the same bytes.
package picture

import (
	"fmt"
	"html"
	"strings"

	"kibble.dev/dtab"
)

// The measures of a picture, in pixels.
const (
	boxWidth  = 308
	boxHeight = 30
	gapX      = 20
	rowHeight = 82
	margin    = 16
)

// box is a step as it is drawn.
type box struct {
	text, sub string // what stands in the box, and above it
	class     string // name, there, away, choice
	taken     bool
	row       int
	x         float64 // of its middle
	children  []*box
}

// Draw gives the SVG of a trace. The title says what the picture shows, to those
// who do not see it too.
func Draw(title string, trace *dtab.Step) string {
	root := boxes(trace, 0)
	columns := 0.0
	place(root, &columns)
	width := int(columns)*(boxWidth+gapX) - gapX + 2*margin
	height := (depth(root)+1)*rowHeight - (rowHeight - boxHeight - 22) + 2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title">
<title id="title">%s</title>
<style>
text { font: 13px ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; text-anchor: middle; fill: #1c2733; }
text.sub { font-size: 11.5px; fill: #45566a; }
rect { stroke-width: 1.5; rx: 6; fill: #eef4fb; stroke: #3b6ea5; }
rect.there { fill: #e4f5e7; stroke: #2c7a3f; }
rect.away { fill: #fbeceb; stroke: #a8423a; }
rect.choice { fill: #fff7df; stroke: #a07a1a; }
path { fill: none; stroke: #3b6ea5; stroke-width: 2.5; }
.other rect { stroke-dasharray: 5 4; fill: #f6f6f6; stroke: #9aa3ad; }
.other text { fill: #6b7680; }
path.other { stroke: #b5bcc4; stroke-width: 1.5; stroke-dasharray: 5 4; }
</style>
<rect x="0" y="0" width="%d" height="%d" style="fill: #ffffff; stroke: none"/>
`, width, height, width, height, html.EscapeString(title), width, height)
	lines(&b, root)
	rects(&b, root)
	b.WriteString("</svg>\n")
	return b.String()
}

// boxes turns steps into boxes: each with the rule that made it above it.
func boxes(s *dtab.Step, row int) *box {
	b := &box{class: "name", taken: s.Taken, row: row}
	switch s.Kind {
	case dtab.StepPath:
		b.text = s.Path.String()
	case dtab.StepBound:
		b.class, b.text = "there", "its endpoints"
		if n := len(s.Path); n > 0 {
			b.text = "endpoints of " + s.Path[n-1]
		}
	case dtab.StepAlt:
		b.class, b.text = "choice", "the first that exists"
	case dtab.StepUnion:
		b.class, b.text = "choice", "shares of the requests"
	case dtab.StepFail:
		b.class, b.text = "away", "! refused"
	case dtab.StepEmpty:
		b.class, b.text = "away", "$ nobody"
	default:
		b.class, b.text = "away", "~ does not exist"
	}
	switch {
	case s.Dentry != nil:
		b.sub = s.Dentry.Prefix.String() + " => " + s.Dentry.Dst.String()
	case s.Kind == dtab.StepBound || s.Namer != "":
		b.sub = "asked: " + s.Namer
	}
	for _, c := range s.Children {
		child := boxes(c, row+1)
		if s.Kind == dtab.StepUnion {
			child.sub = fmt.Sprintf("weight %g", c.Weight)
		}
		if s.Taken && !c.Taken {
			child.sub = strings.TrimSpace(child.sub + "  " + reason(c))
		}
		b.children = append(b.children, child)
	}
	return b
}

// reason says why a rule is not the one that counts.
func reason(s *dtab.Step) string {
	if s.Outcome == dtab.OutcomeNeg {
		return "(leads nowhere)"
	}
	return "(not needed)"
}

// place gives each box its column: a leaf the next one, others the middle of
// theirs.
func place(b *box, columns *float64) {
	if len(b.children) == 0 {
		b.x = margin + boxWidth/2 + *columns*(boxWidth+gapX)
		*columns++
		return
	}
	for _, c := range b.children {
		place(c, columns)
	}
	b.x = (b.children[0].x + b.children[len(b.children)-1].x) / 2
}

func depth(b *box) int {
	deepest := b.row
	for _, c := range b.children {
		deepest = max(deepest, depth(c))
	}
	return deepest
}

func (b *box) top() int { return margin + b.row*rowHeight + 18 }

func lines(out *strings.Builder, b *box) {
	for _, c := range b.children {
		class := ""
		if !c.taken {
			class = ` class="other"`
		}
		from, to := b.top()+boxHeight, c.top()-18
		fmt.Fprintf(out, "<path%s d=\"M%.0f %d C%.0f %d %.0f %d %.0f %d\"/>\n", class, b.x, from, b.x, to-8, c.x, from+8, c.x, to)
		lines(out, c)
	}
}

func rects(out *strings.Builder, b *box) {
	class := ""
	if !b.taken {
		class = ` class="other"`
	}
	fmt.Fprintf(out, "<g%s>", class)
	if b.sub != "" {
		fmt.Fprintf(out, `<text class="sub" x="%.0f" y="%d">%s</text>`, b.x, b.top()-5, html.EscapeString(b.sub))
	}
	fmt.Fprintf(out, `<rect class="%s" x="%.0f" y="%d" width="%d" height="%d"/><text x="%.0f" y="%d">%s</text></g>`+"\n",
		b.class, b.x-boxWidth/2, b.top(), boxWidth, boxHeight, b.x, b.top()+20, html.EscapeString(b.text))
	for _, c := range b.children {
		rects(out, c)
	}
}
