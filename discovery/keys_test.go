package discovery

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/dogfood"
	"kibble.dev/translate"
)

func policyYAML(name, keys string) string {
	return "apiVersion: kibble.dev/v1alpha1\nkind: DogfoodPolicy\nmetadata: {name: " + name + "}\nspec:\n  override: /a => /b\n" +
		"  when: {not: {all: [{jwt: {issuer: i, " + keys + "}}]}}\n---\n"
}

func secretYAML(name, data string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + "}\n" + data + "\n---\n"
}

// opened gives the keys of an inventory as plain text.
func opened(inv *translate.Inventory) map[string]string {
	all := map[string]string{}
	for key, data := range inv.Secrets {
		all[key.String()] += "there"
		for k, v := range data {
			all[key.String()+"/"+k] = string(v)
		}
	}
	for name, file := range inv.KeyFiles {
		all[name] = string(file.Text) + file.Problem
	}
	return all
}

func TestOnlySecretsThatPoliciesNameAreKept(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "all.yaml"),
		policyYAML("p", "jwksSecretRef: {name: named, key: jwks.json}")+
			policyYAML("q", "jwksSecretRef: {name: missing, key: k}")+
			policyYAML("r", "jwksSecretRef: {name: keyless, key: k}")+
			secretYAML("named", "data: {jwks.json: "+base64.StdEncoding.EncodeToString([]byte("old"))+", other: AAAA}\nstringData: {jwks.json: new}")+
			secretYAML("keyless", "type: Opaque\nstringData: {x: hidden-a}")+
			secretYAML("unnamed", "stringData: {jwks.json: hidden-b}"))
	inv, found, err := ReadDir(dir)
	must(t, err)
	if len(found) > 0 {
		t.Error(lines(found))
	}
	want := map[string]string{"default/named": "there", "default/named/jwks.json": "new", "default/keyless": "there"}
	if diff := cmp.Diff(want, opened(inv)); diff != "" {
		t.Error(diff)
	}
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		if text := fmt.Sprintf(form, inv.Secrets); strings.Contains(text, "new") {
			t.Errorf("%s prints %s", form, text)
		}
	}
}

func TestOnlyCertificatesThatRoutersServeAreKept(t *testing.T) {
	router := func(name, spec string) string {
		return "---\napiVersion: kibble.dev/v1alpha1\nkind: Router\nmetadata: {name: " + name + "}\nspec:\n  proxyClass: edge\n  dtab: /svc => /$/inet/127.1/80\n" + spec
	}
	ingress := func(name, class string) string {
		return "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " + name + ", namespace: shop}\n" +
			"spec: {ingressClassName: " + class + ", tls: [{hosts: [a.b], secretName: " + name + "}]}\n"
	}
	text := router("web", "  port: 1\n  tls: {port: 2, secretName: any, certificates: [{hosts: [c.d], secretName: cd}]}\n  identifier: {kind: io.l5d.ingress}\n") +
		router("plain", "  port: 3\n  identifier: {kind: io.l5d.ingress, ingressClass: plain}\n") +
		ingress("taken", "kibble") + ingress("plain", "plain") + ingress("others", "nginx")
	for _, name := range []string{"any", "cd", "other"} {
		text += "---\n" + secretYAML(name, "stringData: {tls.crt: c, tls.key: k, ca.crt: a}")
	}
	for _, name := range []string{"taken", "plain", "others"} {
		text += strings.Replace(secretYAML(name, "stringData: {tls.crt: c, tls.key: k}"), "name: "+name, "namespace: shop, name: "+name, 1)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "all.yaml"), text)
	inv, found, err := ReadDir(dir)
	must(t, err)
	if len(found) > 0 {
		t.Error(lines(found))
	}
	want := map[string]string{}
	for _, name := range []string{"default/any", "default/cd", "shop/taken"} {
		want[name], want[name+"/tls.crt"], want[name+"/tls.key"] = "there", "c", "k"
	}
	if diff := cmp.Diff(want, opened(inv)); diff != "" {
		t.Error(diff)
	}
}

func TestWrongSecretsAreNotQuoted(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "s.yaml"), secretYAML("a", "data: {k: hidden!}")+secretYAML("b", "stringData: {k: 424242}")+secretYAML("c", "data: [hidden]"))
	_, found, err := ReadDir(dir)
	must(t, err)
	if len(found) != 3 || strings.Contains(lines(found), "hidden") || strings.Contains(lines(found), "424242") {
		t.Error(lines(found))
	}
}

func TestKeyFilesAreFollowed(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys.json")
	write(t, filepath.Join(dir, "p.yaml"), policyYAML("p", "jwksFile: keys.json"))
	w := watch(t, Files{Path: dir})
	until := func(what string) {
		t.Helper()
		w.until(what, func(u Update) bool { return strings.Contains(opened(u.Inventory)["keys.json"], what) })
	}
	until("no such file")
	write(t, keys, `{"keys": [1]}`)
	until("[1]")
	if len(w.last.Findings) > 0 {
		t.Error("a file of keys is no manifest: " + lines(w.last.Findings))
	}
	other := filepath.Join(dir, "other")
	write(t, other, `{"keys": [2]}`)
	must(t, os.Rename(other, keys))
	until("[2]")
	must(t, os.Remove(keys))
	write(t, filepath.Join(dir, "q.yaml"), policyYAML("q", "jwksSecretRef: {name: s, key: k}"))
	w.until("q", func(u Update) bool { return len(u.Inventory.Policies) == 2 })
	if got := opened(w.last.Inventory)["keys.json"]; got != `{"keys": [2]}` {
		t.Errorf("without its file: %s", got)
	}
	write(t, filepath.Join(dir, "s.yaml"), secretYAML("s", "stringData: {k: one}"))
	w.until("one", func(u Update) bool { return opened(u.Inventory)["default/s/k"] == "one" })
	write(t, filepath.Join(dir, "s.yaml"), secretYAML("s", "stringData: {k: two}"))
	w.until("two", func(u Update) bool {
		return u.Inventory.Secrets[translate.Key{Namespace: "default", Name: "s"}]["k"] == dogfood.Sealed("two")
	})
}
