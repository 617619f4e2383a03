package xds

// The states of a proxy in a word, worst first: it is at a standstill, it refuses
// something, it has not got everything yet, it has.
const (
	StateStuck   = "stuck"
	StateRefuses = "refuses"
	StateBehind  = "behind"
	StateInSync  = "in sync"
)

// State says how a proxy is in a word.
func (p ProxyStatus) State() string {
	if p.Stuck {
		return StateStuck
	}
	for _, t := range p.Types {
		if len(t.Refused) > 0 {
			return StateRefuses
		}
	}
	if p.InSync {
		return StateInSync
	}
	return StateBehind
}
