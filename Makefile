# `make help` lists the targets. All paths are relative to the repository; what is built lands in build/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := $(CURDIR)/build/bin

# Every module of the workspace. `work`, in the go commands below, is the pattern for all packages of all of them.
MODULES = $(shell go list -m -f '{{.Dir}}')

# Go files of ours, wherever they are: also the ones of modules and platforms that are not built here.
GO_FILES = find $(MODULES) -name '*.go' -not -path '$(CURDIR)/build/*' -not -path '*/.*' -not -path '*/node_modules/*' -print0 | sort -zu

# Extra flags for `go test`, e.g. make test TESTFLAGS=-v
TESTFLAGS ?=
# Packages under the race detector; .ci/run passes a choice that fits its time.
RACE ?= work
# How long each fuzz target runs.
FUZZTIME ?= 10s
# make demo SABOTAGE=drop_result|ack_before_commit|run_twice breaks the server on purpose: the demo must then fail.
SABOTAGE ?=
# What make bench writes, and extra arguments of `aion bench suite`.
BENCHFILE ?= docs/benchmarks/$(shell date +%F).json
BENCHFLAGS ?=

# $(call in,folder,command): the command where the folder exists, and a line that says so where it does not.
in = if [ -d '$(1)' ]; then $(2); else echo "absent: $(1)/, nothing done for it"; fi
# $(call step,text): what runs now.
step = echo "--- $(1)"

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

## Building

.PHONY: build
build: ## Build the server and command line into build/aion
	@$(call in,cmd/aion,go build -trimpath -o build/aion ./cmd/aion && echo built build/aion)

.PHONY: image
image: ## Build the container images aion, aion-pure (without CGO) and aion-worker-example
	@deploy/image.sh aion server && deploy/image.sh aion-pure pure && deploy/image.sh aion-worker-example worker

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf build

## Tools: pinned in internal/tools, built once. buf, golangci-lint and helm have modules of their own, outside the
## workspace, because what they require would otherwise choose the versions that the product is built with.

.PHONY: tools
tools: $(BIN)/buf $(BIN)/golangci-lint $(BIN)/protoc-gen-go $(BIN)/protoc-gen-connect-go ## Build the pinned tools into build/bin

tool = @mkdir -p $(BIN) && $(call step,build $(notdir $(1)) as pinned in $(2)) && cd $(2) && GOWORK=off go build -o $(BIN)/ $(1)

$(BIN)/buf: internal/tools/buf/go.mod
	$(call tool,github.com/bufbuild/buf/cmd/buf,internal/tools/buf)

$(BIN)/golangci-lint: internal/tools/golangci-lint/go.mod
	$(call tool,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,internal/tools/golangci-lint)

$(BIN)/helm: internal/tools/helm/go.mod
	$(call tool,helm.sh/helm/v3/cmd/helm,internal/tools/helm)

$(BIN)/protoc-gen-go: internal/tools/go.mod
	$(call tool,google.golang.org/protobuf/cmd/protoc-gen-go,internal/tools)

$(BIN)/protoc-gen-connect-go: internal/tools/go.mod
	$(call tool,connectrpc.com/connect/cmd/protoc-gen-connect-go,internal/tools)

## What is shipped

.PHONY: chart
chart: $(BIN)/helm ## Lint the Helm chart and render it with every way to authenticate; check the alert rules
	@$(call step,helm lint); $(BIN)/helm lint --quiet --strict deploy/helm/aion
	@for set in auth.mode=token auth.mode=anonymous auth.mode=jwks,auth.jwks.issuer=https://id.example metrics.serviceMonitor=true,persistence.storageClass=local; do \
		$(call step,helm template --set $$set); $(BIN)/helm template check deploy/helm/aion --kube-version 1.31.0 --set $$set >/dev/null; done
	@if $(BIN)/helm template check deploy/helm/aion --kube-version 1.31.0 --set auth.mode=none >/dev/null 2>&1; then echo 'the schema lets auth.mode=none through'; exit 1; fi
	@$(call step,promtool check rules); promtool check rules deploy/alerts.yaml && promtool check config --syntax-only deploy/prometheus.yaml

.PHONY: container
container: ## Build the images and run them: CONTAINER_TEST=full
	@$(call step,images); CONTAINER_TEST=full go test -count=1 -v -timeout 600s ./test/container

## Generated code

GENERATORS := $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-connect-go

