package dtab_test

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kibble.dev/dtab"
)

// named is a case of testdata/names.txt.
type named struct {
	name  string
	path  dtab.Path
	means string
	in    dtab.Interpreter
}

// names reads testdata/names.txt, which tools/finagle reads too.
func names(tb testing.TB) []named {
	tb.Helper()
	text, err := os.ReadFile("testdata/names.txt")
	if err != nil {
		tb.Fatal(err)
	}
	exists := services{}
	for _, id := range []string{
		"http/hello", "http/api", "http/world-v1", "http/world-v2", "grpc/world-v1", "grpc/gen", "grpc/gen-growthhack", "grpc/word",
	} {
		port, service, _ := strings.Cut(id, "/")
		exists[[3]string{"default", port, service}] = true
	}
	var all []named
	for block := range strings.SplitSeq(string(text), "\n\n") {
		if !strings.HasPrefix(block, "case ") {
			continue // what the file is about
		}
		lines := strings.SplitN(block, "\n", 4)
		path, err := dtab.ParsePath(strings.TrimPrefix(lines[1], "name "))
		if err != nil {
			tb.Fatal(err)
		}
		table, err := dtab.Parse(dtab.Source{}, lines[3])
		if err != nil {
			tb.Fatal(err)
		}
		k8s, err := dtab.NewNamer(dtab.NamerConfig{Kind: dtab.KindK8s}, exists)
		if err != nil {
			tb.Fatal(err)
		}
		in := dtab.Interpreter{Base: dtab.NewIndex(table), Namers: []dtab.Namer{k8s}} // as a router has it
		all = append(all, named{strings.TrimPrefix(lines[0], "case "), path, strings.TrimPrefix(lines[2], "means "), in})
	}
	return all
}

// services are what exists: ids of io.l5d.k8s.
type services map[[3]string]bool

func (s services) Has(_ string, id dtab.Path) bool { return s[[3]string(id)] }

func TestNames(t *testing.T) {
	for _, c := range names(t) {
		got, err := c.in.Bind(c.path)
		// What was bound stays when more is bound under the same table.
		for _, other := range []string{"/svc/a.b.c.d.e.f:8080/g/h", "/svc/world/x/y/z", "/grpc/proto.GenSvc/x/y"} {
			path, _ := dtab.ParsePath(other)
			_, _ = c.in.Bind(path) // whatever it is
		}
		if err != nil || got.String() != c.means {
			t.Errorf("%s: %v is %v, %v, want %s", c.name, c.path, got, err, c.means)
		}
	}
}

// Several may bind names under the same table at once.
func TestNamesAtOnce(t *testing.T) {
	all := names(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				for _, c := range all {
					if got, err := c.in.Bind(c.path); err != nil || got.String() != c.means {
						t.Errorf("%s: %v is %v, %v, want %s", c.name, c.path, got, err, c.means)
					}
				}
			}
		})
	}
	wg.Wait()
}

// Ids that end alike are told apart, whichever was bound before.
func TestNamesThatEndAlike(t *testing.T) {
	exists := services{}
	for _, port := range []string{"http", "grpc"} {
		for _, namespace := range []string{"default", "other"} {
			exists[[3]string{namespace, port, "world"}] = true
		}
	}
	k8s, err := dtab.NewNamer(dtab.NamerConfig{Kind: dtab.KindK8s}, exists)
	if err != nil {
		t.Fatal(err)
	}
	in := dtab.Interpreter{Namers: []dtab.Namer{k8s}}
	for range 3 {
		for id := range exists {
			for range 3 {
				name := "/#/io.l5d.k8s/" + strings.Join(id[:], "/")
				path, _ := dtab.ParsePath(name)
				if got, err := in.Bind(path); err != nil || got.String() != name {
					t.Errorf("%s is %v, %v", name, got, err)
				}
			}
		}
	}
}

// BenchmarkNames is what tools/finagle measures on a JVM.
func BenchmarkNames(b *testing.B) {
	for _, c := range names(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.in.Bind(c.path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkManyNames binds so many names in turn, each another Service.
func BenchmarkManyNames(b *testing.B) {
	table, err := dtab.Parse(dtab.Source{}, "/srv => /#/io.l5d.k8s/default/http ; /host => /srv ; /svc => /host")
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{10, 100, 1000, 10000} {
		exists, paths := services{}, make([]dtab.Path, n)
		for i := range paths {
			service := "world-" + strconv.Itoa(i)
			exists[[3]string{"default", "http", service}] = true
			paths[i] = dtab.Path{"svc", service}
		}
		k8s, err := dtab.NewNamer(dtab.NamerConfig{Kind: dtab.KindK8s}, exists)
		if err != nil {
			b.Fatal(err)
		}
		in := dtab.Interpreter{Base: dtab.NewIndex(table), Namers: []dtab.Namer{k8s}}
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if got, err := in.Bind(paths[i%n]); err != nil || got == (dtab.Neg{}) {
					b.Fatal(got, err)
				}
			}
		})
	}
}
