#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The virtual machine as one program of the test suite; TOP_BUILDDIR and TOP_SRCDIR come from make.
exec "$TOP_SRCDIR/tests/vm/run" "$TOP_BUILDDIR"
