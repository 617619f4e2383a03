package faults_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/tokenreview"
)

// Sidecars prove who they are by the tokens of their pods, which kubelet renews. What
// is connected stays so, whatever becomes of its token; who connects anew shows the one
// that is there now.
func TestTokens(t *testing.T) {
	link := demotest.NewLink(t)
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world", Tokens: true, Through: link.Through})
	l.CheckAnswers()
	kibble := l.Replicas[0]
	load := l.Load()

	// They are renewed twice, and the ones between expire, while streams are open.
	before := l.Settled()
	old := projectUntil(l, time.Second)
	for _, p := range l.Top.Pods {
		l.Project(p.Name, l.Token(p))
	}
	l.Eventually("the tokens between have expired", func() error { return expiredToken(l, old) })
	if told := demotest.Difference(before, l.Told()); len(told) > 0 {
		t.Errorf("proxies were told something: %v", told)
	}
	there(l)

	// Nobody is locked out that comes back then.
	before = l.Settled()
	kibble.Kill()
	kibble.Start()
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
	toldNothing(l, before, kibble, 0)
	if n := l.Metric(kibble, "kibble_xds_denied_total"); n > 0 {
		t.Errorf("%v calls were refused", n)
	}
	there(l)

	// The API server, which knows about tokens, is away when they come back: what they
	// have goes on, and they are let in when it is there.
	link.Cut()
	kibble.Kill()
	kibble.Start()
	l.Eventually("it waits for the API server", func() error {
		if l.NotReady(kibble) == "" {
			return errors.New("it does not")
		}
		return nil
	})
	l.Eventually("tokens cannot be checked", denied(l, kibble, "Unavailable"))
	l.Await("earth", "world")
	l.Must(link.Mend())
	l.AwaitProxies(kibble)
	there(l)

	// Kubelet renews them no more. Who is connected is told what changes; who comes back
	// is refused, and by whose words and why is told. With a good one it is let in.
	old = projectUntil(l, time.Second)
	l.Eventually("the tokens have expired", func() error { return expiredToken(l, old) })
	there(l)
	kibble.Kill()
	kibble.Start()
	l.AwaitReady(kibble)
	l.Eventually("they are refused", denied(l, kibble, "Unauthenticated"))
	l.Eventually("it is told what is wrong", func() error {
		if log := kibble.Log(); !strings.Contains(log, "the token is not good") || !strings.Contains(log, "token has expired") {
			return fmt.Errorf("it says\n%s", log)
		}
		return nil
	})
	l.Eventually("a proxy tells it too", func() error {
		if log := l.Envoys[l.Top.Pods[0].Name].Log(); !strings.Contains(log, "the token is not good") {
			return errors.New("it does not")
		}
		return nil
	})
	l.Await("earth", "world")
	for _, p := range l.Top.Pods {
		l.Project(p.Name, l.Token(p))
	}
	l.AwaitProxies(kibble)
	there(l)

	load.Stop()
	l.CheckAnswers()
}

// projectUntil gives all sidecars tokens that the API server takes only for so long
// from now on, and gives one of them.
func projectUntil(l *demotest.Lab, d time.Duration) (token string) {
	l.Helper()
	for _, p := range l.Top.Pods {
		token = l.TokenUntil(l.Token(p), time.Now().Add(d-kubetest.TokenLeeway))
		l.Project(p.Name, token)
	}
	return token
}

// expiredToken gives no error if the API server no longer takes a token.
func expiredToken(l *demotest.Lab, token string) error {
	r, err := l.Kube.AuthenticationV1().TokenReviews().Create(l.Context(), &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{tokenreview.Audience}},
	}, metav1.CreateOptions{})
	if err == nil && r.Status.Authenticated {
		err = errors.New("it is good")
	}
	return err
}

// denied gives no error once a control plane has refused calls with a code.
func denied(l *demotest.Lab, kibble *demotest.Replica, code string) func() error {
	return func() error {
		if n := l.Metric(kibble, fmt.Sprintf(`kibble_xds_denied_total{code=%q}`, code)); n == 0 {
			return errors.New("not yet")
		}
		return nil
	}
}
