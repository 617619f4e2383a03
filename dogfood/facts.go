package dogfood

import (
	"errors"

	"kibble.dev/api/v1alpha1"
)

// Facts are what the meaning of a policy depends on beside its own text.
type Facts struct {
	// Namespaces gives the labels of every namespace.
	Namespaces map[string]map[string]string
	// Keys gives the key set (JSON) that a token of a policy in the namespace
	// names by a file or a Secret. The error says in words why there is none.
	// It may be nil: then there is none.
	Keys func(namespace string, j v1alpha1.JWT) (Sealed, error)
}

// keys gives the key set of a token, "" where Envoy fetches it, and the field
// that it comes from.
func (f Facts) keys(namespace string, j v1alpha1.JWT) (keys Sealed, field string, err error) {
	switch {
	case j.JWKS != "":
		return Sealed(j.JWKS), "jwks", nil
	case j.JWKSFile != "":
		field = "jwksFile"
	case j.JWKSSecretRef != nil:
		field = "jwksSecretRef"
	default:
		return "", "jwksUrl", nil
	}
	if f.Keys == nil {
		return "", field, errors.New("the keys are not known here")
	}
	keys, err = f.Keys(namespace, j)
	return keys, field, err
}
