package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Numbers of fields: of a DeltaDiscoveryResponse, of the Resource in it, and of
// an Any.
const (
	fieldResources = 2

	fieldVersion  = 1
	fieldResource = 2
	fieldName     = 3

	fieldURL   = 1
	fieldValue = 2
)

// hashLength is how long the version is that NewResource gives.
const hashLength = 16

// Delta gives the resource under a version as it stands in an encoded
// DeltaDiscoveryResponse, where resources may be anywhere between other fields.
// Under the resource's own version it was encoded before, and the bytes are
// shared: they must not be changed.
func (r *Resource) Delta(version string) []byte {
	if r.wire != nil && version == r.encoded {
		return r.wire
	}
	body := r.Body.GetValue()
	return append(appendHead(nil, r.Name, version, r.Body.GetTypeUrl(), len(body)), body...)
}

// sizes gives the length of a Resource and of the Any in it.
func sizes(name, version, url string, body int) (ofResource, ofAny int) {
	field := func(length int) int { return 1 + protowire.SizeBytes(length) } // all have small numbers
	ofAny = field(len(url)) + field(body)
	return field(len(version)) + field(len(name)) + field(ofAny), ofAny
}

// appendHead appends what comes before a body.
func appendHead(b []byte, name, version, url string, body int) []byte {
	ofResource, ofAny := sizes(name, version, url, body)
	b = protowire.AppendTag(b, fieldResources, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(ofResource))
	b = protowire.AppendTag(b, fieldVersion, protowire.BytesType)
	b = protowire.AppendString(b, version)
	b = protowire.AppendTag(b, fieldName, protowire.BytesType)
	b = protowire.AppendString(b, name)
	b = protowire.AppendTag(b, fieldResource, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(ofAny))
	b = protowire.AppendTag(b, fieldURL, protowire.BytesType)
	b = protowire.AppendString(b, url)
	b = protowire.AppendTag(b, fieldValue, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(body))
}

// encode gives a message as Delta does, its body, which is the last part of that,
// and its version, which begins with the mark.
func encode(mark, name, url string, m proto.Message) (all, body []byte, version string, err error) {
	options := proto.MarshalOptions{Deterministic: true}
	size := options.Size(m)
	later := mark + strings.Repeat("0", hashLength)
	ofResource, _ := sizes(name, later, url, size)
	all = appendHead(make([]byte, 0, 1+protowire.SizeBytes(ofResource)), name, later, url, size)
	from := len(all)
	options.UseCachedSize = true
	if all, err = options.MarshalAppend(all, m); err != nil {
		return nil, nil, "", fmt.Errorf("encode %s: %w", name, err)
	}
	if body = all[from:len(all):len(all)]; len(body) != size {
		return nil, nil, "", fmt.Errorf("encode %s: %d bytes in place of %d: the message was changed meanwhile", name, len(body), size)
	}
	sum := sha256.Sum256(body)
	version = mark + hex.EncodeToString(sum[:hashLength/2])
	appendHead(all[:0], name, version, url, size)
	return all, body, version, nil
}

// typeURL gives that of a message. Of those that are served there are many: they
// share the text.
func typeURL(m proto.Message) string {
	name := string(m.ProtoReflect().Descriptor().FullName())
	for _, url := range []string{EndpointType, ClusterType, VirtualHostType, ListenerType, RouteType, ExtensionType, SecretType} {
		if strings.HasSuffix(url, name) && len(url) == len(urlPrefix)+len(name) {
			return url
		}
	}
	return urlPrefix + name
}

const urlPrefix = "type.googleapis.com/"
