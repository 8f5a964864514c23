// Modules that are fetched for the CRD files in them (../devcluster/crds.py names the files). No Go code of theirs is
// built, so `go mod tidy` would empty this file: change a version here, and let `go mod download MODULE` write its sums.
module delivery.dev/hack/cluster/crds

go 1.26.0

require (
	github.com/kedacore/keda/v2 v2.21.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.6.3
)
