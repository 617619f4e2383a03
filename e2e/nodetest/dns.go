//go:build linux

package nodetest

import (
	"context"
	"net"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// serveDNS answers SERVICE.NAMESPACE.svc.cluster.local from the API: with the
// address of the Service, or of its ready pods where it is headless; and the
// node's name, as clouds do.
func (c *Cluster) serveDNS() {
	c.Helper()
	conn, err := net.ListenPacket("udp", dnsAddress+":53")
	c.Must(err)
	var running sync.WaitGroup
	running.Go(func() {
		packet := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			question := append([]byte(nil), packet[:n]...)
			running.Go(func() {
				if answer := c.answer(question); answer != nil {
					_, _ = conn.WriteTo(answer, from)
				}
			})
		}
	})
	c.Cleanup(func() {
		_ = conn.Close()
		running.Wait()
	})
}

// answer gives the answer to one question; nil: it is none.
func (c *Cluster) answer(packet []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(packet) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	out := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionDesired: m.RecursionDesired},
		Questions: m.Questions,
	}
	addresses, ok := c.resolve(strings.ToLower(q.Name.String()))
	if !ok {
		out.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range addresses {
		if ip := net.ParseIP(a).To4(); ip != nil && q.Type == dnsmessage.TypeA {
			out.Answers = append(out.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 5},
				Body:   &dnsmessage.AResource{A: [4]byte(ip)},
			})
		}
	}
	b, err := out.Pack()
	if err != nil {
		return nil
	}
	return b
}

func (c *Cluster) resolve(name string) (addresses []string, ok bool) {
	if name == Node+"." {
		return []string{Address}, true
	}
	name, ok = strings.CutSuffix(name, ".svc.cluster.local.")
	service, namespace, two := strings.Cut(name, ".")
	if !ok || !two || strings.Contains(namespace, ".") {
		return nil, false
	}
	s, err := c.Admin.CoreV1().Services(namespace).Get(context.Background(), service, metav1.GetOptions{})
	if err != nil {
		return nil, false
	}
	if s.Spec.ClusterIP != "None" {
		return s.Spec.ClusterIPs, true
	}
	slices, err := c.Admin.DiscoveryV1().EndpointSlices(namespace).List(context.Background(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
	if err != nil {
		return nil, true
	}
	for _, slice := range slices.Items {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				addresses = append(addresses, e.Addresses...)
			}
		}
	}
	return addresses, true
}
