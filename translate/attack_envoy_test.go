package translate

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"kibble.dev/internal/waittest"
)

// What a client might try to get context past the edge: none of it may reach an
// application, in headers or in trailers, nor choose a route.

// inLines gives spellings of a header in HTTP/1.1: whole lines.
func inLines(name, value string) []string {
	line := name + ": " + value + "\r\n"
	title := http.CanonicalHeaderKey(name)
	var mixed strings.Builder
	for i, c := range name {
		if i%2 == 1 {
			mixed.WriteString(strings.ToUpper(string(c)))
		} else {
			mixed.WriteRune(c)
		}
	}
	under := strings.ReplaceAll(name, "-", "_")
	return []string{
		line, strings.ToUpper(name) + ": " + value + "\r\n", title + ":" + value + "\r\n", mixed.String() + ": " + value + "\r\n",
		line + line, name + ":\r\n" + line, line + name + ":\r\n", strings.Repeat(line, 50), strings.Repeat(line, 120),
		name + " : " + value + "\r\n", name + "\t: " + value + "\r\n", " " + line, "\t" + line, "x-a: b\r\n " + line, "x-a: b\r\n\t" + line,
		name + ":\r\n " + value + "\r\n", name + ": a,\r\n\t" + value + "\r\n", name + ": \t " + value + " \t \r\n",
		under + ": " + value + "\r\n", strings.ToUpper(under) + ": " + value + "\r\n", strings.Replace(name, "-", "_", 1) + ": " + value + "\r\n",
		"_" + line, "Connection: " + name + "\r\n" + line, "Connection: close, " + name + "\r\n" + line, "connection: keep-alive, X-A, " + title + "\r\n" + line,
		"Proxy-Connection: " + name + "\r\n" + line, "Keep-Alive: " + name + "\r\n" + line, "TE: trailers, " + name + "\r\n" + line,
		"Connection: close, x-real-ip, te\r\nTE: trailers\r\n" + line, "Trailer: " + name + "\r\n" + line, "Expect: 100-continue\r\n" + line,
		name + ": " + value + "\n", "x-a: b\n" + line, "x-a: b\r" + line, "x-a: b\r\r\n" + line, "x-a: b\x00\r\n" + line, "\x00" + line,
		name + "\x00: " + value + "\r\n", name + ": \x00" + value + "\r\n", "\xef\xbb\xbf" + line, "\x0b" + line, "\x7f" + line,
		name + ";a: " + value + "\r\n", name + "\xa0: " + value + "\r\n", "x-a\r\n" + line, ": x\r\n" + line, "(" + line,
		"x-" + strings.Repeat("a", 50<<10) + ": b\r\n" + line, name + ": " + strings.Repeat(value+",", 3<<10) + "\r\n",
		"Upgrade: websocket\r\nConnection: Upgrade, " + name + "\r\n" + line, "X-Forwarded-Host: a\r\nX-Original-URL: /\r\nX-HTTP-Method-Override: PUT\r\n" + line,
	}
}

// inRequests gives requests that bring header lines, at a path of their own.
func inRequests(path, lines string) []string {
	return []string{
		"GET " + path + " HTTP/1.1\r\nHost: world\r\n" + lines + "Connection: close\r\n\r\n",
		"GET " + path + " HTTP/1.0\r\nHost: world\r\n" + lines + "\r\n",
		"GET http://world" + path + " HTTP/1.1\r\nHost: v2\r\n" + lines + "Connection: close\r\n\r\n",
		"GET http://world:80" + path + " HTTP/1.1\r\nHost: world\r\n" + lines + "Connection: close\r\n\r\n",
		"POST " + path + " HTTP/1.1\r\n" + lines + "Host: world\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
	}
}

// attacks are requests in bytes: each spelling of each carrier, in one form of
// request after the other, and as a trailer.
func attacks() []string {
	var all []string
	for _, c := range carrierValues() {
		for _, lines := range inLines(c[0], c[1]) {
			forms := inRequests(fmt.Sprintf("/%d", len(all)), lines)
			all = append(all, forms[0], forms[1+len(all)%(len(forms)-1)], fmt.Sprintf(
				"POST /%d HTTP/1.1\r\nHost: world\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: %s\r\n\r\n2\r\nok\r\n0\r\n%s\r\n",
				len(all), c[0], lines))
		}
	}
	for _, member := range []string{
		"dogfood=world-v2;p=1", " dogfood = world-v2", "\tdogfood=world-v2", "a=1,dogfood=world-v2", "a=1, dogfood=world-v2 ,b=2", ",,dogfood=world-v2,,",
		"dogfood=world%2Dv2", "dog%66ood=world-v2", "%64%6f%67%66%6f%6f%64=world-v2", "dog%2566ood=world-v2", "Dogfood=world-v2", "DOGFOOD=world-v2",
		"+dogfood=world-v2", "%20dogfood=world-v2", "dogfood%20=world-v2", "%C2%A0dogfood=world-v2", "\xa0dogfood=world-v2", "dogfood", "dogfood;x=world-v2",
		"a=1%2Cdogfood%3Dworld-v2", "a=\"1,dogfood=world-v2\"", strings.Repeat("k=v,", 2000) + "dogfood=world-v2", strings.Repeat("%25", 9000) + ",dogfood=world-v2",
		"dogfood=world-v2\r\nbaggage: a=1\r\nBaggage: dogfood=world-v2", "a=1\r\nbaggage: dogfood=world-v2", "a=1,\r\n dogfood=world-v2",
	} {
		all = append(all, inRequests(fmt.Sprintf("/baggage-%d", len(all)), "baggage: "+member+"\r\n")...)
	}
	return all
}

