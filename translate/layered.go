package translate

import "maps"

// layered is a map of which a copy with a few changes costs little: what is new
// stands in a small map above a large one that copies share. The zero value of V
// means that there is nothing. A copy that was opened may be changed until it is
// closed; then it is immutable.
type layered[K, V comparable] struct {
	most, more map[K]V
	size       int
}

func (l *layered[K, V]) get(key K) V {
	if v, ok := l.more[key]; ok {
		return v
	}
	return l.most[key]
}

func (l *layered[K, V]) set(key K, v V) {
	var none V
	switch was := l.get(key); {
	case was == v:
		return
	case was == none:
		l.size++
	case v == none:
		l.size--
	}
	l.more[key] = v
}

// each goes over everything, in no order.
func (l *layered[K, V]) each(f func(K, V)) {
	var none V
	for key, v := range l.most {
		if _, newer := l.more[key]; !newer {
			f(key, v)
		}
	}
	for key, v := range l.more {
		if v != none {
			f(key, v)
		}
	}
}

func (l layered[K, V]) open() layered[K, V] {
	if l.more = maps.Clone(l.more); l.more == nil {
		l.more = map[K]V{}
	}
	return l
}

func (l layered[K, V]) closed() layered[K, V] {
	const few = 256
	switch {
	case len(l.most) == 0:
		l.most, l.more = l.more, nil
	case len(l.more) > few+len(l.most)/16:
		most := make(map[K]V, l.size)
		l.each(func(key K, v V) { most[key] = v })
		l.most, l.more = most, nil
	}
	return l
}
