# SPDX-License-Identifier: Apache-2.0
# A thin front of CMake: `make help` lists the targets. The two to begin with are demo and test.
.PHONY: help build test test-deps campaigns sweeps test-spark interop run demo clean install-deps lint benchmark asan tsan \
        dist deb test-package \
        fuzz fuzz-coverage coverage docker-build docker-run

DOCKER ?= docker
DOCKER_IMAGE ?= ttp-parquet-consumer:latest
FUZZ_SECONDS ?= 60
CMAKE_BUILD := cmake --build

help:
	@echo "make demo          build, then serve real events and write them into ./data/demo"
	@echo "make test          build and run all tests"
	@echo "make campaigns     tests that sweep or draw, at full length (make test: a part of them)"
	@echo "make sweeps        each file operation of a commit meets each fault (campaigns: every so many)"
	@echo "make test-spark    read lakes by Spark, too (needs a Java of 17 or later, installs 450 MB)"
	@echo "make interop       let every reader open our files: Spark, ClickHouse, Go, Java, JavaScript… (1 GB)"
	@echo "make build         bin/parquet-consumer and bin/bench-encode"
	@echo "make run           build, then run with config.json"
	@echo "make lint          formatting, layers, licence lines, clang-tidy"
	@echo "make benchmark     measure the encoder (docs/PERFORMANCE.md)"
	@echo "make asan          the unit tests under AddressSanitizer and UBSan"
	@echo "make tsan          the tests of threaded rooms under ThreadSanitizer"
	@echo "make fuzz          each fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS))"
	@echo "make fuzz-coverage line coverage of each parser by the corpus of its fuzz target"
	@echo "make coverage      line coverage of the unit tests"
	@echo "make install-deps  the Debian packages of all these (they install what they need, too)"
	@echo "make docker-build, make docker-run"
	@echo "make dist          dist/*.tar.gz: the source of this commit, which builds without git"
	@echo "make deb           dist/*.deb: the Debian package of this commit"
	@echo "make test-package  install, run, upgrade and purge that on a minimal Debian (needs root)"
	@echo "make clean         remove what was built (never data/)"

install-deps:
	@tools/install-deps ci

build:
	@tools/install-deps build
	@tools/build release -DTTP_TESTS=OFF
	@tools/publish release

demo: build
	@bin/parquet-consumer demo

run: build
	@bin/parquet-consumer -config config.json

test-deps:
	@tools/install-deps test
	@tools/python-env

test: test-deps
	@tools/build release -DTTP_TESTS=ON
	@tools/publish release
	@.venv/bin/python tools/run-tests --build build/release

# What sweeps or draws, longer than one waits for at each change; .ci/run runs it.
campaigns: test-deps
	@tools/build release -DTTP_TESTS=ON
	@tools/publish release
	@.venv/bin/python tools/run-tests --build build/release --campaigns

sweeps: test-deps
	@tools/build release -DTTP_TESTS=ON
	@ctest --test-dir build/release -L '^sweep$$' -j "$$(nproc)" --output-on-failure --no-tests=error
	@grep swept build/release/Testing/Temporary/LastTest.log

test-spark: test-deps build
	@tools/python-env spark
	@.venv/bin/python tools/run-tests --system-only test_spark.py

interop: test-deps
	@tools/python-env interop spark
	@tools/build release -DTTP_TESTS=ON
	@tools/publish release
	@tools/interop

lint:
	@tools/install-deps ci
	@tools/lint

benchmark: build test-deps
	@tools/benchmark

asan: test-deps
	@tools/build asan
	@.venv/bin/python tools/run-tests --build build/asan --unit-only

tsan: test-deps
	@tools/build tsan
	@tools/test-threads

fuzz:
	@tools/install-deps ci
	@tools/build fuzz
	@tools/fuzz $(FUZZ_SECONDS)

fuzz-coverage:
	@tools/install-deps test
	@tools/fuzz-coverage

coverage: test-deps
	@tools/build coverage
	@tools/coverage

dist:
	@tools/dist

deb:
	@tools/install-deps package
	@tools/deb

test-package:
	@tests/package/run

clean:
	rm -rf build bin dist

docker-build:
	$(DOCKER) build -t $(DOCKER_IMAGE) -f deploy/Dockerfile .

docker-run: docker-build
	mkdir -p data
	$(DOCKER) run --rm --user "$$(id -u):$$(id -g)" -v "$(CURDIR)/data:/data" \
		--add-host ttp-processor:host-gateway -p 127.0.0.1:8089:8089 -p 127.0.0.1:9090:9090 \
		$(if $(START_LEDGER),-e PARQUET_CONSUMER_START_LEDGER=$(START_LEDGER)) $(DOCKER_IMAGE)
