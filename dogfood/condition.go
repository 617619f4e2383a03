package dogfood

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Condition is a boolean expression over a request: All, Any, Not, or one of
// the leaves Cookie, Header, Source, JWT and Percent. It is immutable.
type Condition interface {
	// Explain decides the condition for a request, part by part, as Envoy
	// does. verify may be nil: then no token is valid.
	Explain(r Request, verify Verify) Verdict
	// String says the condition in words.
	String() string
	condition()
}

// All holds where every one of its members, two or more, does.
type All []Condition

// Any holds where one of its members, two or more, does.
type Any []Condition

// Not holds where its member does not.
type Not struct{ Condition Condition }

// Cookie compares the value of a cookie. There is no match without the cookie,
// nor if it is empty; of two of one name the first counts.
type Cookie struct {
	Name string
	Is   Text
}

// Header compares the value of a header; the values of several lines are
// joined by a comma. There is no match without the header.
type Header struct {
	// Name in lower case; the host is ":authority".
	Name string
	Is   Text
}

// Source holds where the client's address is in one of the ranges.
type Source struct{ Ranges []netip.Prefix }

// JWT holds where a valid token is found and every claim matches.
type JWT struct {
	Issuer    string
	Audiences []string
	// Header (lower case) or Cookie that holds the token; one is set. Prefix is
	// what stands before the token in the header.
	Header, Prefix, Cookie string
	// JWKS is the key set as JSON, or JWKSURL the place that Envoy fetches it from.
	JWKS    Sealed
	JWKSURL string
	Claims  []Claim
}

// Claim compares a claim of a token: a text, a list that has the text as a
// member, or, with OpExact, a number or boolean that is written like the text.
type Claim struct {
	Path []string
	Is   Text
}

// Percent holds for a share of the people that a cookie, a header or a claim
// tells apart: those whose value, hashed, falls below the share. Without a value
// it does not hold.
type Percent struct {
	// Millionths is the share, 0 to 1,000,000.
	Millionths uint32
	// Seed makes two policies of one share choose different people.
	Seed uint64
	// Cookie, or Header in lower case, or Claim, a text in a valid Token; one is set.
	Cookie, Header string
	Token          *JWT
	Claim          []string
}

// million is what shares are counted of.
const million = 1_000_000

// place of a person on the scale from 0 to a million: what Envoy's
// runtime_fraction matcher compares with the share.
func (p Percent) place(value string) uint32 {
	d := xxhash.NewWithSeed(p.Seed)
	_, _ = d.WriteString(value) // never fails
	return uint32(d.Sum64() % million)
}

func (All) condition()     {}
func (Any) condition()     {}
func (Not) condition()     {}
func (Cookie) condition()  {}
func (Header) condition()  {}
func (Source) condition()  {}
func (JWT) condition()     {}
func (Percent) condition() {}

func (a All) String() string { return join(a, " and ") }
func (a Any) String() string { return join(a, " or ") }
func (n Not) String() string { return "not (" + n.Condition.String() + ")" }

func join(members []Condition, word string) string {
	texts := make([]string, len(members))
	for i, m := range members {
		texts[i] = "(" + m.String() + ")"
	}
	return strings.Join(texts, word)
}

func (c Cookie) String() string { return "cookie " + c.Name + " " + c.Is.String() }
func (h Header) String() string { return "header " + h.Name + " " + h.Is.String() }

func (s Source) String() string {
	texts := make([]string, len(s.Ranges))
	for i, r := range s.Ranges {
		texts[i] = r.String()
	}
	return "source address in " + strings.Join(texts, ", ")
}

func (j JWT) String() string {
	text := "token of " + quote(j.Issuer)
	if len(j.Audiences) > 0 {
		text += " for " + strings.Join(j.Audiences, " or ")
	}
	parts := []string{text + " in " + j.place()}
	for _, c := range j.Claims {
		parts = append(parts, c.String())
	}
	return strings.Join(parts, ", ")
}

// place says where the token is looked for.
func (j JWT) place() string {
	if j.Cookie != "" {
		return "cookie " + j.Cookie
	}
	return "header " + j.Header
}

func (c Claim) String() string {
	return "claim " + strings.Join(c.Path, ".") + " " + c.Is.String()
}

func (p Percent) String() string {
	who := "cookie " + p.Cookie
	switch {
	case p.Header != "":
		who = "header " + p.Header
	case p.Token != nil:
		who = "claim " + strings.Join(p.Claim, ".") + " of the token in " + p.Token.place()
	}
	return percentText(p.Millionths) + "% of the people told apart by " + who
}

// percentText prints millionths as percent without trailing zeros.
func percentText(millionths uint32) string {
	return strconv.FormatFloat(float64(millionths)/10_000, 'f', -1, 64)
}

// quote is strconv.Quote under a name that fits a sentence.
func quote(s string) string { return strconv.Quote(s) }
