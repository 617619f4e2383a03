// Other people's kinds that the chart can make objects of: tests read the CRDs
// in these modules.
module kibble.dev/tools/kinds

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
