package translate

import (
	"strings"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// localReply is an answer that the proxy makes itself because of what its
// response flags say (Envoy docs: access log, RESPONSE_FLAGS).
type localReply struct {
	flags  []string
	status uint32 // only for replies of this status, if not 0
	// code and text of the answer; code 0: as it is.
	code uint32
	text string
	// retryable: no application has seen the request, or it may be sent twice.
	retryable bool
	safe      bool // only for requests that may be sent twice
}

const ended = "The service ended the connection before it had answered."

// localReplies turns Envoy's own answers into the original's: 502 and a text.
// Callers inside are told more, and in l5d-err too.
func localReplies(r listenerSpec) *hcmv3.LocalReplyConfig {
	config := &hcmv3.LocalReplyConfig{}
	replies := notTold(r)
	for _, reply := range append(replies, []localReply{
		{flags: []string{"UAEX"}, status: uint32(resolverAway), code: 503, text: "The resolver for l5d-dtab and l5d-ctx-dtab does not answer."},
		{flags: []string{"NR", "UH", "UF", "NC"}, code: 502, text: "Unable to route request!", retryable: true},
		{flags: []string{"UC", "UR"}, code: 502, text: ended, retryable: true, safe: true},
		{flags: []string{"UC", "UR", "UPE"}, code: 502, text: ended},
	}...) {
		if reply.safe && r.Untrusted {
			continue // nobody is told there
		}
		config.Mappers = append(config.Mappers, reply.mapper(r))
	}
	return config
}

func (l localReply) mapper(r listenerSpec) *hcmv3.ResponseMapper {
	m := &hcmv3.ResponseMapper{
		Filter:             l.filter(),
		BodyFormatOverride: textFormat(l.body(r)),
	}
	if l.code != 0 {
		m.StatusCode = wrapperspb.UInt32(l.code)
	}
	if !r.Untrusted {
		m.HeadersToAdd = []*corev3.HeaderValueOption{setHeader(HeaderErr, urlEncode(l.text))}
		if l.retryable {
			m.HeadersToAdd = append(m.HeadersToAdd, setHeader(headerRetry, "true"))
		}
	}
	return m
}

// ofEnvironment is a line that names the environment, nothing where there is
// none. Envoy's CEL joins no strings.
const (
	inEnvironment = "'" + HeaderEnvironment + "' in response.headers ? "
	ofEnvironment = "%CEL(" + inEnvironment + "'\\x0aenvironment: ' : '')%" +
		"%CEL(" + inEnvironment + "response.headers['" + HeaderEnvironment + "'] : '')%"
)

// body says no more to people outside than the text and where they are.
func (l localReply) body(r listenerSpec) string {
	if r.Untrusted {
		return l.text + ofEnvironment + "\n"
	}
	return l.text + "\n\nhost: %REQ(:AUTHORITY)%\nrouter: " + escapeFormat(r.Router) + "\ndestination: %UPSTREAM_CLUSTER_RAW%" + ofEnvironment + "\n"
}

func (l localReply) filter() *accesslogv3.AccessLogFilter {
	flags := logFlagged(l.flags...)
	switch {
	case l.safe:
		return logBoth(flags, logHeader(regexHeader(":method", strings.Join(safeMethods(), "|"))))
	case l.status == 0:
		return flags
	}
	return logBoth(flags, logStatus(accesslogv3.ComparisonFilter_EQ, l.status, "kibble.local_reply."+strings.ToLower(l.flags[0])))
}

// textFormat is a format string of Envoy, whose result is a text.
func textFormat(format string) *corev3.SubstitutionFormatString {
	return &corev3.SubstitutionFormatString{
		ContentType: "text/plain",
		Format: &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: &corev3.DataSource{
			Specifier: &corev3.DataSource_InlineString{InlineString: format},
		}},
	}
}

func jsonFormat(fields map[string]string) *corev3.SubstitutionFormatString {
	object := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for name, format := range fields {
		object.Fields[name] = structpb.NewStringValue(format)
	}
	return &corev3.SubstitutionFormatString{
		OmitEmptyValues: true,
		Format:          &corev3.SubstitutionFormatString_JsonFormat{JsonFormat: object},
	}
}
