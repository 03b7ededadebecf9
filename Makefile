# SPDX-License-Identifier: Apache-2.0
# The front door. `make` alone lists what there is.

RELEASE = swift build -c release --static-swift-stdlib --product agent -Xlinker -s
DEBUG = swift build --build-tests --explicit-target-dependency-import-check error

.PHONY: help demo build test torture fuzz fuzz-coverage sanitize bench deb tarball test-packages lint format clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

demo: build ## Collect this host and ship it to a hub in the same process, live in the terminal
	@.build/release/agent demo

build: ## The release binary, .build/release/agent
	@scripts/prepare build
	@$(RELEASE)

# One test at a time (about four minutes): in parallel, those that compute would keep those that talk to
# servers waiting past their limits on a machine with few cores.
test: ## All tests, against the real Prometheus and node_exporter
	@scripts/prepare test
	@$(DEBUG)
	@swift test --skip-build --no-parallel

torture: build ## The release binary on real faults: ten thousand kills, full disks, a bad tailnet (about half an hour, as root)
	@scripts/prepare test
	@$(DEBUG)
	@scripts/torture

fuzz: ## Each kind of input from outside, damaged at random, for FUZZ seconds (60)
	@$(DEBUG)
	@scripts/fuzz $(or $(FUZZ),60)

fuzz-coverage: ## The same, guided by what code an input reaches (libFuzzer, built into .build-fuzzer)
	@scripts/libfuzzer $(or $(FUZZ),60)

# Without the end-to-end tests, which run the agent as a program of its own.
sanitize: ## All tests of one process with the address sanitizer, then with the thread sanitizer (half an hour)
	@scripts/sanitize address
	@scripts/sanitize thread

bench: build ## Memory and CPU: idle and a scrape beside node_exporter, lines beside libsnappy, recovery (ten minutes)
	@Benchmarks/idle
	@Benchmarks/scrape
	@Benchmarks/logs
	@Benchmarks/recovery

deb: build ## A Debian package for this machine, .build-packages/spoke-agent_VERSION_ARCH.deb
	@packaging/deb/build .build/release/agent .build-packages

tarball: build ## Everything but the package manager, with checksums and an SBOM
	@packaging/tarball .build/release/agent .build-packages

test-packages: deb ## The package in a booted Debian: install, watchdog, upgrade, purge (root; some minutes the first time)
	@scripts/prepare packages
	@packaging/deb/test .build/release/agent .build-packages

lint: ## Formatting and layering
	@swift format lint --strict --recursive Package.swift Sources Tests
	@scripts/check-layout

format: ## Rewrite the sources as `make lint` wants them
	@swift format --in-place --recursive Package.swift Sources Tests

clean: ## Remove what was built
	@rm -rf .build
