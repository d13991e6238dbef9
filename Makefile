.PHONY: check fmt lint test test-aarch64 doc docker mini bench bench-scaling bench-families

# What CI runs: formatting, licences, lints, documentation, tests.
check:
	.ci/run

fmt:
	cargo fmt --all

lint:
	cargo clippy --workspace --all-targets -- -D warnings

test:
	cargo test --workspace

# The kernels on aarch64, under emulation where need be.
test-aarch64:
	tools/test_aarch64.sh

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

docker:
	docker build -t umbel .

# Makes umbel-mini anew, in an hour or so: fetches teacher and corpus, distils, packs. Goes on where it was stopped; what
# lies in MINI_DIR is not made again.
MINI_DIR = $(CURDIR)/target/mini

mini:
	mkdir -p $(MINI_DIR)
	$(PYTHON) tools/mini/corpus.py -o $(MINI_DIR)/corpus.txt.gz --cache $(MINI_DIR)/packages --sentences 300000
	test -f $(MINI_DIR)/model/umbel.json || cargo run --release -p umbel-cli -- distill "$$(tools/fetch_mpnet.sh)" --student tools/mini/student.toml \
	    --corpus $(MINI_DIR)/corpus.txt.gz --cache $(MINI_DIR)/teachers -o $(MINI_DIR)/model --resume
	cargo run --release -p umbel --example pack -- $(MINI_DIR)/model crates/umbel/assets/umbel-mini.bin

# How fast whole workloads are: target/bench/RESULTS.md. None of these variables is needed:
#   MODEL      folder of all-MiniLM-L6-v2; else a BERT of its shape with random weights
#   DATA       folder of workloads (see tools/bench.py); else generated ones
#   PEERS      folder of the peers' side (see tools/bench.py), to time them too
#   ONNX       folder of exported ONNX graphs, to time ONNX Runtime too
#   PYTHON     a Python that has the peers, torch at least; without it umbel runs alone
#   RUNS       how often each variant runs
#   ROWS       only so many rows of each workload
#   PRECISION  that of bench-scaling and bench-families: f32, bf16 or int8
PYTHON ?= python3
RUNS ?= 3
PRECISION ?= f32
BENCH = cargo bench --package umbel --bench workloads
BENCH_DIR = $(CURDIR)/target/bench
BENCH_MODEL = $(if $(MODEL),$(abspath $(MODEL)),$(BENCH_DIR)/model)
BENCH_DATA = $(if $(DATA),$(abspath $(DATA)),$(BENCH_DIR))

bench:
	mkdir -p $(BENCH_DIR)
ifeq ($(and $(MODEL),$(DATA)),)
	$(BENCH) -- generate $(BENCH_DIR) $(abspath $(MODEL))
endif
	$(BENCH) --no-run
	@if [ -n "$(PEERS)" ] && $(PYTHON) -c "import torch"; then \
	    $(PYTHON) tools/bench.py --model $(BENCH_MODEL) --data $(BENCH_DATA) --peers $(abspath $(PEERS)) \
	        $(if $(ONNX),--onnx $(abspath $(ONNX))) --runs $(RUNS) $(if $(ROWS),--rows $(ROWS)) \
	        --out $(BENCH_DIR)/RESULTS.md; \
	else \
	    $(BENCH) -- alone $(BENCH_MODEL) $(BENCH_DATA) $(BENCH_DIR)/RESULTS.md $(RUNS) $(ROWS); \
	fi

# How the cost of embedding grows: target/bench/scaling-<precision>.md and .svg.
bench-scaling:
	$(BENCH) -- scaling $(PRECISION) $(BENCH_DIR)

# How fast each architecture is in a usual shape: target/bench/families-<precision>.md.
bench-families:
	$(BENCH) -- families $(PRECISION) $(BENCH_DIR)
