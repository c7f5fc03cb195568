# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0

# What it costs when a shim is lost: from SIGKILL to the shim to the answer of its successor, which `capsule state` starts and asks;
# `capsule state` of a living one beside it. Then 1 GB to the log of an adopted container.
row_adopt() {
	local mb=1000 shim=/run/cps/ad/shim.sock
	"${capsule_bin%/*}/capsule-shim" --help | grep -q -- --adopt || {
		note adopt "this capsule-shim does not adopt"
		return 0
	}
	{
		echo "case adopt"
		echo "capsule state: !$capsule run -d -b $bundles/serve ad ; $capsule state ad ; !$capsule delete -f ad"
		echo "kill -9, capsule state: !$capsule run -d -b $bundles/serve ad ; @kill-shim $shim 9 ; $capsule state ad ; !@listens $shim ; !$capsule delete -f ad"
	} | plan
	[ -z "$quick" ] || mb=100
	make_bundle flood "[\"/bin/load\", \"flood\", \"$mb\"]"
	{
		echo "case adopt"
		echo "log, as created: !$capsule create --log-max-size 0 -b $bundles/flood fl ; !@meter /run/cps/fl/shim.sock ;" \
			"$capsule start -d fl ; $capsule wait fl ; !@metered $mb ; !$capsule delete -f fl"
		echo "log, adopted: !$capsule create --log-max-size 0 -b $bundles/flood fl ; !@kill-shim /run/cps/fl/shim.sock 9 ; !$capsule state fl ; !@listens /run/cps/fl/shim.sock ;" \
			"!@meter /run/cps/fl/shim.sock ; $capsule start -d fl ; $capsule wait fl ; !@metered $mb ; !$capsule delete -f fl"
	} | plan 3 1
}
