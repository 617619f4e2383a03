package dtab

// certainty is what can be said of a tree without knowing what exists.
type certainty struct {
	// stops: no alternative after it is ever tried.
	stops bool
	// keeps: as a branch of a choice it is never dropped.
	keeps bool
}

// judge says what is certain about trees of a table.
type judge struct {
	// failover: what is bound has the later alternatives behind it.
	failover bool
	// builtin: no rule rewrites names of built-in namers.
	builtin bool
}

func newJudge(table Dtab, failover bool) judge {
	j := judge{failover: failover, builtin: true}
	for _, d := range table {
		if (Shape{Elems: literal([]string{"$"}), Open: true}).meets(d.Prefix) {
			j.builtin = false
		}
	}
	return j
}

// of judges a tree, whatever is appended to its leaves.
func (j judge) of(tree Tree) certainty {
	switch t := tree.(type) {
	case Empty:
		return certainty{stops: true, keeps: true}
	case Fail:
		return certainty{stops: true}
	case Leaf:
		return j.leaf(t.Path)
	case Alt:
		var c certainty
		for i, b := range t {
			of := j.of(b)
			c.stops = c.stops || of.stops
			c.keeps = c.keeps || i == 0 && of.keeps
		}
		return c
	case Union:
		var c certainty
		for _, w := range t {
			of := j.of(w.Tree)
			c.keeps = c.keeps || of.keeps
			c.stops = c.stops || of.keeps && of.stops
		}
		return c
	}
	return certainty{}
}

func (j judge) leaf(path Path) certainty {
	if !j.builtin || len(path) < 2 || path[0] != "$" {
		return certainty{}
	}
	switch args := path[2:]; path[1] {
	case "nil":
		return certainty{stops: true, keeps: true}
	case "fail":
		return certainty{stops: true}
	case "inet", "fixedinet":
		if len(args) >= 1 && isInteger(args[0]) || len(args) >= 2 && isInteger(args[1]) {
			return certainty{stops: !j.failover, keeps: true}
		}
	}
	return certainty{}
}

// covers tells that every name that begins as q says begins as p says.
func (prefix Prefix) covers(q Prefix) bool {
	if len(prefix) > len(q) {
		return false
	}
	for i, e := range prefix {
		if !e.Any && (q[i].Any || q[i].Label != e.Label) {
			return false
		}
	}
	return true
}
