#!/usr/bin/env bash
# Tries a server with the clients that others wrote: schemathesis against its OpenAPI document, the `openai` package,
# `huggingface_hub` and `tritonclient`. Needs `umbel` built (UMBEL, or target/release/umbel) and a Python that can
# install packages.
#   tools/serve_clients.sh MODEL
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
model="${1:?the folder of a model with tasks}"
umbel="${UMBEL:-$root/target/release/umbel}"
python="${PYTHON:-}"
work="$(mktemp -d)"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

if [ -z "$python" ]; then
    python3 -m venv "$work/venv"
    python="$work/venv/bin/python"
    "$python" -m pip install --quiet openai schemathesis huggingface_hub numpy 'tritonclient[http]'
fi

echo 'a key of the clients' >"$work/keys"
"$umbel" serve "$model" --listen 127.0.0.1:0 --admin-listen '' --key-file "$work/keys" \
    --set log.level=error 2>"$work/log" &
server=$!
for _ in $(seq 300); do
    address="$(sed -n 's/^answering at \(.*\)\/$/\1/p' "$work/log")"
    [ -n "$address" ] && break
    sleep 0.2
done
[ -n "$address" ] || { cat "$work/log"; exit 1; }

"$python" "$root/tools/serve_clients.py" "$address" 'a key of the clients'
printf '[parameters]\n"path.model" = "%s"\n' "$(basename "$(cd "$model" && pwd)")" >"$work/schemathesis.toml"
# A request can fit the document and still be refused: a task that the model does not have, too many dimensions.
"$(dirname "$python")/schemathesis" --config-file "$work/schemathesis.toml" run "$address/openapi.json" \
    --header 'Authorization: Bearer a key of the clients' \
    --checks all --exclude-checks positive_data_acceptance \
    --max-examples "${EXAMPLES:-50}" --seed 1 --workers 2
kill -TERM "$server"
wait "$server"
server=
echo "the server ended by itself, with exit code 0"
