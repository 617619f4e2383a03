package v1alpha1

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"
)

// DefaultTracingPercent is what Tracing.Percent means where it is absent.
const DefaultTracingPercent = "1"

func (c *checker) tracing(path string, t *Tracing) {
	if t.Collector.Namespace != "" {
		c.namespace(path+".collector.namespace", t.Collector.Namespace)
	}
	c.name(path+".collector.service", t.Collector.Service)
	port := path + ".collector.port"
	if c.need(port, t.Collector.Port, `the port of the Service that takes OTLP over gRPC, by its name or in quotes, such as "4317"`) &&
		len(validation.IsDNS1123Label(t.Collector.Port)) > 0 {
		c.add(port, fmt.Sprintf("%q cannot be the port of a Service", t.Collector.Port), `its name, such as otlp-grpc, or its number in quotes, such as "4317"`)
	}
	if !isPercent(cmp.Or(t.Percent, DefaultTracingPercent)) {
		c.add(path+".percent", fmt.Sprintf("%q is not a percentage", t.Percent), `a number from 0 to 100 with up to 4 decimals, such as "12.5"`)
	}
}
