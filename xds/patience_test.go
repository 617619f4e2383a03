package xds_test

import (
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/xds"
)

// A proxy that tries again to connect does so before the resolver gives it up.
func TestProxiesReturnInTime(t *testing.T) {
	b, err := bootstrap.Render(bootstrap.Options{Class: "edge"})
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Dynamic struct {
			ADS struct {
				Services []struct {
					Envoy struct {
						Retry struct {
							Pauses struct {
								Most string `json:"max_interval"`
							} `json:"retry_back_off"`
						} `json:"retry_policy"`
					} `json:"envoy_grpc"`
				} `json:"grpc_services"`
			} `json:"ads_config"`
		} `json:"dynamic_resources"`
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	for _, s := range file.Dynamic.ADS.Services {
		most, err := time.ParseDuration(s.Envoy.Retry.Pauses.Most)
		if err != nil || most+time.Second > xds.DefaultPatience {
			t.Errorf("a proxy pauses for %v at most (%v), and the resolver waits for %v: want a second in which to connect", most, err, xds.DefaultPatience)
		}
	}
	if len(file.Dynamic.ADS.Services) == 0 {
		t.Errorf("there is no service in\n%s", b)
	}
}
