package xds

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Authenticator tells who calls. A nil Identity without an error says that the
// call carries nothing that this authenticator looks at. An error is a gRPC
// status: Unauthenticated for a proof that is not good, Unavailable when it
// cannot be checked now. It is asked once for each stream and each unary call,
// from many goroutines.
type Authenticator interface {
	Authenticate(ctx context.Context) (*Identity, error)
}

// Identity is what a caller has proven, and thereby may claim.
type Identity struct {
	// Name says who it is, for logs and refusals.
	Name string
	// Classes are the proxy classes that it may be of.
	Classes []string
	// Pod, Namespace and NodeName are the pod that it is and where this runs.
	// What is empty is not known, and anything may be claimed.
	Pod, Namespace, NodeName string
	// Addresses are those of its pod. Nil: not known, any may be claimed.
	Addresses []string
}

// Metadata that a proxy's node carries, and on which depends what it is given.
const (
	metaPodIP     = "POD_IP"
	metaNodeName  = "NODE_NAME"
	metaNamespace = "NAMESPACE"
)

// refuses says which claim of a proxy is not granted, "" if all are.
func (id *Identity) refuses(node *corev3.Node) string {
	if text := id.refusesClass(node.GetCluster()); text != "" {
		return text
	}
	fields := node.GetMetadata().GetFields()
	if text := id.refusesNode(node.GetId()); text != "" {
		return text
	}
	for _, claim := range []struct{ key, granted string }{{metaNodeName, id.NodeName}, {metaNamespace, id.Namespace}} {
		claimed := fields[claim.key].GetStringValue()
		if claim.granted != "" && claimed != "" && claimed != claim.granted {
			return id.says(claim.key, claimed, claim.granted)
		}
	}
	ip := fields[metaPodIP].GetStringValue()
	if id.Addresses != nil && ip != "" && !slices.ContainsFunc(id.Addresses, func(a string) bool { return sameAddress(a, ip) }) {
		return id.says(metaPodIP, ip, strings.Join(id.Addresses, ", "))
	}
	return ""
}

// refusesNode says why a node id is not that of the caller.
func (id *Identity) refusesNode(node string) string {
	if id.Pod == "" || node == id.Pod || node == id.Pod+"."+id.Namespace {
		return ""
	}
	return id.says("node id", node, id.Pod)
}

// refusesClass says why something of a class is not for the caller.
func (id *Identity) refusesClass(class string) string {
	if slices.Contains(id.Classes, class) {
		return ""
	}
	return id.says("proxy class", class, strings.Join(id.Classes, ", "))
}

func (id *Identity) says(what, claimed, granted string) string {
	if granted == "" {
		granted = "none"
	}
	return fmt.Sprintf("%s %q is claimed, and %s is granted %s", what, claimed, id.Name, granted)
}

// sameAddress compares two spellings of IP addresses.
func sameAddress(a, b string) bool {
	x, err := netip.ParseAddr(a)
	if err != nil {
		return false
	}
	y, err := netip.ParseAddr(b)
	return err == nil && x.Unmap() == y.Unmap()
}

// Authenticators asks each for a proof that it knows. All proofs that a caller
// brings must be good, and it may claim what all of them grant.
type Authenticators []Authenticator

// Authenticate asks one after the other.
func (all Authenticators) Authenticate(ctx context.Context) (*Identity, error) {
	var id *Identity
	for _, a := range all {
		next, err := a.Authenticate(ctx)
		switch {
		case err != nil:
			return nil, err
		case id == nil:
			id = next
		case next != nil:
			if id = id.and(next); id == nil {
				return nil, status.Error(codes.Unauthenticated, "certificate and token are of two pods")
			}
		}
	}
	return id, nil
}

// and gives what both grant, nil if they are of different pods.
func (id *Identity) and(o *Identity) *Identity {
	both := &Identity{Name: id.Name + " with " + o.Name, Addresses: id.Addresses}
	for _, c := range id.Classes {
		if slices.Contains(o.Classes, c) {
			both.Classes = append(both.Classes, c)
		}
	}
	if both.Addresses == nil {
		both.Addresses = o.Addresses
	} else if o.Addresses != nil {
		both.Addresses = slices.DeleteFunc(slices.Clone(both.Addresses), func(a string) bool {
			return !slices.ContainsFunc(o.Addresses, func(b string) bool { return sameAddress(a, b) })
		})
	}
	for _, f := range []struct {
		of   *string
		a, b string
	}{{&both.Pod, id.Pod, o.Pod}, {&both.Namespace, id.Namespace, o.Namespace}, {&both.NodeName, id.NodeName, o.NodeName}} {
		if f.a != "" && f.b != "" && f.a != f.b {
			return nil
		}
		*f.of = f.a + f.b
		if f.a == f.b {
			*f.of = f.a
		}
	}
	return both
}

// identityKey is where a call's context holds its identity.
type identityKey struct{}

// identityOf gives who calls; nil where the server asks nobody.
func identityOf(ctx context.Context) *Identity {
	id, _ := ctx.Value(identityKey{}).(*Identity)
	return id
}

// guards are the gRPC options that let nobody pass who is not known: every
// method of every service, whoever registered it, since all are streams (asStreams).
func (s *Server) guards() []grpc.ServerOption {
	if s.opts.Authenticator == nil {
		return nil
	}
	return []grpc.ServerOption{
		grpc.ChainStreamInterceptor(func(srv any, g grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			ctx, err := s.admit(g.Context())
			if err != nil {
				return err
			}
			return next(srv, &knownStream{ServerStream: g, ctx: ctx})
		}),
	}
}

// knownStream is a stream of somebody who is known.
type knownStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context gives the context that holds the identity.
func (k *knownStream) Context() context.Context { return k.ctx }

// admit finds out who calls.
func (s *Server) admit(ctx context.Context) (context.Context, error) {
	id, err := s.opts.Authenticator.Authenticate(ctx)
	if err == nil && id == nil {
		err = status.Error(codes.Unauthenticated, "neither a certificate nor a token says who calls")
	}
	if err != nil {
		s.refused(ctx, status.Code(err), err.Error())
		return nil, err
	}
	return context.WithValue(ctx, identityKey{}, id), nil
}

// Deny counts and logs a call that claimed more than it proved.
func (s *Server) Deny(ctx context.Context, why string) { s.refused(ctx, codes.PermissionDenied, why) }

// refused counts somebody who gets nothing, and logs it unless many do.
func (s *Server) refused(ctx context.Context, code codes.Code, why string) {
	s.metrics.denied.WithLabelValues(code.String()).Inc()
	if !s.refusals.add() {
		return
	}
	from := ""
	if p, ok := peer.FromContext(ctx); ok {
		from = p.Addr.String()
	}
	s.opts.Logger.WarnContext(ctx, "refused", "from", from, "reason", why)
}

// permit checks what a proxy says of itself against what it has proven.
func (s *Server) permit(ctx context.Context, node *corev3.Node) error {
	id := identityOf(ctx)
	if id == nil {
		return nil
	}
	why := id.refuses(node)
	if why == "" {
		return nil
	}
	s.Deny(ctx, why)
	return status.Error(codes.PermissionDenied, why)
}
