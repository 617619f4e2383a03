package v1alpha1

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// FieldError is one mistake in an object, at the field where a person would
// mend it. The Validate methods give all of an object's mistakes that can be
// seen field by field, in the order of the object's fields. They do not read
// tables, regular expressions or templates, and look at no other object.
type FieldError struct {
	// Path of the field, as "spec.namers[0].kind".
	Path string
	// Message says what is wrong, Hint (may be empty) what to write instead.
	Message, Hint string
}

// CodeField is the code of the findings that are made of FieldErrors.
const CodeField = "KB1006"

// checker collects mistakes.
type checker struct{ errs []FieldError }

func (c *checker) add(path, message, hint string) {
	c.errs = append(c.errs, FieldError{Path: path, Message: message, Hint: hint})
}

// need tells whether a field that must be set is, and says so if not.
func (c *checker) need(path, value, hint string) bool {
	if strings.TrimSpace(value) == "" {
		c.add(path, last(path)+" is missing", hint)
		return false
	}
	return true
}

// oneOf checks a field that may be empty.
func (c *checker) oneOf(path, value string, allowed ...string) {
	if value == "" || slices.Contains(allowed, value) {
		return
	}
	c.add(path, fmt.Sprintf("%s cannot be %q", last(path), value), "it is one of "+strings.Join(allowed, ", "))
}

// name checks the name of another object.
func (c *checker) name(path, value string) {
	if !c.need(path, value, "name the object") {
		return
	}
	if len(validation.IsDNS1123Subdomain(value)) > 0 {
		c.add(path, fmt.Sprintf("%q cannot be the name of an object", value), nameHint)
	}
}

// namespace checks the name of a namespace.
func (c *checker) namespace(path, value string) {
	if len(validation.IsDNS1123Label(value)) > 0 {
		c.add(path, fmt.Sprintf("%q cannot be the name of a namespace", value), "small letters, digits and -, at most 63")
	}
}

const nameHint = "small letters, digits, - and ., beginning and ending with a letter or digit"

// path checks that a value may be a dtab path; what it holds is read later.
func (c *checker) path(path, value string) {
	if value != "" && !strings.HasPrefix(strings.TrimSpace(value), "/") {
		c.add(path, fmt.Sprintf("%q is not a path", value), fmt.Sprintf("paths begin with /, as in %q", "/"+strings.TrimSpace(value)))
	}
}

// port checks the number of a port.
func (c *checker) port(path string, number int32) {
	switch {
	case number == 0:
		c.add(path, last(path)+" is missing", "a number from 1 to 65535")
	case number < 1 || number > 65535:
		c.add(path, fmt.Sprintf("%d is not a port", number), "ports are numbers from 1 to 65535")
	}
}

// header checks the name of a header; pseudo-headers of HTTP/2 pass.
func (c *checker) header(path, value string) {
	if value != "" && !isToken(strings.TrimPrefix(value, ":")) {
		c.add(path, fmt.Sprintf("%q cannot be the name of a header", value), "letters, digits and -, as in X-Team")
	}
}

// cookie checks the name of a cookie.
func (c *checker) cookie(path, value string) {
	if value != "" && !isToken(value) {
		c.add(path, fmt.Sprintf("%q cannot be the name of a cookie", value), "letters, digits, _ and -, as in dogfood_user")
	}
}

// isToken tells a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return s != ""
}

// option is a field that only some kinds take.
type option struct {
	name string
	set  bool
}

// options complains about fields that are set but that a kind has no use for.
func (c *checker) options(path, kind string, takes []string, all ...option) {
	for _, o := range all {
		if !o.set || slices.Contains(takes, o.name) {
			continue
		}
		hint := "take it away; " + kind + " has no options"
		if len(takes) > 0 {
			hint = "take it away; " + kind + " has only " + strings.Join(takes, ", ")
		}
		c.add(path+"."+o.name, kind+" has no use for "+o.name, hint)
	}
}

// at gives the path of an element of a list.
func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// last gives the name of a path's last field.
func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
