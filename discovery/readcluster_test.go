package discovery

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// Of an API server that is silent one thing is asked, not one for each kind.
func TestSilentCluster(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	}))
	defer server.Close()
	_, _, err := ReadCluster(context.Background(), ClusterOptions{Config: &rest.Config{Host: server.URL, Timeout: 100 * time.Millisecond}})
	if err == nil || !strings.HasPrefix(err.Error(), "the API server at "+server.URL+" cannot be asked: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if n := asked.Load(); n > 1 { // on a busy machine it may not have come to read the first
		t.Errorf("it was asked %d times", n)
	}
}
