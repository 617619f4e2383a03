package translate

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
)

// Shown gives a resource in JSON's form, with @type, as people may see it:
// private keys, and the keys that tokens are checked with, are left out.
func (r *Resource) Shown() (any, error) {
	// protojson varies its spacing on purpose, so it goes through a generic value.
	b, err := protojson.Marshal(r.Body)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", r.Name, err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("encode %s: %w", r.Name, err)
	}
	hideKeys(v)
	return v, nil
}

// hideKeys takes the private keys of certificates, and the keys of tokens, since
// some are secret, out of a resource.
func hideKeys(v any) {
	switch v := v.(type) {
	case []any:
		for _, member := range v {
			hideKeys(member)
		}
	case map[string]any:
		for _, field := range []string{"localJwks", "privateKey"} {
			if keys, ok := v[field].(map[string]any); ok {
				for name := range keys {
					keys[name] = "(not shown)"
				}
			}
		}
		for _, member := range v {
			hideKeys(member)
		}
	}
}
