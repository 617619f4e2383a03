package xds

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// encoded is a message that goes over the wire as it is. Its parts may be shared.
type encoded [][]byte

// codec is that of protobuf, for messages and for what is encoded already.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Marshal gives the bytes of a message.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	parts, ok := v.(encoded)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	all := make(mem.BufferSlice, len(parts))
	for i, part := range parts {
		all[i] = mem.SliceBuffer(part)
	}
	return all, nil
}
