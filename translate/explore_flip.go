package translate

import "slices"

// add notes where the node that is being made leads.
func (e *explorer) add(regions []region) {
	e.at.next = e.number(regions, e.at.next, &e.at.deep)
}

// number appends the numbers of regions, but for those that are too deep.
func (e *explorer) number(regions []region, to []int32, deep *bool) []int32 {
	for _, r := range regions {
		if r.size() > maxSize {
			*deep = true
			continue
		}
		key := r.key()
		number := e.numbers.of(key)
		if int(number) >= len(e.nodes) || e.nodes[number] == nil {
			e.pending[number] = r
		}
		to = append(to, number)
	}
	return to
}

// flip notes where the node leads if a marked segment is one of some labels,
// which are sorted. What the node before has found out about them stays.
func (e *explorer) flip(s *sample, segment string, labels []string, fold bool) {
	if len(labels) == 0 {
		return
	}
	same := func(f *flips) bool {
		return f.segment == segment && f.fold == fold && len(f.labels) == len(labels) && &f.labels[0] == &labels[0]
	}
	if slices.ContainsFunc(e.at.flips, same) {
		return
	}
	var before *flips
	if e.was != nil {
		if i := slices.IndexFunc(e.was.flips, same); i >= 0 {
			e.at.flips = append(e.at.flips, e.was.flips[i])
			e.at.deep = e.at.deep || e.was.flips[i].deep
			return
		}
		before = e.before(segment, fold)
	}
	f := &flips{segment: segment, fold: fold, labels: labels, ends: make([]int32, len(labels))}
	if before != nil {
		f.to = make([]int32, 0, len(before.to)+8)
	}
	j := 0
	for i, label := range labels {
		for before != nil && j < len(before.labels) && before.labels[j] < label {
			j++
		}
		if before != nil && j < len(before.labels) && before.labels[j] == label && !before.deep {
			f.to = append(f.to, before.at(j)...)
		} else {
			f.to = e.number(s.flip(segment, label, fold), f.to, &f.deep)
		}
		f.ends[i] = int32(len(f.to))
	}
	e.at.flips = append(e.at.flips, f)
	e.at.deep = e.at.deep || f.deep
}

// before gives what the node before has found out about a segment: of several
// lists of labels the one in the same place.
func (e *explorer) before(segment string, fold bool) *flips {
	like := func(f *flips) bool { return f.segment == segment && f.fold == fold }
	n := 0
	for _, f := range e.at.flips {
		if like(f) {
			n++
		}
	}
	var last *flips
	for _, f := range e.was.flips {
		if like(f) {
			if last = f; n == 0 {
				break
			}
			n--
		}
	}
	return last
}
