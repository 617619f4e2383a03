package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// question is one request and the answer that it must get.
type question struct {
	about string
	// proxy is the host:port of a proxy for callers inside; empty: from outside, to the edge.
	proxy string
	// host to ask for.
	host   string
	header [][2]string
	status int
	want   string // the body, without the space around it
}

// questions are those of the article, and what else the demo is about.
func questions(top *topology) []question {
	says := func(text, service string) string { return fmt.Sprintf("%s (%s)", text, top.pod(service).ip) }
	hello, world, earth, api := says("Hello", "hello"), says("world", "world-v1"), says("earth", "world-v2"), says("api", "api")
	json := func(text string) string { return fmt.Sprintf(`{"api_result":%q}`, text) }
	const www, apiHost = "www.hello.world", "api.hello.world"
	cookie := [2]string{"Cookie", "special_employee_cookie=dogfood"}
	rule := [2]string{"l5d-dtab", "/host/world => /srv/world-v2;"}

	ask := func(about, host, want string, header ...[2]string) question {
		return question{about: about, host: host, header: header, status: http.StatusOK, want: want}
	}
	inside := func(about, from, host, want string, header ...[2]string) question {
		q := ask(about, host, want, header...)
		q.proxy = top.proxyOf(from)
		return q
	}
	return []question{
		ask("Hello, and whom hello calls", www, hello+" "+world+"!!"),
		ask("One call deeper: api calls hello, hello calls world", apiHost, json(api+" "+hello+" "+world+"!!")),
		ask("A dogfooder's cookie: world-v2 says earth", www, hello+" "+earth+"!!", cookie),
		ask("The same, one call deeper", apiHost, json(api+" "+hello+" "+earth+"!!"), cookie),
		ask("An outsider's own rule is not listened to", www, hello+" "+world+"!!", rule),
		ask("Nor is forged context", www, hello+" "+world+"!!", [2]string{"l5d-ctx-dogfood", "world-v2"}, [2]string{"l5d-ctx-dtab", "/host/world=>/srv/world-v2"}),
		inside("A caller inside may send a rule: here from the pod of hello", "hello", "world", earth+"!", rule),
		inside("It travels with the request: from api to hello to world", "api", "hello", hello+" "+earth+"!!", rule),
		inside("A rule that leads nowhere changes nothing", "api", "hello", hello+" "+world+"!!", [2]string{"l5d-dtab", "/host/world => /srv/world-v9;"}),
		ask("A host that no rule knows: the edge's own answer", "nowhere.example", "the edge is here"),
	}
}

// askAll asks the questions in order and shows each with its answer. It gives
// how many answers were wrong.
func askAll(ctx context.Context, qs []question, edge string, s *screen) (failed int, err error) {
	for _, q := range qs {
		status, body, err := q.ask(ctx, edge)
		if err != nil {
			return failed, fmt.Errorf("%s: %w", q.curl(edge), err)
		}
		right := status == q.status && body == q.want
		if !right {
			failed++
		}
		s.answer(q, q.curl(edge), status, body, right)
	}
	return failed, nil
}

// ask sends the request and gives status and body of the answer.
func (q question) ask(ctx context.Context, edge string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	target := "http://" + edge + "/"
	if q.proxy != "" {
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: q.proxy})
		target = "http://" + q.host + "/"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	request.Host = q.host
	for _, h := range q.header {
		request.Header.Set(h[0], h[1])
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(body)), err
}

// curl is the command that asks the same.
func (q question) curl(edge string) string {
	words := []string{"curl"}
	for _, h := range q.header {
		if h[0] == "Cookie" {
			words = append(words, "--cookie", h[1])
		} else {
			words = append(words, "-H", "'"+h[0]+": "+h[1]+"'")
		}
	}
	if q.proxy != "" {
		return strings.Join(append(words, "-x", q.proxy, "http://"+q.host+"/"), " ")
	}
	return strings.Join(append(words, "-H", "'Host: "+q.host+"'", "http://"+edge+"/"), " ")
}
