package publish

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/anypb"

	"kibble.dev/translate"
)

// What stands in for a filter that was refused is given until it was sent.
func TestStandInComesBack(t *testing.T) {
	now := time.Unix(0, 0)
	f := resource(translate.ExtensionType, "f", "1", none)
	f.Without = &anypb.Any{}
	c := NewClass(Options{})
	c.Publish(now, &translate.ClassSnapshot{Resources: map[string]map[string]*translate.Resource{translate.ExtensionType: {"f": f}}})
	c.Refuse(now, Version{Type: translate.ExtensionType, Name: "f", Version: "1"}, "no")
	p := c.Connect(now, nil, true)
	p.Subscribe(now, Subscription{Type: translate.ExtensionType, Add: []string{"f"}})
	for range 3 {
		r := p.Next(now, translate.ExtensionType)
		if r == nil || len(r.Resources) != 1 || r.Resources[0].Version != standIn {
			t.Fatalf("it is given %+v", r)
		}
		p.Unsent(now, r)
	}
}
