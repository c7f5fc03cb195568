#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# docs/create-sequence.md is printed by the runtime that was built; one test in TAP says whether it is up to date.
# --write: bring it up to date (make docs-update).
set -uo pipefail

page=$TOP_SRCDIR/docs/create-sequence.md

print_page() {
	cat <<'END'
# How a container is made

The rows of the two tables, in the order in which they run: `runtime/create.c` for `create` and `run`, `runtime/exec.c` for one more
process in a container. This page is generated (`make docs-update`), and `make check` fails if it is stale. `capsule-runtime debug steps`
prints the tables of the binary at hand.

The side says who runs a row: **host**, the runtime, while the container's first process waits; **beside**, the runtime, while that
process already works; **init**, the first process, while the runtime waits; **start**, that process again, once `start` has opened the
gate. Where the side changes, the baton is passed (`runtime/baton.c`). Whether a row that is not marked `always` is run depends on config.json. A row that is
undone is undone in reverse order when a later one fails; rows of init need no undo, because what they make is in namespaces that go
with the process.

END
	"$TOP_BUILDDIR/capsule-runtime" debug steps
}

if [[ ${1:-} == --write ]]; then
	print_page >"$page"
	exit
fi
echo 1..1
if print_page | diff "$page" - | sed 's/^/# /'; then
	echo "ok 1 - docs/create-sequence.md is what the tables say"
else
	echo "not ok 1 - docs/create-sequence.md is stale: make docs-update"
fi
