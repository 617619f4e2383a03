// Package vector answers test vectors of delegation tables: one JSON object in,
// one out. The formats are those of the vectors in dtab/testdata, which were
// made by running linkerd and Finagle.
package vector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Input is one vector; which members it has tells of which kind it is.
type Input struct {
	// ID is echoed.
	ID json.RawMessage `json:"id"`

	// Kind and Input are a parse vector's: which rule of the grammar reads the
	// text.
	Kind  string  `json:"kind"`
	Input *string `json:"input"`

	// Path and what follows are a delegate vector's: bind Path under Dtab
	// followed by Override, where Services exist. No Namers means all kinds at
	// their default prefixes.
	Path     *string  `json:"path"`
	Dtab     string   `json:"dtab"`
	Override string   `json:"override"`
	Services []string `json:"services"`
	Namers   *[]Namer `json:"namers"`
}

// Namer is a configured namer of a delegate vector.
type Namer struct {
	Kind          string  `json:"kind"`
	Prefix        *string `json:"prefix"`
	LabelSelector string  `json:"labelSelector"`
	Pattern       string  `json:"pattern"`
	Name          string  `json:"name"`
}

// Answer gives the answer to one vector, without a line feed. An error says
// that the vector is malformed; then the answer is an object with the error,
// and the id if there is one.
func Answer(line []byte) ([]byte, error) {
	var in Input
	err := json.Unmarshal(line, &in)
	var out map[string]any
	if err == nil {
		out, err = in.answer()
	}
	if err != nil {
		out = map[string]any{"error": err.Error()}
	}
	if len(in.ID) > 0 {
		out["id"] = in.ID
	}
	text, encodeErr := encode(out)
	return text, errors.Join(err, encodeErr)
}

func (in *Input) answer() (map[string]any, error) {
	switch {
	case in.Input != nil && in.Path != nil:
		return nil, errors.New(`a vector has either "input" or "path"`)
	case in.Input != nil:
		return in.parse()
	case in.Path != nil:
		expected, err := in.Delegate()
		if err != nil {
			return nil, err
		}
		return map[string]any{"expected": expected}, nil
	}
	return nil, errors.New(`a vector has "kind" and "input", or "dtab" and "path"`)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("write an answer: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
