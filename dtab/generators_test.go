package dtab_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"kibble.dev/dtab"
)

// The generators draw from few segments, so that rules meet names often.
func anySegment() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"a", "b", "c", "a", "b", "s", "s", "é", "*", "#", "\x00", "x.y:80"})
}

func anyPath() *rapid.Generator[dtab.Path] {
	return rapid.Custom(func(t *rapid.T) dtab.Path {
		switch rapid.IntRange(0, 9).Draw(t, "start") {
		case 0:
			return dtab.Path{"#", "io.l5d.k8s", "default", "http", anySegment().Draw(t, "service")}
		case 1:
			return dtab.Path{"$", "io.buoyant.http.domainToPathPfx", "s", "a.b"}
		case 2:
			return dtab.Path{"$", "inet", "127.1", "80", anySegment().Draw(t, "residual")}
		}
		path := dtab.Path(rapid.SliceOfN(anySegment(), 0, 3).Draw(t, "path"))
		if len(path) == 0 {
			return nil
		}
		return path
	})
}

// anyTree makes trees as the parser does: no alternation and no choice has less
// than two branches. Weights have at most two decimals, as in canonical text.
func anyTree(depth int) *rapid.Generator[dtab.Tree] {
	return rapid.Custom(func(t *rapid.T) dtab.Tree {
		kind := rapid.IntRange(0, 9).Draw(t, "kind")
		if depth == 0 {
			kind = min(kind, 5)
		}
		switch kind {
		case 0:
			return dtab.Neg{}
		case 1:
			return rapid.SampledFrom([]dtab.Tree{dtab.Empty{}, dtab.Fail{}}).Draw(t, "end")
		case 6, 7:
			return dtab.Alt(rapid.SliceOfN(anyTree(depth-1), 2, 3).Draw(t, "branches"))
		case 8, 9:
			return dtab.Union(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) dtab.Weighted {
				weight := rapid.SampledFrom([]float64{0, 0.01, 0.5, 1, 1, 1, 2.25, 10}).Draw(t, "weight")
				return dtab.Weighted{Weight: weight, Tree: anyTree(depth-1).Draw(t, "branch")}
			}), 2, 3).Draw(t, "branches"))
		}
		return dtab.Leaf{Path: anyPath().Draw(t, "leaf")}
	})
}

func anyTable() *rapid.Generator[dtab.Dtab] {
	dentry := rapid.Custom(func(t *rapid.T) dtab.Dentry {
		var prefix dtab.Prefix
		for _, segment := range anyPath().Draw(t, "prefix") {
			wild := rapid.IntRange(0, 5).Draw(t, "any") == 0
			if wild {
				segment = ""
			}
			prefix = append(prefix, dtab.Elem{Any: wild, Label: segment})
		}
		return dtab.Dentry{Prefix: prefix, Dst: anyTree(2).Draw(t, "dst")}
	})
	return rapid.Custom(func(t *rapid.T) dtab.Dtab {
		return rapid.SliceOfN(dentry, 0, 5).Draw(t, "table")
	})
}

// anyInterpreter has a table that may lead to services, of which some exist.
func anyInterpreter(t *rapid.T) dtab.Interpreter {
	exists := world{}
	for _, service := range []string{"a", "b", "c"} {
		exists["default/http/"+service] = rapid.Bool().Draw(t, service)
	}
	return interpreter("/s => /#/io.l5d.k8s/default/http", exists, anyTable().Draw(t, "table")...)
}

// interpreter has the k8s namer, and a table of a text and more rules.
func interpreter(text string, exists world, more ...dtab.Dentry) dtab.Interpreter {
	table, err := dtab.Parse(dtab.Source{}, text)
	if err != nil {
		panic(err)
	}
	namer, err := dtab.NewNamer(dtab.NamerConfig{Kind: dtab.KindK8s}, exists)
	if err != nil {
		panic(err)
	}
	return dtab.Interpreter{Dtab: append(table, more...), Namers: []dtab.Namer{namer}}
}

// world is what exists: ids of io.l5d.k8s.
type world map[string]bool

func (w world) Has(_ string, id dtab.Path) bool { return w[strings.Join(id, "/")] }

// messy writes a table as a careless person may, and gives the number of the
// comments in it, which are "# c0", "# c1" and so on.
func messy(t *rapid.T, table dtab.Dtab) (text string, comments int) {
	var b strings.Builder
	space := func() {
		for range rapid.IntRange(0, 2).Draw(t, "spaces") {
			gap := rapid.SampledFrom([]string{" ", "\t", "\n", "\r\n", "\u2028", " #\n", "\n#\n"}).Draw(t, "gap")
			if strings.Contains(gap, "#") {
				gap = strings.Replace(gap, "#", fmt.Sprintf("# c%d ", comments), 1)
				comments++
			}
			b.WriteString(gap)
		}
	}
	tokens := func(canonical string) {
		// Canonical text has blanks where there may be any white space.
		for i, word := range strings.Split(canonical, " ") {
			if i > 0 {
				space()
			}
			word = strings.NewReplacer("0.50*", ".5*", "10.00*", "10.*", "1.00*", "001*").Replace(word)
			b.WriteString(word)
		}
	}
	for i, d := range table {
		if i > 0 {
			b.WriteByte(';')
		}
		space()
		b.WriteString(d.Prefix.String())
		space()
		b.WriteString("=>")
		space()
		tokens(d.Dst.String())
		space()
	}
	if len(table) > 0 && rapid.Bool().Draw(t, "last") {
		b.WriteByte(';')
	}
	space()
	return b.String(), comments
}