func TestNoSpellingBringsContext(t *testing.T) {
	s := newStage(t)
	all := attacks()
	status := s.talkAll(t, all, false)
	s.checkUntouched(t)
	t.Logf("%d requests: %v; %d reached the application", len(all), status, len(s.v1.requests("")))
	if seen := len(s.v1.requests("")); seen < len(all)/3 || status["500"]+status["503"] > 0 {
		t.Errorf("of %d requests %d reached the application, with answers %v: that proves little", len(all), seen, status)
	}
}

// inFrames gives spellings of a header in HTTP/2: fields, and trailers.
func inFrames(name, value string) [][2][]string {
	announce := []string{"trailer", name + ", x-other"}
	fields := func(f ...string) [2][]string { return [2][]string{f, nil} }
	return [][2][]string{
		fields(name, value), fields(name, value, name, value), fields(name, "", name, value), fields(strings.ToUpper(name), value),
		fields(http.CanonicalHeaderKey(name), value), fields(strings.ReplaceAll(name, "-", "_"), value), fields(name+" ", value), fields(" "+name, value),
		fields(name+":", value), fields(":"+name, value), fields(name+"\x00", value), fields("x-a", "b\r\n"+name+": "+value),
		fields("x-a", "b\n"+name+": "+value), fields("x-a", "b\x00"+name+": "+value), fields("x-a\r\n"+name, value), fields("x-a: b\r\n"+name, value),
		fields("connection", name, name, value), fields("te", "trailers", name, value), fields("transfer-encoding", "chunked", name, value),
		fields("upgrade", "h2c", "connection", "upgrade", name, value), fields(name, "\r\n"+value), fields(name, " "+value+" "),
		fields("host", "v2", name, value), fields(":path", "/", name, value), fields(":authority", "v2", name, value), fields(":protocol", "websocket", name, value),
		{announce, {name, value}}, {announce, {"x-other", "1", name, value}}, {announce, {strings.ToUpper(name), value}},
		{announce, {strings.ReplaceAll(name, "-", "_"), value}}, {announce, {":" + name, value}}, {announce, {":path", "/v2", name, value}},
	}
}

func TestNoFrameBringsContext(t *testing.T) {
	s := newStage(t)
	address := s.address(t, "front")
	limit := make(chan struct{}, 64) // Envoy takes a second to close a connection on which it was cheated
	var wait sync.WaitGroup
	var mu sync.Mutex
	status := map[string]int{}
	for i, c := range carrierValues() {
		for k, f := range inFrames(c[0], c[1]) {
			limit <- struct{}{}
			wait.Go(func() {
				got := sendFrames(address, fmt.Sprintf("/%d-%d", i, k), f[0], f[1])
				mu.Lock()
				status[got]++
				mu.Unlock()
				<-limit
			})
		}
	}
	wait.Wait()
	s.checkUntouched(t)
	if seen := len(s.v1.requests("")); seen < 100 {
		t.Errorf("%d requests reached the application, with answers %v: that proves little", seen, status)
	}
}

