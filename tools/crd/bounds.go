package main

import "fmt"

// bounds gives what a schema says that the package internal/bounds checks. A
// word of which nobody knows who checks it is an error.
func bounds(schema object) (object, error) {
	out := object{}
	for word, value := range schema {
		var err error
		switch word {
		case "type", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "required", "maxProperties", "minItems", "maxItems":
			out[word] = value
		case "properties":
			all := object{}
			for name, p := range value.(object) {
				if all[name], err = bounds(p.(object)); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			}
			out[word] = all
		case "items", "additionalProperties":
			out[word], err = bounds(value.(object))
		case "format", "x-kubernetes-list-type":
			switch value {
			case "int32", "set":
				out[value.(string)] = true
			case "date-time": // its Go type reads it
			case "atomic": // says how values are merged
			default:
				err = fmt.Errorf("nobody checks %s: %v", word, value)
			}
		case "x-kubernetes-validations": // what the Validate methods check
		case "description", "default", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-map-type":
		default:
			err = fmt.Errorf("nobody checks %s", word)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
