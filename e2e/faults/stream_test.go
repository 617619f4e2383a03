package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/helloworld"
)

const (
	echoPort = 7790
	// pause is between two turns of a stream.
	pause = 50 * time.Millisecond
)

// echo serves at a pod's address, which it gives: each line of a request comes
// back at once.
func echo(l *demotest.Lab, p helloworld.Pod) (ip string) {
	l.Helper()
	envoytest.UpstreamAt(l, fmt.Sprintf("%s:%d", p.IP, echoPort), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := http.NewResponseController(w)
		w.Header().Set("Served-By", p.IP)
		w.Header().Set("Served-Over", r.Proto)
		if err := out.EnableFullDuplex(); err != nil && r.ProtoMajor == 1 {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		lines := bufio.NewScanner(r.Body)
		for err := out.Flush(); err == nil && lines.Scan(); err = out.Flush() {
			_, _ = fmt.Fprintln(w, lines.Text()) // Flush says what is wrong
		}
	}))
	return p.IP
}

// stream is a request without an end, of which each line comes back.
type stream struct {
	about string
	turns atomic.Int64
	gone  chan struct{} // closed when it has ended
	err   error         // why
}

// open begins one, at the edge or by a proxy, which somebody is to answer.
func open(l *demotest.Lab, proxy, host, by string, header ...[2]string) *stream {
	l.Helper()
	s := &stream{about: fmt.Sprintf("the stream to %s by %s for %s, with %q", host, proxy, by, header), gone: make(chan struct{})}
	if proxy == "" {
		proxy, host = l.Top.Edge(), host+".hello.world"
	}
	over := "HTTP/1.1"
	if strings.HasPrefix(host, "calls") {
		over = "HTTP/2.0"
	}
	transport := envoytest.Transport(over == "HTTP/2.0")
	ctx, stop := context.WithCancel(l.Context())
	l.Eventually(s.about+" begins", func() error {
		out, in := io.Pipe()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+proxy+"/", out)
		l.Must(err)
		request.Host = host
		for _, h := range header {
			request.Header.Set(h[0], h[1])
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			return err
		}
		served, spoken := response.Header.Get("Served-By"), response.Header.Get("Served-Over")
		if served != by || spoken != over {
			response.Body.Close()
			return fmt.Errorf("%s, and %q answers over %q", response.Status, served, spoken)
		}
		go s.talk(in, response.Body)
		return nil
	})
	l.Cleanup(func() {
		stop()
		<-s.gone
		transport.CloseIdleConnections()
	})
	return s
}

func (s *stream) talk(in io.WriteCloser, out io.ReadCloser) {
	defer close(s.gone)
	defer in.Close()
	defer out.Close()
	for heard := bufio.NewScanner(out); ; time.Sleep(pause) {
		said := fmt.Sprint("turn ", s.turns.Load())
		if _, s.err = fmt.Fprintln(in, said); s.err != nil {
			return
		}
		if !heard.Scan() || heard.Text() != said {
			s.err = fmt.Errorf("said %q, heard %q, %w", said, heard.Text(), heard.Err())
			return
		}
		s.turns.Add(1)
	}
}
