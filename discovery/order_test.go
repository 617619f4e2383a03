package discovery

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"kibble.dev/translate"
)

// Replicas hear of the same objects in other orders, and some twice or with
// other content before. They serve the same bytes.
func TestOrder(t *testing.T) {
	var objects []object
	for _, file := range []string{"routers.yaml", "policies.yaml", "services.yaml"} {
		data, err := os.ReadFile("../examples/hello-world/" + file)
		if err != nil {
			t.Fatal(err)
		}
		list, found := newDirectory(".").parse(file, data)
		if len(found) > 0 {
			t.Fatal(found)
		}
		objects = append(objects, list...)
	}
	if len(objects) < 3 {
		t.Fatalf("%d objects", len(objects))
	}
	want := served(t, objects, nil)
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		shuffled := append([]object(nil), objects...)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := served(t, shuffled, random); got != want {
			t.Fatalf("seed %d: other bytes are served", seed)
		}
	}
}

// served gives all resources, and their versions, after objects were heard of one by one.
func served(t *testing.T, objects []object, random *rand.Rand) string {
	t.Helper()
	s := newStore()
	for _, o := range objects {
		if random != nil && random.IntN(3) == 0 {
			s.set(objects[random.IntN(len(objects))].id.String(), nil) // gone for now
		}
		s.set(o.id.String(), []object{o})
		if random != nil && random.IntN(2) == 0 {
			s.inventory()
		}
	}
	for _, o := range objects {
		s.set(o.id.String(), []object{o})
	}
	snapshot, _ := translate.NewModel(s.inventory(), time.Unix(0, 0)).Snapshot()
	var all []string
	for class, c := range snapshot.Classes {
		for typ, list := range c.Resources {
			for name, r := range list {
				all = append(all, class+" "+typ+" "+name+" "+r.Version)
			}
		}
	}
	if len(all) < 10 {
		t.Fatalf("%d resources", len(all))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
