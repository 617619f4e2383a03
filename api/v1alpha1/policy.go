package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DogfoodPolicy says who gets which override.
type DogfoodPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   DogfoodPolicySpec `json:"spec"`
	Status Status            `json:"status,omitempty"`
}

// Fallback says what happens where an override's target cannot answer.
type Fallback string

// FallbackBaseline answers from what the request would have reached without the
// policy (the default); FallbackFail answers with an error that names the policy.
const (
	FallbackBaseline Fallback = "baseline"
	FallbackFail     Fallback = "fail"
)

// Grant is what a policy lets people do beside the override that it gives them.
type Grant string

// GrantAdHoc lets them send rules of their own.
const GrantAdHoc Grant = "adHoc"

// DogfoodPolicySpec is what a policy's author writes.
type DogfoodPolicySpec struct {
	// Routers of the same namespace where the policy is decided; default: every
	// untrusted one.
	Routers []string `json:"routers,omitempty"`
	// ForEach makes one environment per matching namespace.
	ForEach *ForEach `json:"forEach,omitempty"`
	// When is the condition. An empty one never holds.
	When Condition `json:"when"`
	// Override is a dtab that is appended to every router's table for those
	// requests for which the condition held at the edge. It may be absent where
	// there is a grant.
	Override string `json:"override,omitempty"`
	// Grant says what else those requests may do. adHoc: send rules of their own
	// in l5d-dtab, within adHocOverrides of the Router that they come in by.
	Grant Grant `json:"grant,omitempty"`
	// Fallback; default baseline.
	Fallback Fallback `json:"fallback,omitempty"`
	// Priority orders policies that hold together: the higher one beats the
	// lower, and of equals the name that sorts last beats. Default 0.
	Priority int32 `json:"priority,omitempty"`
	// ExpiresAt ends the policy by itself.
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// ForEach selects namespaces; {namespace} in condition and override stands for each one's name.
type ForEach struct {
	NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`
}

// Condition is a boolean expression over a request. The fields of one object
// are ANDed; an object with no field never holds.
type Condition struct {
	Cookie       *Match      `json:"cookie,omitempty"`
	Header       *Match      `json:"header,omitempty"`
	SourceRanges []string    `json:"sourceRanges,omitempty"`
	JWT          *JWT        `json:"jwt,omitempty"`
	Percent      *Percent    `json:"percent,omitempty"`
	All          []Condition `json:"all,omitempty"`
	Any          []Condition `json:"any,omitempty"`
	Not          *Condition  `json:"not,omitempty"`
}

// Match compares the value of one cookie or header. Exactly one of Exact,
// Prefix, Suffix, Contains and Regex is set; a regex (RE2) is searched, not anchored.
type Match struct {
	Name       string  `json:"name"`
	Exact      *string `json:"exact,omitempty"`
	Prefix     *string `json:"prefix,omitempty"`
	Suffix     *string `json:"suffix,omitempty"`
	Contains   *string `json:"contains,omitempty"`
	Regex      *string `json:"regex,omitempty"`
	IgnoreCase bool    `json:"ignoreCase,omitempty"`
}

// JWT holds where a valid token is found and every claim matches. A token that
// is absent, expired, forged or for somebody else does not hold, and harms
// nobody: the request goes on, with its token where it was.
type JWT struct {
	// Issuer is the iss of the tokens to accept.
	Issuer string `json:"issuer"`
	// Audiences: one of them must be among the token's aud; none: any will do.
	Audiences []string `json:"audiences,omitempty"`
	// Header (default Authorization, "Bearer ") or Cookie that holds the token.
	Header string `json:"header,omitempty"`
	Cookie string `json:"cookie,omitempty"`

	// Where the keys are that tokens are signed with, a JSON Web Key Set
	// (RFC 7517); exactly one of the four is set.

	// JWKS inline, as JSON. Public keys only: everybody who may read the policy
	// reads it.
	JWKS string `json:"jwks,omitempty"`
	// JWKSFile is read by Kibble and followed when it changes; a relative path
	// begins at the directory that Kibble reads its objects from.
	JWKSFile string `json:"jwksFile,omitempty"`
	// JWKSSecretRef is a key of a Secret of the policy's namespace, the place for
	// keys that are themselves secret (HS256).
	JWKSSecretRef *SecretKeyRef `json:"jwksSecretRef,omitempty"`
	// JWKSURL is fetched by Envoy.
	JWKSURL string `json:"jwksUrl,omitempty"`

	// Claims, all of which must match. Name is a path with dots.
	Claims []Match `json:"claims,omitempty"`
}

// SecretKeyRef names a key in the data of a Secret.
type SecretKeyRef struct {
	// Name of the Secret.
	Name string `json:"name"`
	// Key in its data.
	Key string `json:"key"`
}

// Percent holds for a share of the people that a cookie, a header or a claim
// tells apart. The same person always gets the same answer; two policies choose
// different people. Exactly one of Cookie, Header and Claim is set; without a
// value nobody is meant.
type Percent struct {
	// Of a hundred, 0 to 100; up to 4 decimals.
	Of string `json:"of"`
	// Cookie whose value names the person.
	Cookie string `json:"cookie,omitempty"`
	// Header whose value names the person.
	Header string `json:"header,omitempty"`
	// Claim that names the person, such as sub: a text in the token that jwt, in
	// the same condition, checks. Name is a path with dots.
	Claim string `json:"claim,omitempty"`
}
