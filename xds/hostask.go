package xds

import (
	"context"
	"errors"
	"math/rand/v2"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"kibble.dev/translate"
)

// Ask says what proxies of a class do with a request for a host that they do not
// know, by what they are given now. It is not ok where that is not known: there is
// no such router, or nothing was published yet.
func (s *Server) Ask(class, router string, req translate.Request) (a translate.HostAnswer, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.classes[class]; c != nil && c.Wanted() != nil {
		a, ok = c.Wanted().Ask(router, req)
	}
	if ok {
		s.metrics.askedHost(a.Known)
	}
	return a, ok
}

// checkHost answers a request for a host that a proxy does not know. It learns
// nothing of it: that its workload uses the cluster the proxy tells next, and with
// the cluster it is given the virtual host. A proxy may have the cluster from before,
// when the host was there once: it is answered when it has no older endpoints than now,
// which may be those of pods that are gone.
func (r *Resolver) checkHost(ctx context.Context, router, class string, request translate.Request, req *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	if id := identityOf(ctx); id != nil {
		if why := id.refusesClass(class); why != "" {
			return nil, r.deny(ctx, why)
		}
	}
	var a translate.HostAnswer
	ok := false
	if r.Ask != nil {
		a, ok = r.Ask(class, router, request)
	}
	switch {
	case !ok:
		return nil, grpcstatus.Error(codes.Unavailable, "it is not known here what router "+router+" does: another control plane may know")
	case !a.Known:
		return passed(&authv3.OkHttpResponse{HeadersToRemove: asked()}), nil
	}
	to, node := a.Draw(rand.Float64()), nodeOf(request)
	wish := Wish{Class: class, Node: node, Needs: translate.Needs{Resources: to.Endpoints}}
	if err := r.await(ctx, wish, req); errors.Is(err, ErrAway) {
		return nil, passOn(node)
	}
	return answered(a, to, request.Method)
}

// asked are the headers of a request that were for the question: the host's own route,
// which may be there by now, would pass them on.
func asked() []string { return []string{translate.HeaderNode} }

// answered does with the request what the host's own route will do with the next.
func answered(a translate.HostAnswer, to translate.AnsweredBranch, method string) (*authv3.CheckResponse, error) {
	ok := &authv3.OkHttpResponse{Headers: leading(to.WeightedCluster), HeadersToRemove: asked()}
	if a.Repeats && translate.MayRepeat(method) {
		ok.Headers = append(ok.Headers, overwrite(translate.HeaderRetryOn, translate.RetryReset))
	}
	if to.Passed != "" {
		ok.Headers = append(ok.Headers, overwrite(translate.HeaderBaseline, "yes"))
	}
	if a.Environment != "" {
		ok.ResponseHeadersToAdd = append(ok.ResponseHeadersToAdd, overwrite(translate.HeaderEnvironment, a.Environment))
	}
	out := passed(ok)
	if to.All == "" {
		if to.Passed != "" {
			ok.ResponseHeadersToAdd = append(ok.ResponseHeadersToAdd, overwrite(translate.HeaderFallback, to.Passed))
		}
		return out, nil
	}
	says, err := structpb.NewStruct(map[string]any{translate.SaysPassed: to.Passed, translate.SaysAll: to.All})
	if err != nil {
		return nil, grpcstatus.Error(codes.Internal, err.Error())
	}
	out.DynamicMetadata = says
	return out, nil
}
