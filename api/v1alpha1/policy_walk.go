package v1alpha1

// EachJWT visits the tokens that a condition asks for, in the order in which
// they are written. What visit changes, is changed in the condition.
func (c *Condition) EachJWT(visit func(*JWT)) {
	if c.JWT != nil {
		visit(c.JWT)
	}
	for i := range c.All {
		c.All[i].EachJWT(visit)
	}
	for i := range c.Any {
		c.Any[i].EachJWT(visit)
	}
	if c.Not != nil {
		c.Not.EachJWT(visit)
	}
}

// Clone gives a copy that shares no condition and no token with the original.
func (c *Condition) Clone() Condition {
	d := *c
	if c.JWT != nil {
		token := *c.JWT
		d.JWT = &token
	}
	if c.Not != nil {
		not := c.Not.Clone()
		d.Not = &not
	}
	d.All, d.Any = cloneEach(c.All), cloneEach(c.Any)
	return d
}

func cloneEach(members []Condition) []Condition {
	if members == nil {
		return nil
	}
	all := make([]Condition, len(members))
	for i := range members {
		all[i] = members[i].Clone()
	}
	return all
}
