// Package dtab is the language of delegation tables: paths, name trees and
// tables, their text, and what a name means under a table.
//
// It answers as linkerd 1.7.5 on Finagle 21.4.0 does, to the letter: what is
// accepted, the canonical text, lookups, binding, weights, the depth limit and
// the errors. It is pure: no clock, no network, no goroutine. What exists in
// the world is told by an Instance.
//
// The way of a text through the package: Parse (parse.go) gives a Dtab, an
// Interpreter (bind.go) binds a path under it with the help of Namers
// (namer.go, utility.go), and Shares (shares.go) says how requests spread over
// the result. Delegate (delegate.go) is the same evaluation with a trace.
package dtab
