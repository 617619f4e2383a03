package translate

import (
	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	tometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"

	"kibble.dev/dogfood"
)

// cookiesToMetadata takes cookies apart: Envoy's only parser of them for matchers.
func cookiesToMetadata(names []string) *corev3.TypedExtensionConfig {
	config := &tometadatav3.Config{}
	for _, name := range names {
		config.RequestRules = append(config.RequestRules, &tometadatav3.Config_Rule{
			Cookie: name,
			OnHeaderPresent: &tometadatav3.Config_KeyValuePair{
				MetadataNamespace: cookieNamespace, Key: name,
			},
		})
	}
	return extension("cookies", config)
}

// cookiesToState copies cookies from the metadata, where they are values, to
// the filter state, where they are text.
func cookiesToState(names []string) *corev3.TypedExtensionConfig {
	config := &setstatev3.Config{}
	for _, name := range names {
		v := stateValue(cookieState+name, "%DYNAMIC_METADATA("+cookieNamespace+":"+name+")%")
		v.SkipIfEmpty = true
		config.OnRequestHeaders = append(config.OnRequestHeaders, v)
	}
	return extension("cookie-texts", config)
}

// claimsToState copies claims from the metadata to the filter state, as
// cookiesToState does. formats gives each by its key.
func claimsToState(formats map[string]string) *corev3.TypedExtensionConfig {
	config := &setstatev3.Config{}
	for _, key := range sortedKeys(formats) {
		v := stateValue(key, formats[key])
		v.SkipIfEmpty = true
		config.OnRequestHeaders = append(config.OnRequestHeaders, v)
	}
	return extension("claim-texts", config)
}

func stateValue(key, format string) *statev3.FilterStateValue {
	return &statev3.FilterStateValue{
		Key:        &statev3.FilterStateValue_ObjectKey{ObjectKey: key},
		FactoryKey: "envoy.string",
		Value:      &statev3.FilterStateValue_FormatString{FormatString: textFormat(format)},
	}
}

// effectOf is what a policy does to the requests for which it holds. It appends
// its id to the context, one line, joined by commas: the first mutation lengthens
// a header that is there, the second starts one. A grant gives back the caller's
// own rules.
func effectOf(p dogfood.Policy) *corev3.TypedExtensionConfig {
	var all []*mutationrulesv3.HeaderMutation
	if p.Travels() {
		all = append(all,
			appendHeader(headerIs(headerDogfood, "%REQ("+headerDogfood+")%,"+p.ID, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS)),
			appendHeader(headerIs(headerDogfood, p.ID, corev3.HeaderValueOption_ADD_IF_ABSENT)))
	}
	if p.Grant {
		all = append(all, appendHeader(setHeader(HeaderDtab, "%REQ("+headerAside+")%")))
	}
	return extension("effect", &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{RequestMutations: all}})
}

func headerIs(name, value string, action corev3.HeaderValueOption_HeaderAppendAction) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, Value: value}, AppendAction: action}
}
