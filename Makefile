.PHONY: check fmt lint test test-aarch64 doc docker

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
