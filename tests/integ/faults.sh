#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The integration tests that need a build with --enable-faults, as one program of the test suite.
exec "$TOP_SRCDIR/tests/integ/run" "$TOP_BUILDDIR" "$TOP_SRCDIR"/tests/integ/*faults*.bats
