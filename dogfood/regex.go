package dogfood

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// MaxRegexProgram is the size of a compiled regular expression that our
// bootstraps let Envoy accept (re2.max_program_size.error_level).
const MaxRegexProgram = 1000

// Envoy compiles regular expressions to RE2 programs over bytes (Latin-1), and
// matches them against the whole value. So the text that a person wrote is
// parsed here, brought to a form that Go and RE2 cannot read differently, and
// wrapped so that a full match is a search. In Go the same form is matched
// against the value with each byte as one character.

// compileRegex gives the pattern for Envoy and the expression for Go. The error
// is a sentence for the author.
func compileRegex(text string, ignoreCase bool) (pattern string, search *regexp.Regexp, err error) {
	plain, err := plainRegex(text, ignoreCase)
	if err != nil {
		return "", nil, err
	}
	search, err = regexp.Compile(plain)
	if err != nil {
		return "", nil, err
	}
	return "(?s:.*)(?:" + plain + ")(?s:.*)", search, nil
}

// WholeText gives the comparison with a regular expression (RE2) that a value
// must match from its first to its last byte. The error is a sentence for the
// author of the expression, who writes something that Envoy would refuse, or
// that it would read differently than Go does.
func WholeText(text string) (Text, error) {
	plain, err := plainRegex(text, false)
	if err != nil {
		return Text{}, err
	}
	whole, err := regexp.Compile(`\A(?:` + plain + `)\z`)
	if err != nil {
		return Text{}, err
	}
	return Text{Op: OpRegex, Want: text, Pattern: plain, search: whole}, nil
}

// plainRegex brings an expression to the form that Go and RE2 read alike.
func plainRegex(text string, ignoreCase bool) (string, error) {
	if i := strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }); i >= 0 {
		return "", fmt.Errorf("it holds a character that is not ASCII (%q)", text[i:])
	}
	flags := syntax.Perl
	if ignoreCase {
		flags |= syntax.FoldCase
	}
	re, err := syntax.Parse(text, flags)
	if err != nil {
		return "", err
	}
	re = overBytes(re)
	if size := programSize(re.Simplify()); size > MaxRegexProgram {
		return "", fmt.Errorf("its program has about %d steps, of which %d are allowed", size, MaxRegexProgram)
	}
	return printBytes(re), nil
}

// searchBytes tells whether the expression is found in a value of any bytes.
func searchBytes(search *regexp.Regexp, value string) bool {
	for i := 0; i < len(value); i++ {
		if value[i] > unicode.MaxASCII {
			return search.MatchString(latin1(value))
		}
	}
	return search.MatchString(value)
}

func latin1(value string) string {
	runes := make([]rune, len(value))
	for i := range runes {
		runes[i] = rune(value[i])
	}
	return string(runes)
}

const lastByte = 0xff

// overBytes rewrites an expression so that it speaks of bytes only: no
// captures, no class beyond 0xff, and no case folding but of ASCII letters,
// since RE2 folds nothing else in this mode.
func overBytes(re *syntax.Regexp) *syntax.Regexp {
	for i, sub := range re.Sub {
		re.Sub[i] = overBytes(sub)
	}
	switch re.Op {
	case syntax.OpCapture:
		return re.Sub[0]
	case syntax.OpCharClass:
		return class(re.Rune)
	case syntax.OpLiteral:
		return literal(re)
	}
	return re
}

func class(ranges []rune) *syntax.Regexp {
	var kept []rune
	for i := 0; i+1 < len(ranges) && ranges[i] <= lastByte; i += 2 {
		kept = append(kept, ranges[i], min(ranges[i+1], lastByte))
	}
	if len(kept) == 0 {
		return &syntax.Regexp{Op: syntax.OpNoMatch}
	}
	return &syntax.Regexp{Op: syntax.OpCharClass, Rune: kept}
}

// literal splits off the characters of a literal that are not plain ASCII: they
// become classes with all their cases spelled out.
func literal(re *syntax.Regexp) *syntax.Regexp {
	all := &syntax.Regexp{Op: syntax.OpConcat}
	var run []rune
	flush := func() {
		if len(run) > 0 {
			all.Sub = append(all.Sub, &syntax.Regexp{Op: syntax.OpLiteral, Flags: re.Flags, Rune: run})
			run = nil
		}
	}
	for _, r := range re.Rune {
		if r <= unicode.MaxASCII {
			run = append(run, r)
			continue
		}
		flush()
		var cases []rune
		if r <= lastByte {
			cases = append(cases, r, r)
		}
		if re.Flags&syntax.FoldCase != 0 {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				cases = append(cases, f, f)
			}
		}
		slices.Sort(cases)
		all.Sub = append(all.Sub, class(cases))
	}
	flush()
	if len(all.Sub) == 1 {
		return all.Sub[0]
	}
	return all
}

// printBytes is Regexp.String with every character beyond ASCII escaped.
func printBytes(re *syntax.Regexp) string {
	text := strings.ReplaceAll(re.String(), `[^\x00-\x{10FFFF}]`, `[^\x00-\xff]`)
	var b strings.Builder
	for _, r := range text {
		if r > unicode.MaxASCII {
			fmt.Fprintf(&b, `\x%02x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// programSize is an upper bound of the size that RE2 reports for the wrapped
// pattern, close enough not to refuse what Envoy takes. re is simplified: it
// has no counted repetitions.
func programSize(re *syntax.Regexp) int {
	const wrapper = 8
	return wrapper + steps(re)
}

func steps(re *syntax.Regexp) int {
	n := 0
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpCharClass:
		n = len(re.Rune) / 2
	case syntax.OpAlternate:
		n = len(re.Sub)
	case syntax.OpAnyCharNotNL, syntax.OpStar, syntax.OpPlus:
		n = 2
	case syntax.OpConcat:
	default:
		n = 1
	}
	for _, sub := range re.Sub {
		n += steps(sub)
	}
	return n
}
