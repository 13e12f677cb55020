# gatepost: `make help` lists the targets.

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME ?= 30s
DESTDIR  ?=
prefix   ?= /usr/local

GO      ?= go
LDFLAGS  = -s -w -X main.version=$(VERSION)
SCRIPTS  = .ci/run tools/install-deps tools/gotest tools/fuzz tools/install-files tools/verify-units \
	tools/package/build tools/package/postinst tools/package/prerm tools/package/postrm e2e/debian/box.sh

.PHONY: help
help: ## print this list
	@sed -n 's/^\([a-z0-9]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

.PHONY: build
build: ## build both programs into bin/, reproducibly
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/gatepostd ./cmd/gatepostctl

.PHONY: demo
demo: build deps ## run a whole mail server and show what gatepost does (KEEP=1 leaves it running)
	$(GO) run ./e2e/demo

.PHONY: deps
deps: ## install what the demonstration needs
	tools/install-deps

.PHONY: testdeps
testdeps: ## install what the tests need
	tools/install-deps --test

.PHONY: test
test: testdeps build race ## everything: unit tests, dialogues, races, fuzzing for seconds, a real Postfix and Dovecot
	tools/gotest -run 'NoAllocation' ./policy/delegation
	tools/fuzz 3s
	tools/gotest -tags e2e -count=1 -timeout 15m ./e2e/... ./metrics

.PHONY: unit
unit: ## the tests that need neither root nor other software
	tools/gotest ./...

.PHONY: race
race: ## the same with the race detector, shuffled
	GORACE=atexit_sleep_ms=0 tools/gotest -race -shuffle=on -timeout 15m ./...

.PHONY: e2e
e2e: testdeps build ## the scenarios with a real Postfix and Dovecot (as root)
	tools/gotest -tags e2e -count=1 -timeout 15m ./e2e/... ./metrics

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (30s)
	tools/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## gatepost against an echo server and its peers, into docs/performance.md (twenty minutes)
	$(GO) run ./e2e/bench

.PHONY: torture
torture: testdeps ## kill -9, power cuts, flipped bits, full disks, restarts: nothing acknowledged may be lost (as root, half an hour)
	$(GO) run ./e2e/torture
	$(GO) run ./e2e/degraded
	$(GO) run ./e2e/restart

.PHONY: cover
cover: ## statement coverage of the unit tests, in dist/cover.html
	mkdir -p dist
	$(GO) test -coverpkg=./... -coverprofile=dist/cover.out ./...
	$(GO) tool cover -func=dist/cover.out | tail -n 1
	$(GO) tool cover -html=dist/cover.out -o dist/cover.html

.PHONY: lint
lint: ## gofmt, vet, go fix, go mod tidy, staticcheck, shellcheck, unit files
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) vet -tags e2e ./...
	$(GO) fix -diff ./...
	$(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff
	cd tools/package && $(GO) mod tidy -diff
	$(GO) tool -modfile=tools/go.mod staticcheck -tags e2e ./...
	shellcheck $(SCRIPTS)
	tools/verify-units

.PHONY: docs
docs: ## write the generated pages anew
	$(GO) generate ./...

.PHONY: ci
ci: lint test ## what has to pass before a review
	git diff --exit-code -- docs

.PHONY: install
install: build ## place programs, units, completion, manual and documents (DESTDIR, prefix: /usr/local or /usr)
	tools/install-files '$(DESTDIR)' '$(prefix)'

.PHONY: deb
deb: build ## the Debian package, in dist/
	VERSION='$(VERSION)' tools/package/build dist

.PHONY: dist
dist: deb ## the source, the programs for this machine and their package, in dist/
	mkdir -p dist
	git archive --prefix=gatepost-$(VERSION)/ -o dist/gatepost-$(VERSION).tar.gz HEAD
	tar -czf dist/gatepost-$(VERSION)-$$($(GO) env GOOS)-$$($(GO) env GOARCH).tar.gz bin systemd LICENSE README.md

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist
