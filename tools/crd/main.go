// Command crd finishes what controller-gen made of the Go types.
//
//	crd DIRECTORY CHART PLAIN REFERENCE
//
// It reads the CRDs in DIRECTORY, writes them as templates of the Helm chart
// CHART, as they are into the directory PLAIN, and writes the reference of the
// objects, REFERENCE.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// object is a YAML mapping.
type object = map[string]any

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: crd DIRECTORY CHART PLAIN REFERENCE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "crd:", err)
		os.Exit(1)
	}
}

func run(dir, chart, plain, reference string) error {
	templates := filepath.Join(chart, "templates")
	if err := errors.Join(os.MkdirAll(templates, 0o755), os.MkdirAll(plain, 0o755)); err != nil {
		return err
	}
	doc := referenceHead
	// In the order in which a reader needs them.
	for _, plural := range []string{"routers", "dtabs", "dogfoodpolicies"} {
		b, err := os.ReadFile(filepath.Join(dir, "kibble.dev_"+plural+".yaml"))
		if err != nil {
			return err
		}
		var crd object
		if err := yaml.Unmarshal(b, &crd); err != nil {
			return fmt.Errorf("%s: %w", plural, err)
		}
		schema := schemaOf(crd)
		doc += document(kindOf(crd), schema)
		if spec := property(schema, "spec"); property(spec, "when") != nil {
			nest(property(spec, "when"))
		}
		if b, err = yaml.Marshal(crd); err != nil {
			return fmt.Errorf("%s: %w", plural, err)
		}
		if err := os.WriteFile(filepath.Join(plain, plural+".yaml"), b, 0o644); err != nil {
			return err
		}
		text, err := template(crd)
		if err != nil {
			return fmt.Errorf("%s: %w", plural, err)
		}
		if err := os.WriteFile(filepath.Join(templates, plural+".yaml"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(reference, []byte(doc), 0o644)
}

// template gives a CRD as a template that Helm keeps when the chart goes,
// unless the user says otherwise: with a CRD all its objects go.
func template(crd object) (string, error) {
	b, err := yaml.Marshal(crd)
	if err != nil {
		return "", err
	}
	text := strings.ReplaceAll(string(b), "{{", `{{"{{"}}`)
	const annotations = "  annotations:\n"
	keep := annotations + "    {{- if .Values.keep }}\n    helm.sh/resource-policy: keep\n    {{- end }}\n"
	if !strings.Contains(text, annotations) {
		return "", fmt.Errorf("it has no annotations")
	}
	return strings.Replace(text, annotations, keep, 1), nil
}

func kindOf(crd object) string {
	return crd["spec"].(object)["names"].(object)["kind"].(string)
}

func schemaOf(crd object) object {
	version := crd["spec"].(object)["versions"].([]any)[0].(object)
	return version["schema"].(object)["openAPIV3Schema"].(object)
}

// property gives the schema of a field, or nil.
func property(schema object, name string) object {
	properties, _ := schema["properties"].(object)
	p, _ := properties[name].(object)
	return p
}
