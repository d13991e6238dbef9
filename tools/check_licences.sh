#!/usr/bin/env bash
# Fails if a dependency, on any platform, has a licence that is not on the list.
set -euo pipefail
cd "$(dirname "$0")/.."

# Each licence of an expression joined by AND must be here; of one joined by OR, one of them.
allowed="MIT Apache-2.0 BSD-2-Clause BSD-3-Clause 0BSD ISC Zlib Unicode-3.0 Unlicense MPL-2.0 CDLA-Permissive-2.0 CC0-1.0"

cargo tree --workspace --locked --target all --edges normal,build,dev --prefix none --format '{l}|{p}' |
    grep -v '^$' | sort -u |
    awk -F'|' -v allowed="$allowed" '
        BEGIN { n = split(allowed, names, " "); for (i = 1; i <= n; i++) known[names[i]] = 1 }
        {
            expression = $1
            gsub(/[()]/, "", expression)
            gsub(/ WITH [^ ]+/, "", expression) # An exception only ever allows more.
            gsub(/ ?\/ ?/, " OR ", expression)
            n_parts = split(expression, parts, " AND ")
            fine = n_parts > 0
            for (i = 1; i <= n_parts; i++) {
                n_choices = split(parts[i], choices, " OR ")
                one = 0
                for (j = 1; j <= n_choices; j++) if (choices[j] in known) one = 1
                fine = fine && one
            }
            if (!fine) { print $2 ": licence `" $1 "`; allowed: " allowed; bad++ }
        }
        END { if (bad) exit 1; print NR " packages have licences that are on the list" }'
