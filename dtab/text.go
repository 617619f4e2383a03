package dtab

import (
	"slices"
	"sort"
)

// Text is a table together with the text that it was read from, so that the text
// after an edit is read at the cost of the edit. It is immutable.
type Text struct {
	src          Source
	origin, text string
	table        Dtab
	// tops are the places where the parser stood before each entry, and behind a
	// ";" that ends the text. What follows a top is read the same, whatever stands
	// before it.
	tops []int
}

// Dtab gives the table. It must not be changed.
func (t *Text) Dtab() Dtab {
	if t == nil {
		return nil
	}
	return t.table
}

// Next reads the text that comes in place of t, which may be nil for none. Table
// and error are what Parse gives, but that each entry has the Origin. Entries before
// and after the edit share their paths with those of t.
func (t *Text) Next(src Source, origin, text string) (*Text, error) {
	if t == nil || t.origin != origin {
		t = &Text{tops: []int{0}}
	}
	kept := sort.SearchInts(t.tops, commonPrefix(t.text, text)+1) - 1
	p := parser{src: src, text: text, at: t.tops[kept]}
	rest, longer := len(text)-commonSuffix(t.text, text), len(text)-len(t.text)
	tail := len(t.table)
	tailTops := t.tops[len(t.tops):]
	table, tops, err := p.entries(func(at int) bool {
		i, found := slices.BinarySearch(t.tops, at-longer)
		if found = found && at >= rest; found {
			tail, tailTops = i, t.tops[i:]
		}
		return found
	})
	if err != nil {
		return nil, err
	}
	next := &Text{src: src, origin: origin, text: text}
	next.table = slices.Concat(t.table[:kept], table, t.table[tail:])
	next.tops = slices.Concat(t.tops[:kept], tops, tailTops)
	for i := kept + len(tops); i < len(next.tops); i++ {
		next.tops[i] += longer
	}
	for i := range table {
		next.table[kept+i].Origin = origin
	}
	indent := src.Col - t.src.Col
	move(next.table[:kept], t.src.At(1, 1), src.At(1, 1), indent)
	if tail < len(t.table) {
		p.space()
		move(next.table[kept+len(table):], t.table[tail].Pos, p.pos(p.at), indent)
	}
	return next, nil
}

// move gives entries the places that they have if what stood at one place stands
// at another. What does not stand in its line moves by the indent.
func move(table Dtab, from, to Pos, indent int) {
	if from == to && indent == 0 {
		return
	}
	for i := range table {
		pos := &table[i].Pos
		if pos.Line == from.Line {
			pos.Col += to.Col - from.Col
		} else {
			pos.Col += indent
		}
		pos.Line += to.Line - from.Line
		pos.Source = to.Source
	}
}

// block is how much of two texts is compared at a time.
const block = 4096

// commonPrefix gives how many bytes are the same at the beginning of two texts.
func commonPrefix(a, b string) int {
	n, i := min(len(a), len(b)), 0
	for i+block <= n && a[i:i+block] == b[i:i+block] {
		i += block
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// commonSuffix gives how many bytes are the same at the end of two texts.
func commonSuffix(a, b string) int {
	n, i := min(len(a), len(b)), 0
	for i+block <= n && a[len(a)-i-block:len(a)-i] == b[len(b)-i-block:len(b)-i] {
		i += block
	}
	for i < n && a[len(a)-i-1] == b[len(b)-i-1] {
		i++
	}
	return i
}
