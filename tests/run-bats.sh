#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file of bats tests as a program of the test suite: in the world that its folder's `run` makes. TOP_BUILDDIR comes from make.
exec "$(dirname "$1")/run" "$TOP_BUILDDIR" "$1"
