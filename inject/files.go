package inject

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"

	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// templates says where objects of a kind hold a pod.
func templates(kind string) ([]string, bool) {
	switch kind {
	case "Pod":
		return nil, true
	case "Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job":
		return []string{"spec", "template"}, true
	case "CronJob":
		return []string{"spec", "jobTemplate", "spec", "template"}, true
	}
	return nil, false
}

// Files reads a stream of YAML or JSON objects, and writes it as YAML, each pod
// and each template of pods with what it asks for; byDefault is the mode of
// those that ask for nothing, and of all namespaces that are not in the stream.
// Other objects are written as they are, but for comments and the order of
// keys. The error names the object.
func Files(o Options, in io.Reader, out io.Writer, byDefault string) error {
	d := yaml.NewYAMLReader(bufio.NewReader(in))
	var docs []map[string]any
	for {
		text, err := d.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var m map[string]any
		if err := sigsyaml.Unmarshal(text, &m); err != nil {
			return fmt.Errorf("document %d: %w", len(docs)+1, err)
		}
		if m != nil {
			docs = append(docs, m)
		}
	}
	namespaces := map[string]map[string]string{}
	for _, m := range docs {
		known(m, namespaces)
	}
	for i, m := range docs {
		m, err := object(o, m, namespaces, byDefault)
		if err != nil {
			return err
		}
		text, err := sigsyaml.Marshal(m)
		if err != nil {
			return err
		}
		if i > 0 {
			text = append([]byte("---\n"), text...)
		}
		if _, err := io.Copy(out, bytes.NewReader(text)); err != nil {
			return err
		}
	}
	return nil
}

// known notes the labels of namespaces.
func known(m map[string]any, namespaces map[string]map[string]string) {
	meta, _ := m["metadata"].(map[string]any)
	if name, _ := meta["name"].(string); m["kind"] == "Namespace" {
		namespaces[name] = texts(meta["labels"])
	}
	for _, item := range items(m) {
		if o, ok := item.(map[string]any); ok {
			known(o, namespaces)
		}
	}
}

// items gives the objects of a List.
func items(m map[string]any) []any {
	if m["kind"] != "List" {
		return nil
	}
	return list(m["items"])
}

func object(o Options, m map[string]any, namespaces map[string]map[string]string, byDefault string) (map[string]any, error) {
	if all := items(m); all != nil {
		m = maps.Clone(m)
		each := make([]any, len(all))
		for i, item := range all {
			each[i] = item
			if one, ok := item.(map[string]any); ok {
				injected, err := object(o, one, namespaces, byDefault)
				if err != nil {
					return nil, err
				}
				each[i] = injected
			}
		}
		m["items"] = each
		return m, nil
	}
	kind, _ := m["kind"].(string)
	path, ok := templates(kind)
	if !ok {
		return m, nil
	}
	meta, _ := m["metadata"].(map[string]any)
	namespace, _ := meta["namespace"].(string)
	labels, ok := namespaces[namespace]
	if !ok || labels[Label] == "" {
		labels = map[string]string{Label: byDefault}
	}
	if len(path) > 0 {
		o.owner, _ = meta["name"].(string)
	}
	out, err := at(m, path, func(pod map[string]any) (map[string]any, error) {
		injected, _, err := Pod(o, pod, labels)
		return injected, err
	})
	if err != nil {
		return nil, fmt.Errorf("%s %v: %w", kind, meta["name"], err)
	}
	return out, nil
}

// at changes what is at a path of an object, without changing the object given.
func at(m map[string]any, path []string, change func(map[string]any) (map[string]any, error)) (map[string]any, error) {
	if len(path) == 0 {
		return change(m)
	}
	inner, ok := m[path[0]].(map[string]any)
	if !ok {
		return m, nil
	}
	inner, err := at(inner, path[1:], change)
	if err != nil {
		return nil, err
	}
	m = maps.Clone(m)
	m[path[0]] = inner
	return m, nil
}
