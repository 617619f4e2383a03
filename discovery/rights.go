package discovery

import (
	rbacv1 "k8s.io/api/rbac/v1"
)

// Rights say what a Cluster is used for, and so what it must be allowed to read.
type Rights struct {
	// Namespaced: the rules are for a Role in each of ClusterOptions.Namespaces.
	// Otherwise they are for a ClusterRole.
	Namespaced bool
	// Secrets are the names of those that policies may refer to; "*" stands for
	// all. Without any, a policy that names one is told so.
	Secrets []string
	// PodLabels lets namers have a labelSelector.
	PodLabels bool
	// Ingresses lets routers have the identifier io.l5d.ingress.
	Ingresses bool
}

// Rules gives the least rules of RBAC with which a Cluster works. They only read.
func (r Rights) Rules() []rbacv1.PolicyRule {
	rules := []rbacv1.PolicyRule{
		reads(kindService), reads(kindSlice),
		reads(oursKinds()...),
	}
	namespaces := reads(kindNamespace)
	if r.Namespaced {
		namespaces.Verbs = []string{"get"} // a Role cannot give more of them
	}
	rules = append(rules, namespaces)
	if !r.Namespaced { // no Role can give this
		rules = append(rules, definitionRule())
	}
	if len(r.Secrets) > 0 {
		secrets := reads(kindSecret)
		if r.Secrets[0] != "*" {
			secrets.ResourceNames = r.Secrets
		}
		rules = append(rules, secrets)
	}
	if r.PodLabels {
		rules = append(rules, reads(kindPod))
	}
	if r.Ingresses {
		kinds := []string{kindIngress}
		if !r.Namespaced {
			kinds = append(kinds, kindIngressClass)
		}
		rules = append(rules, reads(kinds...))
	}
	return rules
}

// definitionRule lets Kibble see whether our kinds are being deleted.
func definitionRule() rbacv1.PolicyRule {
	rule := rbacv1.PolicyRule{APIGroups: []string{groupCRDs}, Resources: []string{"customresourcedefinitions"}, Verbs: []string{"get"}}
	for _, kind := range oursKinds() {
		name := groupResource(kind)
		rule.ResourceNames = append(rule.ResourceNames, name.String())
	}
	return rule
}

// reads lets kinds of one group be read as reflectors do it.
func reads(kinds ...string) rbacv1.PolicyRule {
	rule := rbacv1.PolicyRule{APIGroups: []string{groupResource(kinds[0]).Group}, Verbs: []string{"list", "watch"}}
	for _, kind := range kinds {
		rule.Resources = append(rule.Resources, groupResource(kind).Resource)
	}
	return rule
}
