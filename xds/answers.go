package xds

import (
	"sync"

	"kibble.dev/translate"
)

// Bounds of what the resolver remembers.
const (
	answersMost   = 2048    // of each of the two halves
	answerKeyMost = 8 << 10 // longer ones are evaluated each time
)

// answers remembers what a model says about requests with rules of their own,
// as long as that is the newest model: whatever it depends on makes a new one.
// It keeps what was asked for lately: when one half is full, the older one goes.
// Its zero value is empty. It is safe for concurrent use.
type answers struct {
	mu         sync.Mutex
	model      *translate.Model
	young, old map[string]translate.Resolution
}

// of gives the answer to a request. The draw among the branches of a union is
// not part of it.
func (a *answers) of(m *translate.Model, o translate.Override) translate.Resolution {
	key, ok := m.ResolveKey(o)
	if !ok || len(key) > answerKeyMost {
		return m.Resolve(o)
	}
	if res, ok := a.get(m, key); ok {
		return res
	}
	res := m.Resolve(o)
	a.put(m, key, res)
	return res
}

func (a *answers) get(m *translate.Model, key string) (translate.Resolution, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.model != m {
		return translate.Resolution{}, false
	}
	res, ok := a.young[key]
	if !ok {
		if res, ok = a.old[key]; ok {
			a.remember(key, res)
		}
	}
	return res, ok
}

func (a *answers) put(m *translate.Model, key string, res translate.Resolution) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.model != m {
		a.model, a.young, a.old = m, nil, nil
	}
	a.remember(key, res)
}

func (a *answers) remember(key string, res translate.Resolution) {
	if len(a.young) >= answersMost {
		a.young, a.old = nil, a.young
	}
	if a.young == nil {
		a.young = map[string]translate.Resolution{}
	}
	a.young[key] = res
}
