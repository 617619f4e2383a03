package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DogfoodPolicy says who gets which override.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=dfp,categories=kibble
// +kubebuilder:printcolumn:name=Fallback,type=string,JSONPath=`.spec.fallback`
// +kubebuilder:printcolumn:name=Priority,type=integer,JSONPath=`.spec.priority`
// +kubebuilder:printcolumn:name=Expires,type=string,JSONPath=`.spec.expiresAt`
// +kubebuilder:printcolumn:name=Accepted,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name=Programmed,type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name=Reason,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].reason`,priority=1
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type DogfoodPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   DogfoodPolicySpec `json:"spec"`
	Status Status            `json:"status,omitempty"`
}

// Fallback says what happens where an override's target cannot answer.
//
// +kubebuilder:validation:Enum="";baseline;fail
type Fallback string

// FallbackBaseline answers from what the request would have reached without the
// policy (the default); FallbackFail answers with an error that names the policy.
const (
	FallbackBaseline Fallback = "baseline"
	FallbackFail     Fallback = "fail"
)

// Grant is what a policy lets people do beside the override that it gives them.
//
// +kubebuilder:validation:Enum="";adHoc
type Grant string

// GrantAdHoc lets them send rules of their own.
const GrantAdHoc Grant = "adHoc"

// DogfoodPolicySpec is what a policy's author writes.
//
// +kubebuilder:validation:XValidation:rule="has(self.override) && size(self.override.trim()) > 0 || has(self.grant) && size(self.grant) > 0",message="override is missing: a dtab, or grant: adHoc"
type DogfoodPolicySpec struct {
	// Routers of the same namespace where the policy is decided; default: every
	// untrusted one.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Routers []string `json:"routers,omitempty"`
	// ForEach makes one environment per matching namespace.
	ForEach *ForEach `json:"forEach,omitempty"`
	// Join offers links by which people get in and out.
	Join *Join `json:"join,omitempty"`
	// When is the condition. An empty one never holds.
	// +optional
	When Condition `json:"when"`
	// Override is a dtab that is appended to every router's table for those
	// requests for which the condition held at the edge. It may be absent where
	// there is a grant.
	// +kubebuilder:validation:MaxLength=65536
	Override string `json:"override,omitempty"`
	// Grant says what else those requests may do. adHoc: send rules of their own
	// in l5d-dtab, within adHocOverrides of the Router that they come in by.
	Grant Grant `json:"grant,omitempty"`
	// Fallback; default baseline.
	// +kubebuilder:default=baseline
	Fallback Fallback `json:"fallback,omitempty"`
	// Priority orders policies that hold together: the higher one beats the
	// lower, and of equals the name that sorts last beats. Default 0.
	// +kubebuilder:default=0
	Priority int32 `json:"priority,omitempty"`
	// ExpiresAt ends the policy by itself.
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// Join offers two links on every host of the routers where the policy is
// decided: <path>/<id of the environment> sets the cookie that the condition
// asks for and leads home, <path>/leave takes it away. They are there only for
// those who satisfy all that the condition asks for beside the cookie; for
// others there is no such page.
type Join struct {
	// Path that the links are below; default /-/dogfood.
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/[A-Za-z0-9/._~-]*$`
	Path string `json:"path,omitempty"`
	// Value of the cookie; default: the text that the condition compares it with.
	// It is needed where that is a regular expression.
	// +kubebuilder:validation:MaxLength=1024
	Value string `json:"value,omitempty"`
}

// ForEach selects namespaces; {namespace} in condition and override stands for each one's name.
type ForEach struct {
	// NamespaceSelector chooses the namespaces by their labels.
	NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`
}

// Condition is a boolean expression over a request. The fields of one object
// are ANDed; an object with no field never holds.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.percent) && has(self.percent.claim) && size(self.percent.claim) > 0) || has(self.jwt)",message="percent.claim needs jwt beside percent, in the same condition"
type Condition struct {
	// Cookie holds where a cookie of the request matches.
	// +kubebuilder:validation:XValidation:rule="self.name.matches('^[-A-Za-z0-9!#$%&*+.^_|~\\x27\\x60]+$')",message="name cannot be the name of a cookie"
	Cookie *Match `json:"cookie,omitempty"`
	// Header holds where a header of the request matches.
	// +kubebuilder:validation:XValidation:rule="self.name.matches('^:?[-A-Za-z0-9!#$%&*+.^_|~\\x27\\x60]+$')",message="name cannot be the name of a header"
	Header *Match `json:"header,omitempty"`
	// SourceRanges holds where the client's address is in one of these networks.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.all(r, isCIDR(r))",message="a network is written as in 10.0.0.0/8"
	SourceRanges []string `json:"sourceRanges,omitempty"`
	// JWT holds where there is a valid token with the claims.
	JWT *JWT `json:"jwt,omitempty"`
	// Percent holds for a share of the people.
	Percent *Percent `json:"percent,omitempty"`
	// All holds where all of these conditions hold; at most 32 of them.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	All []Condition `json:"all,omitempty"`
	// Any holds where one of these conditions holds; at most 32 of them.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Any []Condition `json:"any,omitempty"`
	// Not holds where this condition does not.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Not *Condition `json:"not,omitempty"`
}

// Match compares the value of one cookie or header. Exactly one of Exact,
// Prefix, Suffix, Contains and Regex is set; a regex (RE2) is searched, not anchored.
//
// +kubebuilder:validation:XValidation:rule="[has(self.exact), has(self.prefix), has(self.suffix), has(self.contains), has(self.regex)].exists_one(set, set)",message="set one of exact, prefix, suffix, contains, regex; for any value, regex: .*"
type Match struct {
	// Name of the cookie, header or claim.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name"`
	// Exact is the whole value.
	// +kubebuilder:validation:MaxLength=4096
	Exact *string `json:"exact,omitempty"`
	// Prefix is how the value begins.
	// +kubebuilder:validation:MaxLength=4096
	Prefix *string `json:"prefix,omitempty"`
	// Suffix is how the value ends.
	// +kubebuilder:validation:MaxLength=4096
	Suffix *string `json:"suffix,omitempty"`
	// Contains is a part of the value.
	// +kubebuilder:validation:MaxLength=4096
	Contains *string `json:"contains,omitempty"`
	// Regex (RE2) is found somewhere in the value; ^ and $ anchor it.
	// +kubebuilder:validation:MaxLength=4096
	Regex *string `json:"regex,omitempty"`
	// IgnoreCase takes upper and lower case as equal.
	IgnoreCase bool `json:"ignoreCase,omitempty"`
}

// JWT holds where a valid token is found and every claim matches. A token that
// is absent, expired, forged or for somebody else does not hold, and harms
// nobody: the request goes on, with its token where it was.
//
// +kubebuilder:validation:XValidation:rule="[has(self.jwks) && size(self.jwks) > 0, has(self.jwksFile) && size(self.jwksFile) > 0, has(self.jwksSecretRef), has(self.jwksUrl) && size(self.jwksUrl) > 0].exists_one(set, set)",message="the keys that sign the tokens: set one of jwks, jwksFile, jwksSecretRef, jwksUrl"
// +kubebuilder:validation:XValidation:rule="!(has(self.header) && size(self.header) > 0 && has(self.cookie) && size(self.cookie) > 0)",message="header and cookie cannot both be set"
type JWT struct {
	// Issuer is the iss of the tokens to accept.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Issuer string `json:"issuer"`
	// Audiences: one of them must be among the token's aud; none: any will do.
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=1024
	Audiences []string `json:"audiences,omitempty"`
	// Header that holds the token; default Authorization, with "Bearer ".
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern="^(:?[-A-Za-z0-9!#$%&'*+.^_|~\x60]+)?$"
	Header string `json:"header,omitempty"`
	// Cookie that holds it, in place of a header.
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern="^([-A-Za-z0-9!#$%&'*+.^_|~\x60]+)?$"
	Cookie string `json:"cookie,omitempty"`

	// Where the keys are that tokens are signed with, a JSON Web Key Set
	// (RFC 7517); exactly one of the four is set.

	// JWKS inline, as JSON. Public keys only: everybody who may read the policy
	// reads it.
	// +kubebuilder:validation:MaxLength=131072
	JWKS string `json:"jwks,omitempty"`
	// JWKSFile is read by Kibble and followed when it changes; a relative path
	// begins at the directory that Kibble reads its objects from.
	// +kubebuilder:validation:MaxLength=1024
	JWKSFile string `json:"jwksFile,omitempty"`
	// JWKSSecretRef is a key of a Secret of the policy's namespace, the place for
	// keys that are themselves secret (HS256).
	JWKSSecretRef *SecretKeyRef `json:"jwksSecretRef,omitempty"`
	// JWKSURL is fetched by Envoy.
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.matches('^https?://([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|[[][0-9A-Fa-f:.]+[]])(:[0-9]{1,5})?([/?#][!-~]*)?$')",message="a URL to fetch keys from, https://HOST/PATH"
	JWKSURL string `json:"jwksUrl,omitempty"`

	// Claims, all of which must match. Name is a path with dots.
	// +kubebuilder:validation:MaxItems=32
	Claims []Match `json:"claims,omitempty"`
}

// SecretKeyRef names a key in the data of a Secret.
type SecretKeyRef struct {
	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name"`
	// Key in its data.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key"`
}

// Percent holds for a share of the people that a cookie, a header or a claim
// tells apart. The same person always gets the same answer; two policies choose
// different people. Exactly one of Cookie, Header and Claim is set; without a
// value nobody is meant.
//
// +kubebuilder:validation:XValidation:rule="[has(self.cookie) && size(self.cookie) > 0, has(self.header) && size(self.header) > 0, has(self.claim) && size(self.claim) > 0].exists_one(set, set)",message="set one of cookie, header and claim: equal values are the same person"
type Percent struct {
	// Of a hundred, 0 to 100; up to 4 decimals.
	// +kubebuilder:validation:Pattern=`^(100(\.0{1,4})?|0?[0-9]{1,2}(\.[0-9]{1,4})?)$`
	// +kubebuilder:validation:MaxLength=8
	Of string `json:"of"`
	// Cookie whose value names the person.
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern="^([-A-Za-z0-9!#$%&'*+.^_|~\x60]+)?$"
	Cookie string `json:"cookie,omitempty"`
	// Header whose value names the person.
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern="^(:?[-A-Za-z0-9!#$%&'*+.^_|~\x60]+)?$"
	Header string `json:"header,omitempty"`
	// Claim that names the person, such as sub: a text in the token that jwt, in
	// the same condition, checks. Name is a path with dots.
	// +kubebuilder:validation:MaxLength=256
	Claim string `json:"claim,omitempty"`
}
