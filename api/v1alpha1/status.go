package v1alpha1

// The types of the conditions in status, as in the Gateway API.
const (
	// ConditionAccepted: the object is in order. False: it has mistakes, or its
	// last good form is served in its place; the message says where.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs: all that the object names is there.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionProgrammed: every connected proxy that should serve the object
	// has taken it. False, with Envoy's own words, where one refused.
	ConditionProgrammed = "Programmed"
)

// Reasons of these conditions.
const (
	// ReasonAccepted is that of Accepted=True, ReasonInvalid and
	// ReasonLastGoodServed those of False.
	ReasonAccepted       = "Accepted"
	ReasonInvalid        = "Invalid"
	ReasonLastGoodServed = "LastGoodServed"
	// ReasonResolvedRefs is that of ResolvedRefs=True, ReasonRefNotFound of False.
	ReasonResolvedRefs = "ResolvedRefs"
	ReasonRefNotFound  = "RefNotFound"
	// ReasonProgrammed is that of Programmed=True, the others those of False or
	// Unknown.
	ReasonProgrammed = "Programmed"
	ReasonRefused    = "Refused"
	ReasonPending    = "Pending"
	ReasonNoProxies  = "NoProxies"
	ReasonNotServed  = "NotServed"
)
