package main

// depth is how many conditions inside of the first have a schema. What is
// nested deeper is stored as it is, and checked by Kibble, which says in the
// object's status what it finds: a schema cannot refer to itself, and one that
// is written out grows threefold with each step.
const depth = 1

// members bounds all and any: it multiplies what the rules may cost.
const members = 32

// nest writes out the conditions inside of a condition.
func nest(condition object) {
	inner := clone(condition).(object)
	strip(inner)
	for range depth - 1 {
		next := clone(inner).(object)
		fill(next, inner)
		inner = next
	}
	fill(condition, inner)
}

// fill says of what kind all, any and not of a condition are.
func fill(condition, inner object) {
	for _, list := range []string{"all", "any"} {
		p := property(condition, list)
		delete(p, "x-kubernetes-preserve-unknown-fields")
		p["type"], p["items"], p["maxItems"] = "array", clone(inner), members
	}
	not := property(condition, "not")
	delete(not, "x-kubernetes-preserve-unknown-fields")
	for key, value := range clone(inner).(object) {
		if key != "description" {
			not[key] = value
		}
	}
}

// strip takes away the descriptions of fields, which stand where the condition
// itself is described.
func strip(value any) {
	switch v := value.(type) {
	case object:
		for key, inner := range v {
			if text, ok := inner.(string); ok && key == "description" && text != "" {
				delete(v, key)
				continue
			}
			strip(inner)
		}
	case []any:
		for _, inner := range v {
			strip(inner)
		}
	}
}

func clone(value any) any {
	switch v := value.(type) {
	case object:
		c := make(object, len(v))
		for key, inner := range v {
			c[key] = clone(inner)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, inner := range v {
			c[i] = clone(inner)
		}
		return c
	}
	return value
}
