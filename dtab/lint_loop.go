package dtab

import (
	"errors"
	"slices"
	"strings"
)

// loops finds rules that lead names in a circle. What is found was met by a
// real binding: of a name that a rule is for, where nothing exists that a namer
// could bind it to, and where what exists does.
func (l Linter) loops() []Finding {
	var found []Finding
	said := map[string]bool{}
	for i := range l.Dtab {
		for _, name := range samples(l.Dtab[i].Prefix) {
			circle, severity := l.circle(name)
			if len(circle) == 0 {
				continue
			}
			slices.Sort(circle)
			key := ""
			var texts []string
			for _, j := range circle {
				key += l.Dtab[j].String() + ";"
				texts = append(texts, l.Dtab[j].Prefix.String()+" => "+l.Dtab[j].Dst.String())
			}
			if said[key] {
				continue
			}
			said[key] = true
			message := "names go in a circle until they fail, such as " + name.String() + ": " + strings.Join(texts, " ; ")
			if severity == Warning {
				message = "names go in a circle, and fail, where nothing that exists stops them, such as " + name.String() + ": " + strings.Join(texts, " ; ")
			}
			found = append(found, remark(&l.Dtab[circle[0]], codeLoop, severity, message,
				"let one of the rules lead to a name that no rule of the circle begins with"))
		}
	}
	return found
}

// samples gives names that a rule is for.
func samples(prefix Prefix) []Path {
	const unknown = "x"
	var name Path
	for _, e := range prefix {
		if e.Any {
			name = append(name, unknown)
		} else {
			name = append(name, e.Label)
		}
	}
	return []Path{name, name.Join(unknown), name.Join(unknown, unknown)}
}

// circle gives the rules that a name meets again and again until its binding
// fails, by their numbers; none if it does not fail so. The severity is Warning
// if that is only where nothing exists.
func (l Linter) circle(name Path) ([]int, Severity) {
	var rewriters []Namer
	for _, n := range l.Namers {
		if _, ok := n.(*idNamer); !ok {
			rewriters = append(rewriters, n)
		}
	}
	for _, try := range []struct {
		namers   []Namer
		severity Severity
	}{{l.Namers, Error}, {rewriters, Warning}} {
		in := Interpreter{Dtab: l.Dtab, Namers: try.namers, MaxWork: 5000}
		_, err := in.Bind(name)
		var failed *BindError
		if !errors.As(err, &failed) || failed.Kind != ErrDepth && failed.Kind != ErrWork {
			continue
		}
		if circle := l.repeated(in.Delegate(name)); len(circle) > 0 {
			return circle, try.severity
		}
	}
	return nil, ""
}

// repeated gives the rules that the longest way down a trace meets several times.
func (l Linter) repeated(root *Step) []int {
	var way, longest []*Dentry
	var walk func(*Step)
	walk = func(s *Step) {
		if s.Dentry != nil {
			way = append(way, s.Dentry)
			defer func() { way = way[:len(way)-1] }()
		}
		if len(way) > len(longest) {
			longest = slices.Clone(way)
		}
		for _, c := range s.Children {
			walk(c)
		}
	}
	walk(root)
	times := map[*Dentry]int{}
	for _, d := range longest {
		times[d]++
	}
	var circle []int
	for i := range l.Dtab {
		if times[&l.Dtab[i]] > 2 {
			circle = append(circle, i)
		}
	}
	return circle
}
