package dtab

import "math"

// Share is a part of the requests that go to a bound name.
type Share struct {
	// Bound is where the requests go.
	Bound Bound
	// Empty says that they go nowhere: the name exists and has nobody behind
	// it, so this share of the requests fails.
	Empty bool
	// Share is the part of all requests, from 0 to 1.
	Share float64
}

// Shares tells how a bound tree divides the requests, in tree order: a branch
// of a union gets its weight's part of the sum of the weights, or, where all
// are zero, as much as the others (Finagle, Drv.fromWeights). Neg and Fail have
// no shares; of an alternation the first branch counts.
func Shares(bound Tree) []Share { return appendShares(nil, bound, 1) }

func appendShares(to []Share, tree Tree, share float64) []Share {
	switch t := tree.(type) {
	case *Bound:
		return append(to, Share{Bound: *t, Share: share})
	case Empty:
		return append(to, Share{Empty: true, Share: share})
	case Alt:
		if len(t) > 0 {
			return appendShares(to, t[0], share)
		}
	case Union:
		sum := 0.0
		for _, w := range t {
			sum += w.Weight
		}
		for _, w := range t {
			part := w.Weight / sum
			if sum == 0 || math.IsInf(sum, 1) {
				part = 1 / float64(len(t))
			}
			to = appendShares(to, w.Tree, share*part)
		}
	}
	return to
}
