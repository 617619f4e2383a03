package jsonschema_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/charts"
	"kibble.dev/internal/jsonschema"
)

// compile gives a validator of a schema; the schema itself must be a valid one.
func compile(t *testing.T, schema jsonschema.Schema) *validator.Schema {
	t.Helper()
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("kibble.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("kibble.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func kinds(t *testing.T) []jsonschema.Kind {
	t.Helper()
	crds, err := charts.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	all, err := jsonschema.Of(crds)
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	return all
}

func object(t *testing.T, text string) any {
	t.Helper()
	j, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	v, err := validator.UnmarshalJSON(bytes.NewReader(j))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Every example is valid, by the schema of its kind and by that of all.
func TestExamples(t *testing.T) {
	all := kinds(t)
	one := compile(t, jsonschema.All(all))
	alone := map[string]*validator.Schema{}
	for _, k := range all {
		alone[k.Kind] = compile(t, k.Alone())
	}
	seen := map[string]int{}
	err := filepath.WalkDir("../../examples", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" || strings.HasSuffix(path, ".test.yaml") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for doc := range strings.SplitSeq(string(text), "\n---") {
			o, ok := object(t, doc).(map[string]any)
			if !ok {
				continue
			}
			if err := one.Validate(o); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if o["apiVersion"] == v1alpha1.APIVersion {
				kind, _ := o["kind"].(string)
				seen[kind]++
				if err := alone[kind].Validate(o); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen["Router"] < 5 || seen["DogfoodPolicy"] < 2 {
		t.Errorf("only %v were seen", seen)
	}
}

// What a cluster refuses by a definition's structure, and what kubectl refuses as
// unknown, the schema refuses, at its place.
func TestRefused(t *testing.T) {
	one := compile(t, jsonschema.All(kinds(t)))
	const head = "apiVersion: kibble.dev/v1alpha1\n"
	for _, c := range []struct{ text, place string }{
		{"kind: Router\nmetadata: {name: a}\nspec: {proxyClass: edge, port: 8080, dtab: /a => /b}", ""},
		{"kind: Router\nmetadata: {name: a}\nspec: {proxyClass: edge, port: 80800}", "/spec/port"},
		{"kind: Router\nmetadata: {name: a}\nspec: {proxyClass: edge, port: \"8080\"}", "/spec/port"},
		{"kind: Router\nmetadata: {name: a}\nspec: {proxyClass: edge}", "/spec"},
		{"kind: Router\nmetadata: {name: a}\nspec: {proxyClass: edge, port: 8080, dtabb: /a => /b}", "/spec"},
		{"kind: Router\nmetadata: {name: a}\nspec: {proxyClass: edge, port: 8080, bind: everywhere}", "/spec/bind"},
		{"kind: Router\nmetadata: {name: a}\nspec: {proxyClass: edge, port: 8080, namers: [{prefix: /a}]}", "/spec/namers/0"},
		{"kind: Router\nmetadata: {}\nspec: {proxyClass: edge, port: 8080}", "/metadata"},
		{"kind: Router\nmetadata: {name: a}", ""},
		{"kind: Dtab\nmetadata: {name: a}\nspec: {dentries: [{prefix: /a}]}", "/spec/dentries/0"},
		{"kind: DogfoodPolicy\nmetadata: {name: a}\nspec: {when: {cookie: {exact: a}}, override: /a => /b}", "/spec/when/cookie"},
		{"kind: DogfoodPolicy\nmetadata: {name: a}\nspec: {when: {any: [{all: [{cookies: {name: a}}]}]}, override: /a => /b}", "/spec/when/any/0/all/0"},
		{"kind: DogfoodPolicy\nmetadata: {name: a}\nspec: {when: {}, override: 7}", "/spec/override"},
		{"kind: DogfoodPolicy\nmetadata: {name: a}\nspec: {when: {}, override: /a => /b, fallback: perhaps}", "/spec/fallback"},
	} {
		err := one.Validate(object(t, head+c.text))
		if strings.HasPrefix(c.text, "kind: Router\nmetadata: {name: a}\nspec: {proxyClass: edge, port: 8080, dtab:") {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil {
			t.Errorf("taken:\n%s", c.text)
		} else if !strings.Contains(err.Error(), "'"+c.place+"'") {
			t.Errorf("not at %q: %v", c.place, err)
		}
	}
	if err := one.Validate(object(t, "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {whatever: 1}}")); err != nil {
		t.Errorf("an object of others: %v", err)
	}
	if err := one.Validate(object(t, "{apiVersion: kibble.dev/v2, kind: Dtab, metadata: {name: a}, spec: {dtab: a}}")); err == nil {
		t.Error("a version that there is not is taken")
	}
}
