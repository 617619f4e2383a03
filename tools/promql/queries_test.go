// Package promql has a test only: every query of the project is one that
// Prometheus understands, about metrics that the manual describes.
package promql

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

const root = "../.."

// query is a query, and where it stands.
type query struct{ place, text string }

func TestQueries(t *testing.T) {
	described := metrics(t)
	var all []query
	all = append(all, fromManual(t)...)
	all = append(all, fromAlerts(t)...)
	all = append(all, fromDashboard(t)...)
	if len(all) < 15 {
		t.Fatalf("only %d queries were found", len(all))
	}
	for _, q := range all {
		e, err := parser.NewParser(parser.Options{}).ParseExpr(q.text)
		if err != nil {
			t.Errorf("%s: %s: %v", q.place, q.text, err)
			continue
		}
		parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
			if s, ok := n.(*parser.VectorSelector); ok && !described[s.Name] {
				t.Errorf("%s: no page describes the metric %s", q.place, s.Name)
			}
			return nil
		})
	}
}

// Every alert of the chart stands in the manual, with its query.
func TestAlertsAreDescribed(t *testing.T) {
	page := read(t, "docs/operations/watching.md")
	for _, alert := range fromAlerts(t) {
		if !strings.Contains(page, "### "+alert.place+"\n\n```promql\n"+alert.text+"\n```\n") {
			t.Errorf("docs/operations/watching.md does not have the alert %s with its query %s", alert.place, alert.text)
		}
	}
}

// metrics gives the names that the reference describes, and those that a
// histogram has besides.
func metrics(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, page := range []string{"docs/reference/metrics.md", "docs/reference/proxy-metrics.md"} {
		for _, m := range regexp.MustCompile("`((?:kibble|envoy)_[a-z_]+)[`{]?").FindAllStringSubmatch(read(t, page), -1) {
			all[m[1]], all[m[1]+"_bucket"] = true, true
		}
		if strings.Contains(read(t, page), "\nenvoy_kibble_requests{") {
			all["envoy_kibble_requests"] = true
		}
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fromManual gives the fenced blocks of kind promql.
func fromManual(t *testing.T) []query {
	t.Helper()
	block := regexp.MustCompile("(?ms)^```promql\n(.*?)^```$")
	var all []query
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range block.FindAllStringSubmatch(string(b), -1) {
			all = append(all, query{place: path, text: m[1]})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// fromAlerts gives the alerts of the chart.
func fromAlerts(t *testing.T) []query {
	t.Helper()
	var rules []struct{ Alert, Expr string }
	if err := yaml.Unmarshal([]byte(read(t, "charts/kibble/files/rules.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	var all []query
	for _, r := range rules {
		all = append(all, query{place: r.Alert, text: r.Expr})
	}
	return all
}

// fromDashboard gives every expr of the chart's dashboard.
func fromDashboard(t *testing.T) []query {
	t.Helper()
	var board any
	if err := json.Unmarshal([]byte(read(t, "charts/kibble/files/dashboard.json")), &board); err != nil {
		t.Fatal(err)
	}
	var all []query
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				if text, ok := value.(string); ok && key == "expr" {
					all = append(all, query{place: "dashboard.json", text: text})
				}
				walk(value)
			}
		case []any:
			for _, value := range v {
				walk(value)
			}
		}
	}
	walk(board)
	return all
}
