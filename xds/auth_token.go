package xds

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Subject is whose a ServiceAccount token is.
type Subject struct {
	Namespace, ServiceAccount string
	// Pod and NodeName are those that the token is bound to, Addresses those of
	// the pod.
	Pod, NodeName string
	Addresses     []string
}

// Reviewer checks a token: its signature, its audience, that it has not
// expired, and that the pod it is bound to is still there. Errors are gRPC
// statuses, as an Authenticator's.
type Reviewer interface {
	Review(ctx context.Context, token string) (*Subject, error)
}

// Grant lets a ServiceAccount be of a proxy class. Without an account it is
// anybody's who has a token for Kibble.
type Grant struct{ Class, Namespace, ServiceAccount string }

// Bounds of Tokens.
const (
	rememberToken  = time.Minute // a revoked token is good for this much longer
	rememberTokens = 10_000
	reviewsAtOnce  = 32
	maxToken       = 16 << 10
)

// Tokens takes the ServiceAccount token in a call's metadata, as
// "authorization: Bearer TOKEN", as the proof of who calls. The token's pod is
// the only one that the caller may say it is. Answers are remembered for a
// minute, because callers' own rules are asked about one by one.
type Tokens struct {
	reviewer Reviewer
	grants   []Grant
	now      func() time.Time
	slots    chan struct{}

	mu    sync.Mutex
	known map[[sha256.Size]byte]remembered
}

type remembered struct {
	id    *Identity
	until time.Time
}

// NewTokens makes an authenticator that knows what these grants let tokens do.
func NewTokens(r Reviewer, grants []Grant) *Tokens {
	return &Tokens{
		reviewer: r, grants: grants, now: time.Now, slots: make(chan struct{}, reviewsAtOnce),
		known: map[[sha256.Size]byte]remembered{},
	}
}

// Authenticate has the call's token reviewed.
func (t *Tokens) Authenticate(ctx context.Context) (*Identity, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get("authorization")
	if len(values) == 0 {
		return nil, nil
	}
	token, ok := strings.CutPrefix(values[0], "Bearer ")
	token = strings.TrimSpace(token)
	if !ok || len(values) > 1 || token == "" || len(token) > maxToken {
		return nil, status.Error(codes.Unauthenticated, "want one header authorization: Bearer TOKEN")
	}
	key := sha256.Sum256([]byte(token))
	if id := t.recall(key); id != nil {
		return id, nil
	}
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	subject, err := t.reviewer.Review(ctx, token)
	if err != nil {
		return nil, err
	}
	id := t.identity(subject)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= rememberTokens {
		clear(t.known)
	}
	t.known[key] = remembered{id, t.now().Add(rememberToken)}
	return id, nil
}

func (t *Tokens) recall(key [sha256.Size]byte) *Identity {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.known[key]
	if !ok || t.now().After(k.until) {
		delete(t.known, key)
		return nil
	}
	return k.id
}

// identity says what a subject may claim.
func (t *Tokens) identity(s *Subject) *Identity {
	id := &Identity{
		Name: "service account " + s.Namespace + "/" + s.ServiceAccount, Pod: s.Pod, Namespace: s.Namespace,
		NodeName: s.NodeName, Addresses: append([]string{}, s.Addresses...), // not nil: no address is granted that is not here
	}
	if s.Pod != "" {
		id.Name += " of pod " + s.Pod
	}
	for _, g := range t.grants {
		if g.Namespace+g.ServiceAccount == "" || g.Namespace == s.Namespace && g.ServiceAccount == s.ServiceAccount {
			id.Classes = append(id.Classes, g.Class)
		}
	}
	slices.Sort(id.Classes)
	id.Classes = slices.Compact(id.Classes)
	return id
}
