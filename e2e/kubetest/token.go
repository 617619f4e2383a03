package kubetest

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// TokenLeeway is how much longer than it says the API server takes a token.
const TokenLeeway = jwt.DefaultLeeway

// TokenUntil gives a ServiceAccount token that says what another one does, but for when
// it expires: the API server itself signs none for less than ten minutes.
func (c *Cluster) TokenUntil(token string, end time.Time) string {
	c.t.Helper()
	b, err := os.ReadFile(c.path("sa.key"))
	c.must(err)
	block, _ := pem.Decode(b)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	c.must(err)
	key := parsed.(*ecdsa.PrivateKey)
	was, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	c.must(err)
	claims := map[string]any{}
	c.must(was.Claims(key.Public(), &claims))
	claims["exp"] = end.Unix()
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: was.Headers[0].KeyID},
	}, nil)
	c.must(err)
	again, err := jwt.Signed(signer).Claims(claims).Serialize()
	c.must(err)
	return again
}

func (c *Cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}
