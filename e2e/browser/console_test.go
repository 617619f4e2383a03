// Package browser tests the console in a real Chromium.
package browser

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"kibble.dev/admin/console"
	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

// serve gives the address of a console that shows the demo.
func serve(t *testing.T) string {
	t.Helper()
	inv, found, err := discovery.ReadDir("../../examples/hello-world")
	if err != nil {
		t.Fatal(err)
	}
	m := translate.NewModel(inv, time.Now())
	found = append(found, dtab.Finding{
		Code: "test", Severity: dtab.Warning, Pos: dtab.Pos{Source: "routers.yaml", Line: 3}, Message: "something to show", Hint: "nothing to do",
	})
	server := httptest.NewServer(console.New(console.Options{
		Model: func() *translate.Model { return m }, Findings: func() []dtab.Finding { return found }, Now: time.Now,
		Proxies: func() []xds.ProxyStatus {
			return []xds.ProxyStatus{{Node: "hello-0", Class: "sidecar", Connected: time.Now(), Types: []publish.Status{{
				Type: translate.RouteType, Behind: 1, Refused: []publish.Refusal{{
					Name: "default/outgoing", Words: "no such cluster: " + strings.Repeat("x", 200), Source: "routers.yaml:32", Since: time.Now(),
				}},
			}}}}
		},
		Config: func(xds.ConfigQuery) []xds.ConfigEntry {
			return []xds.ConfigEntry{{
				Class: "sidecar", Type: translate.RouteType, Name: "default/outgoing", State: publish.HoldRefused, Accepted: "1", Wanted: "2",
				Source: "routers.yaml:32", Words: "no such cluster: " + strings.Repeat("x", 200), Proxies: []string{"hello-0"},
				AcceptedBody: map[string]any{"name": "default/outgoing"},
				WantedBody:   map[string]any{"name": "default/outgoing", "virtualHosts": strings.Repeat("long", 100)},
			}}
		},
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// tab opens a Chromium in which scripts of pages do not run. Whatever it
// complains about, such as what the content security policy forbids, fails the
// test.
func tab(t *testing.T) context.Context {
	t.Helper()
	binary := os.Getenv("KIBBLE_CHROMIUM")
	if binary == "" {
		t.Fatal("KIBBLE_CHROMIUM is not set: run make chromium, and set it to what it prints")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(binary), chromedp.WSURLReadTimeout(2*time.Minute))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium has no sandbox for root
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var complaints []string
	err := chromedp.Listen(ctx, func(e any) {
		if entry, ok := e.(*log.EventEntryAdded); ok {
			mu.Lock()
			defer mu.Unlock()
			complaints = append(complaints, entry.Entry.Text+" "+entry.Entry.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range complaints {
			t.Error("Chromium complains:", c)
		}
	})
	call(ctx, t, log.Enable, cdp.Empty{})
	call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return ctx
}

func do(ctx context.Context, t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func call[P, R any](ctx context.Context, t *testing.T, command cdp.Command[P, R], params P) R {
	t.Helper()
	r, err := chromedp.Call(ctx, command, params)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ask[T any](ctx context.Context, t *testing.T, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Pages of the console, by what a screenshot of it is called.
func pages() map[string]string {
	return map[string]string{
		"overview": "/", "routers": "/routers", "router": "/routers?router=outgoing", "environments": "/environments",
		"environment": "/environments?id=world-v2", "proxies": "/proxies", "proxy": "/proxies?node=hello-0", "resource": "/proxies?node=hello-0&name=default%2Foutgoing", "findings": "/findings",
		"playground": "/playground?router=outgoing&host=world&override=%2Fhost%2Fworld+%3D%3E+%2Fsrv%2Fworld-v2",
	}
}

// unreadable lists texts whose contrast is less than WCAG AA asks for (4.5), and
// toWide tells how far the page is wider than the window.
const (
	unreadable = `(() => {
	const lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
	const rgb = s => s.match(/[\d.]+/g).map(Number);
	const bad = [];
	for (const e of document.querySelectorAll('body *')) {
		if (![...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim())) continue;
		let b = e, back;
		for (; b; b = b.parentElement) { back = rgb(getComputedStyle(b).backgroundColor); if (back.length == 3 || back[3] > 0) break }
		const [x, y] = [lum(rgb(getComputedStyle(e).color).slice(0, 3)), lum(back.slice(0, 3))].sort((p, q) => q - p);
		const ratio = (x + 0.05) / (y + 0.05);
		if (ratio < 4.5) bad.push(e.tagName + ' ' + e.className + ' ' + ratio.toFixed(2));
	}
	return bad })()`
	tooWide = `document.documentElement.scrollWidth - document.documentElement.clientWidth`
)

// Every page fits a phone and a desk, by day and by night: nothing sticks out
// sideways, and every text can be read. With KIBBLE_SCREENSHOTS set to a folder,
// it leaves a picture of each there.
func TestLooks(t *testing.T) {
	address, ctx := serve(t), tab(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 1280} {
			for name, path := range pages() {
				t.Run(fmt.Sprintf("%s-%s-%d", name, scheme, width), func(t *testing.T) {
					call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
						Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
					})
					do(ctx, t, chromedp.EmulateViewport(width, 800), chromedp.Navigate(address+path), chromedp.WaitVisible("h1"))
					if wide := ask(ctx, t, chromedp.Evaluate[int](tooWide)); wide > 0 {
						t.Errorf("it is %d pixels too wide", wide)
					}
					for _, b := range ask(ctx, t, chromedp.Evaluate[[]string](unreadable)) {
						t.Error("contrast is too low:", b)
					}
					if dir := os.Getenv("KIBBLE_SCREENSHOTS"); dir != "" {
						picture := ask(ctx, t, chromedp.FullScreenshot(100))
						if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", name, scheme, width)), picture, 0o600); err != nil {
							t.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// To a screen reader, everything that can be used has a name.
func TestNames(t *testing.T) {
	address, ctx := serve(t), tab(t)
	roles := map[string]bool{
		"textbox": true, "combobox": true, "button": true, "link": true, "navigation": true, "region": true, "table": true, "heading": true,
	}
	for name, path := range pages() {
		t.Run(name, func(t *testing.T) {
			do(ctx, t, chromedp.Navigate(address+path), chromedp.WaitVisible("h1"))
			nodes := call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
			seen := map[string]int{}
			for _, n := range nodes {
				if n.Ignored || n.Role == nil {
					continue
				}
				role := strings.Trim(string(n.Role.Value), `"`)
				seen[role]++
				if roles[role] && (n.Name == nil || strings.Trim(string(n.Name.Value), `" `) == "") {
					t.Errorf("a %s without a name", role)
				}
			}
			for _, role := range []string{"banner", "main", "navigation"} {
				if seen[role] == 0 {
					t.Errorf("there is no landmark %s: %v", role, seen)
				}
			}
		})
	}
}

// With the keyboard alone, and without script: ask about a request with a
// cookie, edit the table, and see which hosts move.
func TestPlayground(t *testing.T) {
	address, ctx := serve(t), tab(t)
	do(ctx, t, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(address+"/playground"), chromedp.WaitVisible("#host"), chromedp.KeyEvent(kb.Tab))
	if focus := ask(ctx, t, chromedp.Evaluate[string](`document.activeElement.className`)); focus != "skip" {
		t.Errorf("the first that Tab reaches is %q, not the link to the content", focus)
	}
	choose(ctx, t, "#router", "default/out", "default/outgoing")
	do(ctx, t,
		chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("world"), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(".answers"),
	)
	contains(t, ask(ctx, t, chromedp.Text(".answers")), "As asked",
		"100 % to /%/io.l5d.port/4141/#/io.l5d.k8s/default/http/world-v1", "127.0.10.2:4141", "by /host/world => /srv/world-v1")
	do(ctx, t,
		// What is typed comes before the table that is there: later rules win, so
		// that only a new host moves.
		chromedp.Focus("#table"), chromedp.KeyEvent("/host/earth => /srv/world-v2 ;"),
		chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#moves table"),
	)
	contains(t, ask(ctx, t, chromedp.Text("#moves")), "earth", "/#/io.l5d.k8s/default/http/world-v2", "+ /host/earth => /srv/world-v2")
	contains(t, ask(ctx, t, chromedp.Text(".answers")), "With the edited table")
}

// choose types into a select until it has the option that begins so. One that is
// typed into slowly takes each part for the beginning.
func choose(ctx context.Context, t *testing.T, selector, typed, option string) {
	t.Helper()
	chosen := fmt.Sprintf(`(s => s.options[s.selectedIndex].text)(document.querySelector(%q))`, selector)
	var got string
	for late := time.Now().Add(time.Minute); time.Now().Before(late); {
		do(ctx, t, chromedp.Focus(selector), chromedp.KeyEvent(typed))
		if got = ask(ctx, t, chromedp.Evaluate[string](chosen)); got == option {
			return
		}
		do(ctx, t, chromedp.KeyEvent(kb.Home), chromedp.Blur(selector))
	}
	t.Fatalf("the select %s has %q, want %q", selector, got, option)
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in:\n%s", p, text)
		}
	}
}
