package helloworld

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Question is one request and the answer that it must get.
type Question struct {
	About string
	// Proxy is the host:port of a proxy for callers inside; empty: from outside, to the edge.
	Proxy string
	// Host to ask for.
	Host   string
	Header [][2]string
	Status int
	Want   string // the body, without the space around it
}

// Questions are those of the article, and what else the demo is about.
func Questions(top *Topology) []Question {
	says := func(text, service string) string { return fmt.Sprintf("%s (%s)", text, top.Pod(service).IP) }
	hello, world, earth, api := says("Hello", "hello"), says("world", "world-v1"), says("earth", "world-v2"), says("api", "api")
	json := func(text string) string { return fmt.Sprintf(`{"api_result":%q}`, text) }
	const www, apiHost = "www.hello.world", "api.hello.world"
	cookie := [2]string{"Cookie", "special_employee_cookie=dogfood"}
	rule := [2]string{"l5d-dtab", "/host/world => /srv/world-v2;"}

	ask := func(about, host, want string, header ...[2]string) Question {
		return Question{About: about, Host: host, Header: header, Status: http.StatusOK, Want: want}
	}
	inside := func(about, from, host, want string, header ...[2]string) Question {
		q := ask(about, host, want, header...)
		q.Proxy = top.ProxyOf(from)
		return q
	}
	return []Question{
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

// Ask sends the request and gives status and body of the answer.
func (q Question) Ask(ctx context.Context, edge string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	target := "http://" + edge + "/"
	if q.Proxy != "" {
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: q.Proxy})
		target = "http://" + q.Host + "/"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	request.Host = q.Host
	for _, h := range q.Header {
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

// Curl is the command that asks the same.
func (q Question) Curl(edge string) string {
	words := []string{"curl"}
	for _, h := range q.Header {
		if h[0] == "Cookie" {
			words = append(words, "--cookie", h[1])
		} else {
			words = append(words, "-H", "'"+h[0]+": "+h[1]+"'")
		}
	}
	if q.Proxy != "" {
		return strings.Join(append(words, "-x", q.Proxy, "http://"+q.Host+"/"), " ")
	}
	return strings.Join(append(words, "-H", "'Host: "+q.Host+"'", "http://"+edge+"/"), " ")
}
