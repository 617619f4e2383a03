// Package dogfood says who gets which override.
//
// A DogfoodPolicy is compiled to a Policy: a Condition over a request, and the
// dtab that is appended to every router's table where it holds. It is decided
// once, at the edge, and travels as a Context: the ids of the policies that
// hold, in one header.
//
// Conditions are decided by Envoy. The same tree explains itself in Go, and
// both always agree: where Envoy has a way of its own, such as taking the first
// of two cookies of one name, Explain does as Envoy 1.40 does, and a test with
// random conditions and requests holds the two against each other.
//
// The package is pure: no clock, no network, no goroutine.
package dogfood
