# Everything here needs Go, a C compiler and make, and nothing else.

GO        ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME  ?= 30s
SOAK      ?= 1h
# Further flags of bench: see "go run . -help" in bench/.
BENCHFLAGS ?=
# Further flags of bench-peers, such as "-quick -peers etcd": see "go run . -help" in bench/peers/.
PEERSFLAGS ?=
TESTFLAGS ?= -timeout 20m

.DEFAULT_GOAL := help

.PHONY: help
help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/lockd and bin/lockctl
	@mkdir -p bin
	$(GO) build -o bin/ ./cmd/lockd ./cmd/lockctl

.PHONY: man
man: ## the manual pages of lockctl, in build/man/man1
	$(GO) run ./cmd/lockctl man build/man/man1
	@echo 'Read one with: man -M build/man lockctl-run'

.PHONY: cluster
cluster: ## three nodes on this machine, ready to use
	@scripts/local-cluster.sh up
	@bin/lockctl status
	@printf '\nThree lines to try:\n'
	@printf '  %s\n' \
		"curl -s --json '{\"key\":\"deploy\",\"run_id\":\"me\"}' http://127.0.0.1:7420/v1/keys/acquire" \
		"bin/lockctl key get deploy" \
		"bin/lockctl run prod/api --reason 'trying it' -- sh -c 'echo holding \$$LOCKD_REF with token \$$LOCKD_FENCE'"
	@printf '\nscripts/local-cluster.sh down ends it.\n'

.PHONY: demo
demo: ## a narrated walk through failures, on a cluster of its own
	@scripts/demo.sh

# These start real processes, so they run one after the other, after all others,
# and anew each time: the cache of test results does not see what they build.
PROCESSES = ./test/e2e ./test/lockctl ./test/load ./test/fault ./test/disk

.PHONY: test
test: ## all tests, the longest of them in a short form
	@$(MAKE) -s fault-deps || echo 'The tests that need network namespaces will be skipped.'
	@$(MAKE) -s disk-deps || echo 'The tests that need a failing disk will be skipped.'
	$(GO) test $(TESTFLAGS) $$($(GO) list ./... | grep -v -x -F $(patsubst ./%,-e lockd/%,$(PROCESSES)))
	$(GO) test -p 1 -count=1 $(TESTFLAGS) $(PROCESSES)
	cd bench && $(GO) test $(TESTFLAGS) ./...

.PHONY: race
race: ## all tests, with the race detector
	$(GO) test -race $(TESTFLAGS) ./...

.PHONY: load
load: ## 200 000 acquires and releases by 64 clients against nodes with the race detector
	LOCKD_LOAD_OPERATIONS=200000 $(GO) test -count=1 -v -timeout 30m ./test/load

.PHONY: fault
fault: fault-deps ## every fault scenario in full length, as root: about 12 minutes
	LOCKD_FAULT=all $(GO) test -count=1 -v -timeout 40m ./test/fault

.PHONY: fault-deps
fault-deps: ## what the fault tests need: iproute2 and iptables (Debian, as root)
	@if command -v ip >/dev/null && command -v iptables >/dev/null; then exit 0; fi; \
		if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
			echo 'The fault tests need root and the tools ip and iptables: install iproute2 and iptables.'; exit 1; \
		fi; \
		apt-get install -qq -y --no-install-recommends iproute2 iptables >/dev/null 2>&1 || \
			{ apt-get update -qq && apt-get install -qq -y --no-install-recommends iproute2 iptables >/dev/null; }

.PHONY: margin
margin: ## how long before the next grant lockctl has ended CMD, over 100 forced losses: 80 s
	LOCKD_MARGIN=100 $(GO) test -count=1 -v -timeout 10m -run TestWhatALostLock ./test/lockctl

.PHONY: disk
disk: disk-deps ## every disk fault on leader and follower, and 40 power cuts of all nodes (as root)
	cd test/disk/forgetful && $(GO) vet ./... && $(GO) test -count=1 ./...
	LOCKD_DISK=all $(GO) test -count=1 -v -timeout 30m ./test/disk

