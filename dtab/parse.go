package dtab

import (
	"strconv"
	"strings"
)

// maxNesting bounds the parentheses inside parentheses of a tree. The original
// has no limit but its thread's stack.
const maxNesting = 1000

// parser reads the grammar of Finagle's NameTreeParsers by recursive descent.
// Each method reads one rule from the place where it stands.
type parser struct {
	src   Source
	text  string
	at    int
	depth int

	// The place that pos was last asked for, and its line and column from 0.
	seen, line, col int
}

// whole reads a text that is one rule of the grammar and nothing else.
func whole[T any](p parser, rule func(*parser) (T, error)) (T, error) {
	read, err := rule(&p)
	if err == nil {
		err = p.end()
	}
	if err != nil {
		var nothing T
		return nothing, err
	}
	return read, nil
}

// entries reads dentries separated by ";", which may also stand once at the end, to
// the end of the text, or to a place before a dentry where stop says so. It gives the
// places that it has passed there.
func (p *parser) entries(stop func(at int) bool) (table Dtab, tops []int, err error) {
	for !stop(p.at) {
		tops = append(tops, p.at)
		if p.space(); p.atEnd() {
			break
		}
		dentry, err := p.dentry()
		if err != nil {
			return nil, nil, err
		}
		table = append(table, dentry)
		if p.space(); !p.accept(';') {
			return table, tops, p.end()
		}
	}
	return table, tops, nil
}

func (p *parser) dentry() (Dentry, error) {
	p.space()
	pos := p.pos(p.at)
	prefix, err := p.prefix()
	if err != nil {
		return Dentry{}, err
	}
	p.space()
	if err := p.expect('='); err != nil {
		return Dentry{}, err
	}
	if err := p.expect('>'); err != nil {
		return Dentry{}, err
	}
	dst, err := p.tree()
	if err != nil {
		return Dentry{}, err
	}
	return Dentry{Prefix: prefix, Dst: dst, Pos: pos}, nil
}

func (p *parser) prefix() (Prefix, error) {
	p.space()
	if err := p.expect('/'); err != nil {
		return nil, err
	}
	if !p.atLabel() && p.peek() != '*' {
		return nil, nil
	}
	var prefix Prefix
	for {
		if p.accept('*') {
			prefix = append(prefix, Elem{Any: true})
		} else {
			label, err := p.label()
			if err != nil {
				return nil, err
			}
			prefix = append(prefix, Elem{Label: label})
		}
		if !p.accept('/') {
			return prefix, nil
		}
	}
}

func (p *parser) path() (Path, error) {
	p.space()
	if err := p.expect('/'); err != nil {
		return nil, err
	}
	if !p.atLabel() {
		return nil, nil
	}
	var path Path
	for {
		label, err := p.label()
		if err != nil {
			return nil, err
		}
		path = append(path, label)
		if !p.accept('/') {
			return path, nil
		}
	}
}

// atLabel tells whether a label begins here.
func (p *parser) atLabel() bool {
	return !p.atEnd() && (isLabelChar(p.peek()) || p.peek() == '\\')
}

// label reads one segment, without its slash.
func (p *parser) label() (string, error) {
	start := p.at
	for !p.atEnd() && isLabelChar(p.peek()) {
		p.at++
	}
	if p.peek() != '\\' {
		if p.at == start {
			return "", p.unexpected("label char")
		}
		return p.text[start:p.at], nil
	}
	var b strings.Builder
	b.WriteString(p.text[start:p.at])
	for p.atLabel() {
		c := p.peek()
		p.at++
		if c == '\\' {
			var err error
			if c, err = p.escape(); err != nil {
				return "", err
			}
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// escape reads what follows a backslash: x and two hex digits.
func (p *parser) escape() (byte, error) {
	if err := p.expect('x'); err != nil {
		return 0, err
	}
	var value byte
	for range 2 {
		digit := strings.IndexByte("0123456789abcdef0123456789ABCDEF", p.peek())
		if digit < 0 {
			return 0, p.unexpected("hex char")
		}
		value = value<<4 | byte(digit&0xf)
		p.at++
	}
	return value, nil
}

// tree reads alternatives.
func (p *parser) tree() (Tree, error) {
	first, err := p.union()
	if err != nil {
		return nil, err
	}
	if p.space(); p.peek() != '|' {
		return first, nil
	}
	alt := Alt{first}
	for p.accept('|') {
		branch, err := p.union()
		if err != nil {
			return nil, err
		}
		alt = append(alt, branch)
		p.space()
	}
	return alt, nil
}

// union reads weighted branches. The weight of an only branch is dropped.
func (p *parser) union() (Tree, error) {
	first, err := p.weighted()
	if err != nil {
		return nil, err
	}
	if p.space(); p.peek() != '&' {
		return first.Tree, nil
	}
	union := Union{first}
	for p.accept('&') {
		branch, err := p.weighted()
		if err != nil {
			return nil, err
		}
		union = append(union, branch)
		p.space()
	}
	return union, nil
}

func (p *parser) weighted() (Weighted, error) {
	weight := 1.0
	p.space()
	if isNumberChar(p.peek()) {
		var err error
		if weight, err = p.number(); err != nil {
			return Weighted{}, err
		}
		p.space()
		if err := p.expect('*'); err != nil {
			return Weighted{}, err
		}
		p.space()
	}
	tree, err := p.simple()
	return Weighted{Weight: weight, Tree: tree}, err
}

// number reads digits with at most one dot. A number too big for a float64 is
// infinite, as in Java.
func (p *parser) number() (float64, error) {
	start := p.at
	for dot := false; isNumberChar(p.peek()); p.at++ {
		if p.peek() != '.' {
			continue
		}
		if dot {
			return 0, p.unexpected("number char")
		}
		dot = true
	}
	digits := p.text[start:p.at]
	if digits == "." {
		err := p.unexpected("weight")
		err.Found = "'.'"
		return 0, err
	}
	value, _ := strconv.ParseFloat(digits, 64) // only ever out of range
	return value, nil
}

func isNumberChar(c byte) bool { return '0' <= c && c <= '9' || c == '.' }

func (p *parser) simple() (Tree, error) {
	p.space()
	switch p.peek() {
	case '/':
		path, err := p.path()
		return Leaf{Path: path}, err
	case '!':
		p.at++
		return Fail{}, nil
	case '~':
		p.at++
		return Neg{}, nil
	case '$':
		p.at++
		return Empty{}, nil
	case '(':
		return p.parens()
	}
	return nil, p.unexpected("simple")
}

func (p *parser) parens() (Tree, error) {
	if p.depth == maxNesting {
		err := p.unexpected("simple")
		err.Hint = "parentheses may nest " + strconv.Itoa(maxNesting) + " deep"
		return nil, err
	}
	p.at++
	p.depth++
	tree, err := p.tree()
	if err != nil {
		return nil, err
	}
	p.depth--
	p.space()
	return tree, p.expect(')')
}
