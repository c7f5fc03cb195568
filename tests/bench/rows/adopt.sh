# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0

# What it costs when a shim is lost: from SIGKILL to the shim to the answer of its successor, which `capsule jobs` starts and asks;
# `capsule jobs` of a living one beside it. Then 1 GB to the log of an adopted container.
row_adopt() {
	local mb=1000 shim=/run/cps/ad/shim.sock
	"${capsule_bin%/*}/capsule-shim" --help | grep -q -- --adopt || {
		note adopt "this capsule-shim does not adopt"
		return 0
	}
	{
		echo "case adopt"
		echo "capsule jobs: !$capsule run -d -b $bundles/serve ad ; $capsule jobs ad ; !$capsule delete -f ad"
		echo "kill -9, capsule jobs: !$capsule run -d -b $bundles/serve ad ; @kill-shim $shim 9 ; $capsule jobs ad ; !@listens $shim ; !$capsule delete -f ad"
	} | plan
	[ -z "$quick" ] || mb=100
	make_bundle flood "[\"/bin/load\", \"flood\", \"$mb\"]"
	{
		echo "case adopt"
		echo "log, as created: !$capsule create --log-max-size 0 -b $bundles/flood fl ; !@meter /run/cps/fl/shim.sock ;" \
			"$capsule start -d fl ; $capsule wait fl ; !@metered $mb ; !$capsule delete -f fl"
		echo "log, adopted: !$capsule create --log-max-size 0 -b $bundles/flood fl ; !@kill-shim /run/cps/fl/shim.sock 9 ; !$capsule jobs fl ; !@listens /run/cps/fl/shim.sock ;" \
			"!@meter /run/cps/fl/shim.sock ; $capsule start -d fl ; $capsule wait fl ; !@metered $mb ; !$capsule delete -f fl"
	} | plan 3 1
}
