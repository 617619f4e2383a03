package dogfood

import (
	"slices"
	"strings"
)

// ContextHeader carries the context of a request from hop to hop.
const ContextHeader = "l5d-ctx-dogfood"

// Limits of what is read from a context. Nobody at the edge writes more; an id
// that is longer than any policy's cannot be known.
const (
	maxIDs      = 100
	maxIDLength = 253 + len(".") + 63
)

// Context is the ids of the policies that hold for a request, in the order in
// which they stand in the header: the member of a family first.
type Context []string

// ParseContext reads the values of all context headers of a request. Blanks
// around ids, repeated ids and what cannot be an id are left out; beyond 100
// ids the rest is. Whether an id is known is for the caller to say.
func ParseContext(lines []string) Context {
	return idsIn(strings.Join(lines, ","), ",")
}

// idsIn gives the ids in a text, between which any of the separators stand.
func idsIn(text, separators string) Context {
	var ids Context
	for id := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		id = trimBlanks(id)
		if isID(id) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		if len(ids) == maxIDs {
			break
		}
	}
	return ids
}

// String gives the header's value, "" for an empty context.
func (c Context) String() string { return strings.Join(c, ",") }

// Active gives those of the policies whose ids are in the context, in the order
// of Sort. Ids of no policy are ignored: they mean the baseline.
func (c Context) Active(policies []Policy) []Policy {
	var active []Policy
	for _, p := range policies {
		if slices.Contains(c, p.ID) {
			active = append(active, p)
		}
	}
	Sort(active)
	return active
}

// Decide gives the context that the edge would write for a request, given the
// policies that are decided there and travel.
func Decide(policies []Policy, r Request, verify Verify) Context {
	var ids Context
	for _, p := range InContext(policies) {
		if p.Travels() && p.When.Explain(r, verify).Holds {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// isID tells whether a text may be the id of a policy.
func isID(text string) bool {
	return text != "" && len(text) <= maxIDLength && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}