# Generates into a folder of its own ($$new), so that a failing generator leaves api/gen as it was.
into_new = mkdir -p build; new=$$(mktemp -d $(CURDIR)/build/generated.XXXXXX); trap 'rm -rf "$$new"' EXIT; \
	(cd api && $(BIN)/buf generate --template buf.gen.yaml -o "$$new")

.PHONY: generate
generate: $(GENERATORS) ## Generate api/gen from api/proto
	@$(into_new); \
	if diff -rq "$$new/gen" api/gen >/dev/null 2>&1; then echo 'api/gen is fresh'; \
	else rm -rf api/gen && mv "$$new/gen" api/gen && echo 'api/gen is generated anew'; fi

.PHONY: generate-check
generate-check: $(GENERATORS) ## Fail where api/gen is not what api/proto gives, or is not in git
	@$(call step,generated code is fresh)
	@$(into_new); \
	diff -r "$$new/gen" api/gen || { echo 'api/gen is stale: run make generate and commit the result'; exit 1; }; \
	untracked=$$(git ls-files --others --exclude-standard api/gen); \
	[ -z "$$untracked" ] || { echo 'generated but not in git, add them:'; echo "$$untracked"; exit 1; }

.PHONY: proto-image
proto-image: $(BIN)/buf ## Record the wire contract that buf breaking compares with (at a release)
	cd api && $(BIN)/buf build --path proto/aion --exclude-source-info -o buf.image.binpb

## Checking

.PHONY: test
test: fmt-check vet unit cross generate-check ## What every commit runs: format, vet, tests, cross builds, fresh code

.PHONY: fmt-check
fmt-check:
	@$(call step,gofmt)
	@bad=$$($(GO_FILES) | xargs -0r gofmt -l); [ -z "$$bad" ] || { echo "not formatted, run gofmt -w:"; echo "$$bad"; exit 1; }

.PHONY: vet
vet:
	@$(call step,go vet)
	@go vet work

.PHONY: unit
unit:
	@$(call step,go test)
	@go test -timeout 8m $(TESTFLAGS) work

# The binary must build without CGO, and so for platforms that have no C compiler here.
CROSS := linux/amd64 windows/amd64 darwin/arm64

.PHONY: cross
cross:
	@$(call step,builds without CGO: $(CROSS))
	@$(call in,cmd/aion,for p in $(CROSS); do echo "    $$p"; CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go build -o /dev/null ./cmd/aion; done)
	@for p in windows/amd64 darwin/arm64; do echo "    $$p sdk"; CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go build ./sdk/...; done

.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/buf ## golangci-lint, buf lint, buf breaking
	@$(call step,buf lint)
	@cd api && $(BIN)/buf lint
	@$(call step,buf breaking)
	@cd api && $(BIN)/buf breaking --against buf.image.binpb
	@$(call step,golangci-lint)
	@$(BIN)/golangci-lint run --allow-parallel-runners $$(for m in $(MODULES); do echo "$$m/..."; done)

.PHONY: race
race: ## The tests under the race detector; RACE chooses packages
	@$(call step,go test -race)
	@go test -race -timeout 15m $(TESTFLAGS) $(RACE)

# Finds every fuzz target by asking the test binaries for their names.
.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME
	@found=0; \
	while read -r pkg; do \
	  for f in $$(go test -list '^Fuzz' "$$pkg" </dev/null | grep '^Fuzz' || true); do \
	    found=$$((found+1)); $(call step,fuzz $$pkg $$f); \
	    go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -timeout 10m "$$pkg" </dev/null; \
	  done; \
	done < <($(GO_FILES) | xargs -0r grep -lE '^func Fuzz' | xargs -rn1 dirname | sort -u); \
	echo "fuzz targets: $$found"

# Without KILL_TEST=full the same test runs a few kills only, as part of `make test`.
.PHONY: kill
kill: build ## Kill the server and the worker under load, over and over, and check what is left
	@$(call in,test/kill,KILL_TEST=full go test -count=1 -timeout 20m -v $(TESTFLAGS) ./test/kill/...)

.PHONY: demo
demo: build ## The order-saga under kill -9, checked from outside; SABOTAGE=... must fail
	@$(call in,test/demo,go run ./test/demo $(if $(SABOTAGE),-sabotage $(SABOTAGE)))

.PHONY: bench
bench: build ## Measure this machine's floor and Aion's ratio to it, in 5 minutes at most, into docs/benchmarks
	@build/aion bench suite --within 4m30s --limit 8s --file $(BENCHFILE) $(BENCHFLAGS)
