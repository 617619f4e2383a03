package translate

import "kibble.dev/dogfood"

// policyGuard holds wherever one of the conditions may: it looks only at
// headers and the address, which cost next to nothing. It is nil when a
// condition may hold for a request that shows nothing, such as one with "not".
func policyGuard(conditions []dogfood.Condition) *xdsPredicate {
	var signs []dogfood.Condition
	for _, c := range conditions {
		own := signsOf(c)
		if own == nil {
			return nil
		}
		signs = append(signs, own...)
	}
	return guardOf(signs)
}

// signsOf gives leaves one of which holds wherever the condition does, or nil
// if there are none. A leaf stands for itself, but for a cookie and a token:
// of these the sign is that the request has one at all.
func signsOf(c dogfood.Condition) []dogfood.Condition {
	switch c := c.(type) {
	case dogfood.All:
		var best []dogfood.Condition
		for _, member := range c {
			if own := signsOf(member); own != nil && (best == nil || len(own) < len(best)) {
				best = own
			}
		}
		return best
	case dogfood.Any:
		var all []dogfood.Condition
		for _, member := range c {
			own := signsOf(member)
			if own == nil {
				return nil
			}
			all = append(all, own...)
		}
		return all
	case dogfood.Cookie:
		return cookieSign(c.Name)
	case dogfood.Percent:
		switch {
		case c.Token != nil:
			return signsOf(*c.Token)
		case c.Cookie != "":
			return cookieSign(c.Cookie)
		}
		return headerSign(c.Header)
	case dogfood.JWT:
		if c.Cookie != "" {
			return cookieSign(c.Cookie)
		}
		return headerSign(c.Header)
	case dogfood.Header, dogfood.Source:
		return []dogfood.Condition{c}
	}
	return nil
}

func cookieSign(name string) []dogfood.Condition {
	return []dogfood.Condition{dogfood.Header{Name: "cookie", Is: dogfood.Text{Op: dogfood.OpContains, Want: name + "="}}}
}

// headerSign holds where there is such a header, whatever its value.
func headerSign(name string) []dogfood.Condition {
	return []dogfood.Condition{dogfood.Header{Name: name, Is: dogfood.AnyText()}}
}

// manySigns is from how many looks at one header on it is enough that there is one.
const manySigns = 4

// guardOf is the predicate of any of the signs, each of them once.
func guardOf(signs []dogfood.Condition) *xdsPredicate {
	looks := map[string]int{}
	for _, s := range signs {
		if h, ok := s.(dogfood.Header); ok {
			looks[h.Name]++
		}
	}
	seen := map[string]bool{}
	var each []*xdsPredicate
	for _, s := range signs {
		if h, ok := s.(dogfood.Header); ok && looks[h.Name] >= manySigns && h.Name != "cookie" {
			s = headerSign(h.Name)[0]
		}
		if key := s.String(); !seen[key] {
			seen[key] = true
			each = append(each, conditionPredicate(s))
		}
	}
	return anyOf(each)
}
