package dogfood

import (
	"fmt"
	"io"
	"log/slog"
)

// Sealed is text that is not to be shown, such as keys: however it is printed,
// logged or encoded, no part of it appears. string(s) opens it.
type Sealed string

const sealed = "(not shown)"

// String gives a stand-in.
func (s Sealed) String() string { return sealed }

// Format gives a stand-in, whatever the verb.
func (s Sealed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, sealed) } // as fmt does

// MarshalText gives a stand-in.
func (s Sealed) MarshalText() ([]byte, error) { return []byte(sealed), nil }

// LogValue gives a stand-in.
func (s Sealed) LogValue() slog.Value { return slog.StringValue(sealed) }
