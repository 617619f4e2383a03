package inject

import (
	"cmp"
	"strings"
)

// workloadOf gives the name of what a pod is one of, as its proxies tell it
// Kibble: that of the Deployment, StatefulSet, DaemonSet or CronJob that made
// it, also through a ReplicaSet or Job; else its label app.kubernetes.io/name,
// or its own name.
func workloadOf(meta map[string]any) string {
	labels := texts(meta["labels"])
	for _, o := range list(meta["ownerReferences"]) {
		owner, ok := o.(map[string]any)
		if !ok || owner["controller"] != true {
			continue
		}
		name, _ := owner["name"].(string)
		switch owner["kind"] {
		case "ReplicaSet":
			return strings.TrimSuffix(name, "-"+labels["pod-template-hash"])
		case "Job": // a CronJob adds the time
			return strings.TrimSuffix(strings.TrimRight(name, "0123456789"), "-")
		}
		return name
	}
	name, _ := meta["name"].(string)
	return cmp.Or(labels["app.kubernetes.io/name"], name)
}
