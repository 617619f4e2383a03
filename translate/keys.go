package translate

import (
	"errors"
	"fmt"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
)

// keys finds the key set that a token names by a file or a Secret.
func (inv *Inventory) keys(namespace string, j v1alpha1.JWT) (dogfood.Sealed, error) {
	if j.JWKSFile != "" {
		file, read := inv.KeyFiles[j.JWKSFile]
		switch {
		case !read:
			return "", fmt.Errorf("the file %s was not read", j.JWKSFile)
		case file.Problem != "":
			return "", errors.New(file.Problem)
		}
		return file.Text, nil
	}
	if j.JWKSSecretRef == nil {
		return "", nil
	}
	key := Key{namespace, j.JWKSSecretRef.Name}
	secret, there := inv.Secrets[key]
	if !there {
		return "", fmt.Errorf("there is no Secret %s", key)
	}
	keys, there := secret[j.JWKSSecretRef.Key]
	if !there {
		return "", fmt.Errorf("the Secret %s has no key %q in its data", key, j.JWKSSecretRef.Key)
	}
	return keys, nil
}

// withKeys gives a policy with the keys that it names written into it, so that
// it can be served like this when they are gone.
func (inv *Inventory) withKeys(src *Sourced[v1alpha1.DogfoodPolicy]) *Sourced[v1alpha1.DogfoodPolicy] {
	named := false
	src.Object.Spec.When.EachJWT(func(j *v1alpha1.JWT) { named = named || j.JWKSFile != "" || j.JWKSSecretRef != nil })
	if !named {
		return src
	}
	whole := *src
	whole.Object.Spec.When = src.Object.Spec.When.Clone()
	whole.Object.Spec.When.EachJWT(func(j *v1alpha1.JWT) {
		if j.JWKSFile == "" && j.JWKSSecretRef == nil {
			return
		}
		if keys, err := inv.keys(src.Object.Namespace, *j); err == nil {
			j.JWKS, j.JWKSFile, j.JWKSSecretRef = string(keys), "", nil
		}
	})
	return &whole
}
