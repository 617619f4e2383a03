package tokens

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.SHA256
	_ "crypto/sha512" // crypto.SHA384 and crypto.SHA512
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"

	"kibble.dev/dogfood"
)

// hashOf gives the hash of an algorithm whose name begins with one of the
// families, and SHA-256 for all others: Envoy lets the kind of the key say how
// to check, and the name of the algorithm only which hash.
func hashOf(algorithm string, families ...string) crypto.Hash {
	for _, f := range families {
		switch algorithm {
		case f + "384":
			return crypto.SHA384
		case f + "512":
			return crypto.SHA512
		}
	}
	return crypto.SHA256
}

func supported(algorithm string) bool {
	switch algorithm {
	case "ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA":
		return true
	}
	return false
}

// isSignedBy tries the keys that the token may mean: those of its key id, and
// those without one; all, if it names none. A key may insist on an algorithm.
func (t *token) isSignedBy(jwks dogfood.Sealed) error {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal([]byte(jwks), &set) != nil {
		return errors.New("the keys to check it with cannot be read")
	}
	tried := false
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil {
			continue // as Envoy does with keys of unknown kinds
		}
		if t.keyID != "" && key.KeyID != "" && key.KeyID != t.keyID || key.Algorithm != "" && key.Algorithm != t.algorithm {
			continue
		}
		tried = true
		if t.isSignedWith(key.Key) {
			return nil
		}
	}
	if !tried {
		return fmt.Errorf("there is no key for it: it names the key %q and the algorithm %s", t.keyID, t.algorithm)
	}
	return errors.New("it is not signed with a key of the issuer")
}

// isSignedWith checks the signature as the kind of the key demands.
func (t *token) isSignedWith(key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		hash := hashOf(t.algorithm, "RS", "PS")
		switch t.algorithm[:2] {
		case "RS":
			return rsa.VerifyPKCS1v15(key, hash, t.digest(hash), t.signature) == nil
		case "PS":
			return rsa.VerifyPSS(key, hash, t.digest(hash), t.signature, nil) == nil
		}
	case *ecdsa.PublicKey:
		half := len(t.signature) / 2
		r, s := new(big.Int).SetBytes(t.signature[:half]), new(big.Int).SetBytes(t.signature[half:half*2])
		return ecdsa.Verify(key, t.digest(hashOf(t.algorithm, "ES")), r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(key, []byte(t.signed), t.signature)
	case []byte:
		mac := hmac.New(hashOf(t.algorithm, "HS").New, key)
		mac.Write([]byte(t.signed)) // never fails
		return hmac.Equal(mac.Sum(nil), t.signature)
	}
	return false
}

func (t *token) digest(hash crypto.Hash) []byte {
	h := hash.New()
	h.Write([]byte(t.signed)) // never fails
	return h.Sum(nil)
}
