#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what the containers' shells expand
#
# buildah 1.28, which runs commands in the containers that become images.

load podman
setup_file() {
	podman_setup_file
	export BUILDAH_ISOLATION=oci BUILDAH_RUNTIME=$RUNTIME
	NAME=$(buildah from img)
	export NAME
}
teardown_file() {
	buildah rm -a >/dev/null
	podman_teardown_file
}
setup() { integ_setup; }
teardown() { integ_teardown; }

# bats' own descriptors stay here.
buildah() {
	/usr/bin/buildah "$@" 3>&- 4>&-
}

@test "buildah: run: output, exit codes, programs that are not there" {
	is hello "$(buildah run "$NAME" echo hello)"
	is wrong "$(buildah run "$NAME" sh -c 'echo wrong >&2; echo right' 2>&1 >/dev/null)"
	is input "$(echo input | buildah run "$NAME" cat)"
	fails 7 buildah run "$NAME" sh -c 'exit 7'
	run ! buildah run "$NAME" no-such-program
	has "no-such-program" "$output"
	run ! buildah run "$NAME" /etc/passwd
	fails 137 buildah run "$NAME" sh -c 'sleep 1000 & kill -9 $!; wait $!'
}

@test "buildah: run: users, capabilities, seccomp, directory, environment, names, terminal, volumes" {
	is 1000:1000 "$(buildah run --user app "$NAME" sh -c 'echo $(id -u):$(id -g)')"
	has 00000000a80425fb "$(buildah run "$NAME" grep CapEff /proc/self/status)"
	has 0000000000000000 "$(buildah run --cap-drop all "$NAME" grep CapEff /proc/self/status)"
	has 2 "$(buildah run "$NAME" grep '^Seccomp:' /proc/self/status)"
	is "/home/app value" "$(buildah run --workingdir /home/app --env NAME=value "$NAME" sh -c 'echo $PWD $NAME')"
	is box "$(buildah run --hostname box "$NAME" hostname)"
	has /dev/pts/ "$(buildah run -t "$NAME" tty)"
	mkdir "$WORK/data"
	buildah run -v "$WORK/data:/data" "$NAME" sh -c 'echo from-inside >/data/new'
	is from-inside "$(cat "$WORK/data/new")"
	run ! buildah run -v "$WORK/data:/data:ro" "$NAME" touch /data/other
	is "$(readlink /proc/self/ns/net)" "$(buildah run --network host "$NAME" readlink /proc/self/ns/net)"
}

@test "buildah: what was run is in the image, and the image runs" {
	local there
	there=$(buildah from img)
	buildah run "$there" sh -c 'echo built >/built'
	buildah config --cmd 'cat /built' --user app "$there"
	buildah commit -q "$there" made >/dev/null
	buildah rm "$there" >/dev/null
	is built "$(podman run --rm made)"
	podman rmi -f made >/dev/null
}

@test "buildah: build of a Dockerfile, in stages" {
	cat >"$WORK/Dockerfile" <<-END
		FROM img AS first
		ARG WORD
		RUN echo \$WORD >/word
		FROM img
		COPY --from=first /word /copied
		RUN --mount=type=tmpfs,target=/scratch touch /scratch/file && test "\$(cat /copied)" = argument
		RUN echo made:x:1500:1500::/:/bin/sh >>/etc/passwd
		USER made
		CMD ["sh", "-c", "echo \$(cat /copied) \$(id -un)"]
	END
	buildah build -q --build-arg WORD=argument -t made "$WORK" >/dev/null
	is "argument made" "$(podman run --rm made)"
	podman rmi -f made >/dev/null
	run ! buildah build -q - <<<$'FROM img\nRUN exit 9'
	buildah rmi -p -f >/dev/null
}