// A request within another's body, or behind it, is what it is said to be: the
// application never gets one that the edge has not looked at.
func TestNothingIsSmuggled(t *testing.T) {
	s := newStage(t)
	const hidden = "GET /smuggled HTTP/1.1\r\nHost: world\r\nl5d-ctx-dogfood: world-v2\r\nbaggage: dogfood=world-v2\r\nx-kibble-cluster: /#/io.l5d.k8s/default/http/v2\r\nConnection: close\r\n\r\n"
	size := fmt.Sprint(len(hidden))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)
	post := func(lines, body string) string {
		return "POST /outer HTTP/1.1\r\nHost: world\r\n" + lines + "\r\n" + body
	}
	var all []string
	for _, request := range []string{
		post("Content-Length: "+size+"\r\n", hidden) + "GET /end HTTP/1.1\r\nHost: world\r\nConnection: close\r\n\r\n",
		post("Content-Length: 0\r\n", hidden),
		post("", hidden),
		post("Content-Length: "+size+"\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden),
		post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"+hidden),
		post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n", "0\r\n\r\n"+hidden),
		post("Transfer-Encoding: xchunked\r\nContent-Length: "+size+"\r\n", hidden),
		post("Transfer-Encoding : chunked\r\nContent-Length: "+size+"\r\n", hidden),
		post("Transfer-Encoding:\tchunked\r\n", "0\r\n\r\n"+hidden),
		post("Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"+hidden),
		post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"+hidden),
		post("X: y\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden),
		post("transfer_encoding: chunked\r\n", "0\r\n\r\n"+hidden),
		post("Content-Length: 0\r\nContent-Length: "+size+"\r\n", hidden),
		post("Content-Length: "+size+", 0\r\n", hidden),
		post("Content-Length: "+size+", "+size+"\r\n", hidden),
		post("Content-Length: +0\r\n", hidden),
		post("Content-Length: -1\r\n", hidden),
		post("Content-Length: 0x0\r\n", hidden),
		post("Content-Length:\r\n", hidden),
		post("Transfer-Encoding: chunked\r\nConnection: close\r\n", chunked),
		post("Transfer-Encoding: chunked\r\n", "0;a=\r\n\r\n"+hidden),
		post("Transfer-Encoding: chunked\r\n", "0;\nl5d-ctx-dogfood: world-v2\r\n\r\n"+hidden),
		post("Transfer-Encoding: chunked\r\n", "2;l5d-ctx-dogfood: world-v2\r\nok\r\n0\r\n\r\n"+hidden),
		post("Transfer-Encoding: chunked\r\n", "2\nok\n0\n\n"+hidden),
		post("Transfer-Encoding: chunked\r\n", "0x2\r\nok\r\n0\r\n\r\n"+hidden),
		post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nok\r\n0\r\n\r\n"+hidden),
		post("Transfer-Encoding: chunked\r\n", "2\r\nok0\r\n\r\n"+hidden),
		"GET /outer HTTP/1.1\r\nHost: world\r\nContent-Length: " + size + "\r\n\r\n" + hidden + hidden,
		"GET /outer HTTP/1.1\r\nHost: world\r\n\r\n" + hidden,
		"GET /outer HTTP/1.1\r\nHost: world\r\nExpect: 100-continue\r\nContent-Length: " + size + "\r\n\r\n" + hidden + hidden,
		"GET /outer HTTP/1.1\r\nHost: world\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + hidden,
		"GET /outer HTTP/1.1\r\nHost: world\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + hidden,
		"CONNECT world:80 HTTP/1.1\r\nHost: world:80\r\n\r\n" + hidden,
		"OPTIONS * HTTP/1.1\r\nHost: world\r\n\r\n" + hidden,
		"GET /outer\r\n" + hidden,
		"GET /outer HTTP/1.1 HTTP/1.1\r\nHost: world\r\n\r\n" + hidden,
		"GET /outer HTTP/2.0\r\nHost: world\r\n\r\n" + hidden,
		"GET /a HTTP/1.1\r\nHost: world\r\n\r\nGET /b HTTP/1.1\r\nHost: world\r\n\r\n" + hidden,
		"\r\n\r\n" + hidden,
		"GET /outer HTTP/1.1\r\nHost: world\r\nHost: v2\r\n\r\n" + hidden,
		"GET /outer HTTP/1.1\r\nHost: world\r\n l5d-ctx-dogfood: x\r\n\r\n" + hidden,
		"GET http://user@world/outer HTTP/1.1\r\nHost: world\r\n\r\n" + hidden,
		"GET /outer?\r\nl5d-ctx-dogfood: world-v2 HTTP/1.1\r\nHost: world\r\n\r\n" + hidden,
	} {
		for _, tail := range []string{"", "GET /tail HTTP/1.1\r\nHost: world\r\nL5D-CTX-DOGFOOD: world-v2\r\nConnection: close\r\n\r\n"} {
			all = append(all, request+tail+"GARBAGE\r\n\r\n")
		}
	}
	s.talkAll(t, all, true)
	s.checkUntouched(t)
	if len(s.v1.requests("/outer")) == 0 || len(s.v1.requests("/smuggled")) == 0 {
		t.Error("nothing that follows another request has been read: that proves little")
	}
}

// Requests that are refused before anything has looked at their headers make no
// metrics by what these say.
func TestNothingRefusedIsCounted(t *testing.T) {
	s := newStage(t)
	const forged = "l5d-ctx-dogfood: forged\r\n"
	for _, test := range []struct{ status, request string }{
		{"307", "GET /a%2fb HTTP/1.1\r\nHost: world\r\n"},
		{"400", "GET /%00 HTTP/1.1\r\nHost: world\r\n"},
		{"400", "GET /a#b HTTP/1.1\r\nHost: world\r\n"},
		{"400", "GET / HTTP/1.1\r\n"},
		{"403", "GET / HTTP/1.1\r\nHost: world\r\nConnection: upgrade\r\nUpgrade: x\r\n"},
		{"200", "GET / HTTP/1.1\r\nHost: world\r\nCookie: dogfooder=yes\r\n"},
	} {
		if answer := talk(s.address(t, "front"), test.request+forged+"\r\n", false); !strings.HasPrefix(answer, "HTTP/1.1 "+test.status) {
			t.Errorf("%q: %.20q, want %s", test.request, answer, test.status)
		}
	}
	var stats string
	waittest.Until(t, "the last request is counted", func() bool {
		stats = s.Get(t, "/stats?filter=kibble.requests")
		return strings.Contains(stats, "kibble_environment.world-v2: 1")
	})
	if strings.Contains(stats, "forged") {
		t.Errorf("metrics by what clients say:\n%s", stats)
	}
}
