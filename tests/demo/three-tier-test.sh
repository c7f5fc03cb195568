#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The demonstration of three tiers as one program of the test suite; TOP_BUILDDIR and TOP_SRCDIR come from make.
"$TOP_SRCDIR/tests/demo/images.sh" "$TOP_BUILDDIR/demo" >&2 || {
	echo 'Bail out! the images could not be made'
	exit 1
}
exec "$TOP_SRCDIR/tests/integ/run" "$TOP_BUILDDIR" "$TOP_SRCDIR/tests/demo/three-tier.bats"
