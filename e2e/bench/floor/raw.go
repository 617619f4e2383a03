package main

import (
	"errors"
	"io"
	"log"
	"strconv"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// raw serves by fanning out bytes.
type raw struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	mu      sync.Mutex
	version int
	encoded map[string]map[string][]byte // by type and name, as a field of a response
	streams map[*rawStream]bool
}

type rawStream struct {
	wildcard map[string]bool
	names    map[string]map[string]bool // by type
	out      chan frame
}

// frame is a response as it goes over the wire; its parts are shared.
type frame [][]byte

// waiting is how many responses a slow client may be behind.
const waiting = 1024

func newRaw() *raw {
	return &raw{encoded: map[string]map[string][]byte{}, streams: map[*rawStream]bool{}}
}

func (s *raw) set(changed []resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	for _, r := range changed {
		if s.encoded[r.typ] == nil {
			s.encoded[r.typ] = map[string][]byte{}
		}
		field := s.encode(r)
		s.encoded[r.typ][r.name] = field
		if len(s.streams) == 0 {
			continue
		}
		f := s.frame(r.typ, field)
		for st := range s.streams {
			if st.wildcard[r.typ] || st.names[r.typ][r.name] {
				st.push(f)
			}
		}
	}
}

// encode gives a resource as field 2 of a DeltaDiscoveryResponse.
func (s *raw) encode(r resource) []byte {
	body, err := proto.Marshal(&discoveryv3.Resource{Name: r.name, Version: strconv.Itoa(s.version), Resource: typed(r.body)})
	if err != nil {
		log.Fatal(err)
	}
	return protowire.AppendBytes(protowire.AppendTag(make([]byte, 0, len(body)+6), 2, protowire.BytesType), body)
}

// frame makes a response of encoded resources: type_url is field 4, nonce field 5.
func (s *raw) frame(typ string, fields ...[]byte) frame {
	head := protowire.AppendString(protowire.AppendTag(nil, 4, protowire.BytesType), typ)
	head = protowire.AppendString(protowire.AppendTag(head, 5, protowire.BytesType), strconv.Itoa(s.version))
	return append(frame{head}, fields...)
}

func (st *rawStream) push(f frame) {
	select {
	case st.out <- f:
	default:
		log.Print("a client is too slow")
	}
}

// DeltaAggregatedResources serves one client.
func (s *raw) DeltaAggregatedResources(g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	st := &rawStream{wildcard: map[string]bool{}, names: map[string]map[string]bool{}, out: make(chan frame, waiting)}
	s.mu.Lock()
	s.streams[st] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.streams, st)
		s.mu.Unlock()
	}()
	failed := make(chan error, 1)
	go func() { failed <- s.listen(g, st) }()
	for {
		select {
		case err := <-failed:
			return err
		case <-g.Context().Done():
			return nil
		case f := <-st.out:
			if err := g.SendMsg(f); err != nil {
				return err
			}
		}
	}
}

// listen takes a client's requests.
func (s *raw) listen(g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer, st *rawStream) error {
	for {
		r := &discoveryv3.DeltaDiscoveryRequest{}
		if err := g.RecvMsg(r); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if r.GetErrorDetail() != nil {
			return status.Error(codes.InvalidArgument, r.GetErrorDetail().GetMessage())
		}
		s.subscribe(st, r)
	}
}

func (s *raw) subscribe(st *rawStream, r *discoveryv3.DeltaDiscoveryRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	typ := r.GetTypeUrl()
	var fields [][]byte
	switch names := r.GetResourceNamesSubscribe(); {
	case len(names) > 0:
		if st.names[typ] == nil {
			st.names[typ] = map[string]bool{}
		}
		for _, n := range names {
			st.names[typ][n] = true
			if field := s.encoded[typ][n]; field != nil {
				fields = append(fields, field)
			}
		}
	case r.GetResponseNonce() == "" && !st.wildcard[typ]:
		st.wildcard[typ] = true
		for _, field := range s.encoded[typ] {
			fields = append(fields, field)
		}
	}
	if len(fields) > 0 {
		st.push(s.frame(typ, fields...))
	}
}

// frames is a codec of responses that are encoded already.
type frames struct{}

// Name is that of the codec that it stands in for.
func (frames) Name() string { return "proto" }

// Marshal gives the parts of a frame as they are.
func (frames) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(frame)
	if !ok {
		return nil, status.Errorf(codes.Internal, "a %T is no frame", v)
	}
	parts := make(mem.BufferSlice, len(f))
	for i, b := range f {
		parts[i] = mem.SliceBuffer(b)
	}
	return parts, nil
}

// Unmarshal reads a request.
func (frames) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "a %T is no message", v)
	}
	return proto.Unmarshal(data.Materialize(), m)
}