.PHONY: disk-deps
disk-deps: ## what the tests in test/disk need (as root on Debian; elsewhere it says what)
	@missing=; for tool in strace mkfs.ext4 e2fsck findmnt fusermount3; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
		if [ -z "$$missing" ]; then :; \
		elif [ "$$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then \
			apt-get install -y --no-install-recommends strace e2fsprogs util-linux mount fuse3; \
		else echo "missing:$$missing. Install strace, e2fsprogs, util-linux and fuse3: without them tests in test/disk skip"; fi
	cd test/disk/forgetful && $(GO) mod download

.PHONY: soak
soak: ## a million simulated worlds, or an hour of them (SOAK=4h for more); then 100 virtual hours
	LOCKD_SIM_SEEDS=1000000 LOCKD_SIM_TIME=$(SOAK) $(GO) test -count=1 -timeout 0 -v -run TestPromises ./test/sim
	$(GO) test -count=1 -timeout 0 -v -run TestPromises ./test/virtual -hours 100

.PHONY: mutants
mutants: ## break the product on purpose and see which test notices
	test/mutants/run.sh

.PHONY: lint
lint: ## gofmt, vet, staticcheck, and the rules of internal/archtest
	@unformatted=$$(gofmt -l .) || exit 1; \
		if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	cd bench && $(GO) vet ./...
	cd bench/peers && $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	cd bench && $(GO) run $(STATICCHECK) ./...
	$(GO) test -count=1 ./internal/archtest

.PHONY: fuzz
fuzz: ## every fuzz test for FUZZTIME (30s)
	@$(GO) list -f '{{.Dir}}' ./... | while read -r folder; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$folder"/*_test.go 2>/dev/null); do \
			echo "== $$target ($$folder)"; \
			(cd "$$folder" && $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) .) || exit 1; \
		done; \
	done

.PHONY: bench
bench: build ## cycles per second, hand-offs and the gap at a leader kill, on three real processes
	cd bench && $(GO) run . -lockd ../bin/lockd $(BENCHFLAGS)

.PHONY: bench-check
bench-check: ## do the hot functions allocate more than bench/check/baseline.txt says?
	cd bench && $(GO) run ./check

.PHONY: bench-baseline
bench-baseline: ## write bench/check/baseline.txt anew
	cd bench && $(GO) run ./check -update

.PHONY: bench-peers
bench-peers: build bench-peers-deps ## lockd and etcd, ZooKeeper and Redis in turn, into docs/bench: about 20 minutes
	cd bench/peers && $(GO) run . -markdown ../../docs/bench/peers.md -svg ../../docs/bench/peers.svg $(PEERSFLAGS)

.PHONY: bench-peers-deps
bench-peers-deps: ## what bench-peers needs: etcd is built; the others as root on Debian, elsewhere it says what
	@mkdir -p bin/peers
	cd bench/peers/etcdserver && $(GO) build -o ../../../bin/peers/etcd .
	@missing=; [ -e /usr/share/java/zookeeper.jar ] || missing="$$missing zookeeper"; \
		command -v java >/dev/null || missing="$$missing default-jre-headless"; \
		command -v redis-server >/dev/null || missing="$$missing redis-server"; \
		if [ -z "$$missing" ]; then exit 0; fi; \
		if [ "$$(id -u)" != 0 ] || [ ! -f /etc/debian_version ]; then \
			echo "missing:$$missing (names of Debian packages). Install them, or leave them out with PEERSFLAGS='-peers etcd'."; exit 0; \
		fi; \
		apt-get install -qq -y --no-install-recommends $$missing || \
			{ apt-get update -qq && apt-get install -qq -y --no-install-recommends $$missing; }

.PHONY: bench-peers-test
bench-peers-test: build bench-peers-deps ## each peer's driver against its real servers
	cd bench/peers && $(GO) test -count=1 -p 1 $(TESTFLAGS) ./...

.PHONY: clean
clean: ## remove what was built; ends and removes the local cluster
	@if [ -d local-cluster ]; then scripts/local-cluster.sh down --purge; fi
	rm -rf bin build coverage.out
