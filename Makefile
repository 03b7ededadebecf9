# SPDX-License-Identifier: Apache-2.0
# The front door. `make` alone lists what there is.

# Each function in a section of its own, and those that run all the time side by side: 4 MiB less are resident.
RELEASE = swift build -c release --static-swift-stdlib --product agent \
	-Xswiftc -Xfrontend -Xswiftc -function-sections -Xcc -ffunction-sections -Xcxx -ffunction-sections \
	-Xswiftc -use-ld=lld -Xlinker --no-warn-symbol-ordering \
	-Xlinker --symbol-ordering-file=$(CURDIR)/packaging/symbol-order
DEBUG = swift build --build-tests --explicit-target-dependency-import-check error

.PHONY: help demo build test torture fuzz fuzz-coverage sanitize bench symbol-order deb tarball test-packages image test-image test-manifests test-nix lint format clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

demo: build ## Collect this host and ship it to a hub in the same process, live in the terminal
	@.build/release/agent demo

build: ## The release binary, .build/release/agent
	@scripts/prepare build
	@[ ! .build/release/agent -ot packaging/symbol-order ] || rm -f .build/release/agent  # SwiftPM does not know the file
	@$(RELEASE) -Xlinker -s

test: ## All tests, against the real Prometheus and node_exporter
	@scripts/prepare test
	@$(DEBUG)
	@scripts/test

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

bench: build ## What it costs: idle, scrapes, lines, journal entries, series, recovery (twenty minutes; growth is apart)
	@scripts/prepare bench
	@Benchmarks/idle
	@Benchmarks/scrape
	@Benchmarks/logs
	@Benchmarks/journal
	@Benchmarks/series
	@Benchmarks/recovery

symbol-order: ## Record anew which functions run all the time, for the linker (needs valgrind)
	@scripts/prepare bench
	@$(RELEASE) --scratch-path .build-symbols
	@scripts/symbol-order .build-symbols/release/agent

deb: build ## A Debian package for this machine, .build-packages/spoke-agent_VERSION_ARCH.deb
	@packaging/deb/build .build/release/agent .build-packages

tarball: build ## Everything but the package manager, with checksums and an SBOM
	@packaging/tarball .build/release/agent .build-packages

test-packages: deb ## The package in a booted Debian: install, watchdog, upgrade, purge (root; some minutes the first time)
	@scripts/prepare packages
	@scripts/lint-packaging .build-packages/spoke-agent_*.deb
	@packaging/deb/test .build/release/agent .build-packages

BASE = docker.io/library/debian:bookworm-slim
IMAGE = localhost/spoke-agent:$(shell sed -n 's/^let agentVersion = "\(.*\)"/\1/p' Sources/agent/AgentProgram.swift)

image: deb ## A container image of the agent from BASE, named IMAGE
	@packaging/container/build .build-packages $(IMAGE) --build-arg BASE=$(BASE)

test-image: build ## The image and the DaemonSet's containers under podman, on a booted Debian (root)
	@scripts/prepare image
	@packaging/container/test .build/release/agent .build-packages

test-manifests: build ## Each overlay of packaging/kubernetes beside its golden file, the schemas, and what the agent says
	@scripts/prepare image
	@packaging/kubernetes/test .build/release/agent

test-nix: build ## The NixOS module and the Nix package, as far as that goes without nixpkgs (half a minute)
	@scripts/prepare packages
	@nix/tests/run .build/release/agent

lint: ## Formatting, layering, shell scripts
	@swift format lint --strict --recursive Package.swift Sources Tests
	@scripts/check-layout
	@scripts/lint-packaging

format: ## Rewrite the sources as `make lint` wants them
	@swift format --in-place --recursive Package.swift Sources Tests

clean: ## Remove what was built
	@rm -rf .build
