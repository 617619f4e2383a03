// Package publish decides what each proxy of one class may be given, and when,
// so that a change never breaks a request and a bad resource harms only itself.
//
// It is a state machine without I/O, clock or goroutine. A [Class] is told what
// happens (a new configuration, a subscription, an answer, the time) and then
// says, proxy by proxy and type by type, what the next response is. Whoever
// owns the streams sends it and tells how the proxy answered.
//
// The rules, each proxy for itself:
//
//   - Clusters and endpoints go first and at once. Any other resource, and a
//     cluster that is made of clusters, waits until every cluster that it names
//     is acknowledged together with its endpoints. Until then the proxy keeps
//     what it has of exactly that resource.
//   - A cluster that is no longer wanted goes when nothing that the proxy has
//     or is being given names it, and Options.Drain has passed since.
//   - A refused resource goes back to what the proxy accepted last. The
//     culprit is the one that the proxy's words name, or the only one of the
//     response; else the response is halved until it shows. The others are
//     sent again: after a refusal none of a response's resources counts as there.
//   - A version that some proxy refused and none accepted is not given to
//     others that can have an accepted one.
//   - A proxy that leaves clusters unanswered for Options.AckLimit though it
//     answers otherwise has a cluster that never gets warm: the unanswered ones
//     are taken back, which makes Envoy answer, and are tried again. A proxy
//     that leaves anything else unanswered, or answers nothing at all, is taken
//     to have it, so that it goes on; Status tells.
//
// A class and its proxies are not safe for concurrent use.
package publish

import "time"

// Options are the times that the rules need. A zero field gets its default.
type Options struct {
	// Drain is how long a cluster stays after the proxy let go of the last
	// resource that names it. Default 5 s.
	Drain time.Duration
	// AckLimit is how long a response may be unanswered before the proxy goes
	// on without the answer. Default 10 s.
	AckLimit time.Duration
	// Window is how many responses with endpoints may be unanswered at once;
	// of every other type it is one, so that changes merge while a proxy is
	// busy. Default 8. It is one too for a proxy that speaks state of the world.
	Window int
}

func (o Options) withDefaults() Options {
	if o.Drain == 0 {
		o.Drain = 5 * time.Second
	}
	if o.AckLimit == 0 {
		o.AckLimit = 10 * time.Second
	}
	if o.Window == 0 {
		o.Window = 8
	}
	return o
}
