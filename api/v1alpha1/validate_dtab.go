package v1alpha1

// Validate gives the mistakes in a Dtab's fields; nil if there are none.
func (d *Dtab) Validate() []FieldError {
	c := &checker{}
	switch {
	case d.Spec.Dtab != "" && d.Spec.Dentries != nil:
		c.add("spec.dentries", "dtab and dentries cannot both be set", "keep one of them")
	case d.Spec.Dtab == "" && d.Spec.Dentries == nil:
		c.add("spec", "the table is missing", "set dtab (text) or dentries (a list); an empty table is dentries: []")
	}
	for i, e := range d.Spec.Dentries {
		path := at("spec.dentries", i)
		c.need(path+".prefix", e.Prefix, "what the entry rewrites, such as /svc")
		c.need(path+".dst", e.Dst, "what it rewrites to, such as /host")
	}
	return c.errs
}
