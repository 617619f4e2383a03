package dogfood

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// placeholder stands for the namespace in conditions and overrides of a family.
// The stand-in has its length, so that positions found with one hold for the other.
const (
	placeholder = "{namespace}"
	standIn     = "x-namespace"
)

// Compile reads a policy. An ordinary one gives one Policy, a family one for
// each namespace that it selects, in the order of their names; one that cannot
// work, or has ended at the given time, gives none. source says where the text
// of a field begins. Findings of severity error mean that there is no policy;
// they stand in the order of the object's fields, those of Validate first.
func Compile(obj v1alpha1.DogfoodPolicy, source func(field string) dtab.Source, facts Facts, now time.Time) ([]Policy, []dtab.Finding) {
	c := compiler{
		obj:      obj,
		facts:    facts,
		report:   &report{source: source},
		position: source("metadata.name").At(1, 1),
	}
	c.report.fields(obj.Validate())
	if !isID(obj.Name) {
		c.report.add(dtab.Error, v1alpha1.CodeField, "metadata.name", quote(obj.Name)+" cannot be the name of a policy", "small letters, digits, - and .")
	}
	if c.report.failed() {
		return nil, c.report.findings
	}
	selected := c.namespaces(facts.Namespaces)
	template := c.policy(standIn)
	if c.report.failed() {
		return nil, c.report.findings
	}
	if end := obj.Spec.ExpiresAt; end != nil && !now.Before(end.Time) {
		c.report.add(dtab.Info, codeExpired, "spec.expiresAt", "the policy ended at "+end.UTC().Format(time.RFC3339), "delete it, or set a later time")
		return nil, c.report.findings
	}
	if obj.Spec.ForEach == nil {
		return []Policy{template}, c.report.findings
	}
	c.checkFamily(template, selected)
	return c.members(template, selected), c.report.findings
}

type compiler struct {
	obj      v1alpha1.DogfoodPolicy
	facts    Facts
	report   *report
	position dtab.Pos
}

// policy compiles the object for one namespace. For an ordinary policy the
// namespace does not matter.
func (c compiler) policy(namespace string) Policy {
	spec := c.obj.Spec
	p := Policy{
		ID: c.obj.Name, Name: c.obj.Name, Namespace: c.obj.Namespace,
		Routers: spec.Routers, Fallback: spec.Fallback, Priority: spec.Priority,
		Pos: c.position, Created: c.obj.CreationTimestamp.Unix(),
	}
	if p.Fallback == "" {
		p.Fallback = v1alpha1.FallbackBaseline
	}
	if spec.ExpiresAt != nil {
		p.Expires = spec.ExpiresAt.Time
	}
	fill := func(text string) string { return text }
	if spec.ForEach != nil {
		p.Family, p.Member = c.obj.Name, namespace
		p.ID += "." + namespace
		fill = func(text string) string { return strings.ReplaceAll(text, placeholder, namespace) }
	}
	conditions := conditionCompiler{report: c.report, facts: c.facts, fill: fill, name: p.Name, namespace: p.Namespace}
	p.When = conditions.compile("spec.when", spec.When)
	p.Join = c.join(p, fill)
	p.Grant = spec.Grant == v1alpha1.GrantAdHoc
	if strings.TrimSpace(spec.Override) != "" {
		p.Override = c.override(fill(spec.Override), p.ID)
	}
	if p.Grant && AnybodyCan(p.When) {
		c.report.add(dtab.Warning, codeGrant, "spec.when", "whoever knows a cookie or header, or sends none, gets the grant",
			"ask for an address range or a token as well: sourceRanges, jwt")
	}
	return p
}

func (c compiler) override(text, id string) dtab.Dtab {
	table, err := dtab.Parse(c.report.source("spec.override"), text)
	var syntax *dtab.SyntaxError
	switch {
	case errors.As(err, &syntax):
		f := syntax.Finding()
		if c.obj.Spec.ForEach == nil && strings.Contains(text, placeholder) {
			f.Hint = placeholder + " is filled in only where the policy has forEach"
		}
		c.report.findings = append(c.report.findings, f)
	case err != nil:
		c.report.add(dtab.Error, codeOverride, "spec.override", err.Error(), "")
	case len(table) == 0:
		c.report.add(dtab.Error, codeOverride, "spec.override", "the override has no entry", `a dtab, such as "/host/world => /srv/world-v2 ;"`)
	}
	for i := range table {
		table[i].Origin = "policy " + id
	}
	return table
}

// namespaces gives the names of the namespaces that a family selects, sorted.
func (c compiler) namespaces(all map[string]map[string]string) []string {
	if c.obj.Spec.ForEach == nil {
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(&c.obj.Spec.ForEach.NamespaceSelector)
	if err != nil {
		return nil // Validate has said so
	}
	if selector.Empty() {
		c.report.add(dtab.Error, codeFamily, "spec.forEach.namespaceSelector", "an empty selector takes every namespace", "set matchLabels, such as {kibble.dev/preview: \"true\"}")
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if selector.Matches(labels.Set(all[name])) {
			names = append(names, name)
		}
	}
	return names
}

// checkFamily warns of families that are hardly meant as they are written.
func (c compiler) checkFamily(template Policy, selected []string) {
	if !strings.Contains(template.When.String(), standIn) {
		c.report.add(dtab.Warning, codeFamily, "spec.when", "the condition does not mention "+placeholder+", so every environment holds at once", "compare a cookie or header with \""+placeholder+"\"")
	}
	if len(template.Override) > 0 && !strings.Contains(c.obj.Spec.Override, placeholder) {
		c.report.add(dtab.Warning, codeFamily, "spec.override", "the override does not mention "+placeholder+", so every environment is the same", "lead it to "+placeholder)
	}
	if len(selected) == 0 {
		c.report.add(dtab.Info, codeFamily, "spec.forEach.namespaceSelector", "no namespace has these labels yet", "")
	}
}

// members compiles the policy for each namespace. What is found in one was
// found in the template, so that nothing is reported again.
func (c compiler) members(template Policy, selected []string) []Policy {
	c.report = &report{source: c.report.source}
	var all []Policy
	for _, namespace := range selected {
		p := c.policy(namespace)
		if c.report.failed() || !isID(p.ID) {
			continue
		}
		for i := range p.Override {
			p.Override[i].Pos = template.Override[i].Pos
		}
		all = append(all, p)
	}
	return all
}
