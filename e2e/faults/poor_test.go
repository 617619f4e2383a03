package faults_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"kibble.dev/e2e/demotest"
)

// Thousands connect to Kibble and say nothing, or begin a TLS handshake and never end
// it. There are never more than some thousands of them; what changes arrives, and a
// proxy that comes meanwhile is served.
func silentConnections(l *demotest.Lab, _ *demotest.Link) {
	const many, most = 4600, 4096
	kibble := l.Replicas[0]
	closed := l.Metric(kibble, "kibble_xds_strangers_closed_total")
	defer silent(l, kibble, many)()
	l.Eventually("those beyond the bound are closed", func() error {
		if n := l.Metric(kibble, "kibble_xds_strangers_closed_total") - closed; n < many-most {
			return fmt.Errorf("%v are, of %d", n, many)
		}
		return nil
	})
	if n := l.Metric(kibble, "kibble_xds_strangers"); n > most {
		l.Errorf("%v connections are those of strangers", n)
	}
	there(l)
	comes(l, kibble)
}

// silent opens connections, of which every other one says the first bytes of TLS, and
// gives what closes them.
func silent(l *demotest.Lab, to *demotest.Replica, many int) (leave func()) {
	l.Helper()
	all := make([]net.Conn, many)
	for i := range all {
		c, err := net.Dial("tcp", to.XDS)
		l.Must(err)
		if i%2 == 0 {
			_, _ = c.Write([]byte{22, 3, 1, 2, 0, 1}) // it may be closed already
		}
		all[i] = c
	}
	return func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
}

// comes returns when a proxy that connects now is served.
func comes(l *demotest.Lab, kibble *demotest.Replica) {
	l.Helper()
	ctx, cancel := context.WithCancel(l.Context())
	c := &crowd{}
	connection := l.Dial("sidecar", kibble)
	var follows sync.WaitGroup
	follows.Go(func() {
		for ctx.Err() == nil {
			_ = c.follow(ctx, connection, "comes")
		}
	})
	l.Eventually("a proxy that comes is served", func() error {
		if c.there.Load() == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	cancel()
	follows.Wait()
}

// Kibble may open no more files, and its proxies come anew: nobody gets in, and
// it goes on. When it may again they are back, and what was changed meanwhile arrives.
func noMoreFiles(proxies *demotest.Link) func(*demotest.Lab, *demotest.Link) {
	return func(l *demotest.Lab, _ *demotest.Link) {
		kibble := l.Replicas[0]
		pid := kibble.PID()
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		l.Must(err)
		var before unix.Rlimit
		l.Must(unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before))
		l.Must(unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(len(open)), Max: before.Max}, nil))
		proxies.Cut()
		leave := silent(l, kibble, 2*len(open))
		l.Eventually("it has no room for another one, and says so", func() error {
			if log := kibble.Log(); !strings.Contains(log, "too many open files") {
				return fmt.Errorf("it says\n%s", log)
			}
			return full(kibble)
		})
		l.Must(proxies.Mend())
		l.EditDtab("outgoing", toV1, toV2)
		l.Await("earth", "world")
		leave()
		l.Must(unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil))
		l.Await("earth", "earth")
		l.AwaitReady(kibble)
		l.AwaitProxies(kibble)
		comes(l, kibble)
		l.EditDtab("outgoing", toV2, toV1)
		l.Await("earth", "world")
	}
}

// full gives an error if somebody can still connect and be answered: the admin
// address is of the same process.
func full(kibble *demotest.Replica) error {
	c, err := net.DialTimeout("tcp", kibble.Admin, time.Second)
	if err != nil {
		return nil
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("GET /healthz HTTP/1.0\r\n\r\n")); err != nil {
		return nil
	}
	if n, _ := c.Read(make([]byte, 1)); n == 0 {
		return nil
	}
	return errors.New("it answers")
}

// Kibble has one processor of which it gets a tenth, as under a quota, and less memory
// than it takes (GOMEMLIMIT). It is slow, and right.
func fewMeans(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	kibble.Kill()
	kibble.Env = append(os.Environ(), "GOMAXPROCS=1", "GOMEMLIMIT=8MiB")
	kibble.Start()
	unthrottle := throttle(kibble)
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
	crowd := assemble(l, kibble)
	l.Eventually("all are there", crowd.connected)
	for range 3 {
		there(l)
	}
	crowd.leave()
	unthrottle()
	kibble.Kill()
	kibble.Env = nil
	kibble.Start()
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
}

// throttle lets a process run a tenth of the time, in turns of 100 ms, until what it
// gives is called.
func throttle(kibble *demotest.Replica) (end func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer kibble.Signal(syscall.SIGCONT)
		for {
			kibble.Signal(syscall.SIGCONT)
			time.Sleep(10 * time.Millisecond)
			kibble.Signal(syscall.SIGSTOP)
			select {
			case <-done:
				return
			case <-time.After(90 * time.Millisecond):
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(done)
		<-ended
	})
}
