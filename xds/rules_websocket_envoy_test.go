package xds_test

import (
	"net"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
)

// A WebSocket goes where a rule of its caller's own leads it, which travels on: from
// inside, and from outside where a policy grants it.
func TestWebSocketByOwnRule(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	key := translate.Key{Namespace: "default", Name: "world-v2"}
	l.inventory.Services[key] = service(t, key.Name, envoytest.Upstream(t, websocket.Handler(func(ws *websocket.Conn) {
		_ = websocket.Message.Send(ws, ws.Request().Header.Get("l5d-ctx-dtab"))
	})))
	l.publish(t, l.inventory)
	const rule = "/host/world=>/srv/world-v2"
	for router, header := range map[string]map[string]string{
		"out":   {"l5d-dtab": rule},
		"front": {"l5d-dtab": rule, "X-Forwarded-For": "10.0.0.1", "Cookie": "corp=1"},
	} {
		got, err := firstMessage(l.at[router], header)
		for deadline := time.Now().Add(time.Minute); err != nil && time.Now().Before(deadline); got, err = firstMessage(l.at[router], header) {
			time.Sleep(10 * time.Millisecond) // the Envoy hears of the service
		}
		if err != nil || got != rule {
			t.Errorf("%s: the rule that travels on is %q, %v", router, got, err)
		}
	}
}

// firstMessage opens a WebSocket to the world and gives what it says at once.
func firstMessage(address string, header map[string]string) (string, error) {
	config, err := websocket.NewConfig("ws://world/", "http://world/")
	if err != nil {
		return "", err
	}
	for name, value := range header {
		config.Header.Set(name, value)
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	ws, err := websocket.NewClient(config, c)
	if err != nil {
		return "", err
	}
	var got string
	err = websocket.Message.Receive(ws, &got)
	return got, err
}
