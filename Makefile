.PHONY: check fmt lint test doc docker

# What CI runs: formatting, licences, lints, documentation, tests.
check:
	.ci/run

fmt:
	cargo fmt --all

lint:
	cargo clippy --workspace --all-targets -- -D warnings

test:
	cargo test --workspace

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

docker:
	docker build -t umbel .
