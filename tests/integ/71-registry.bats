#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process of its own; what fake writes is sourced
#
# pull and push: with Debian's docker-registry, looked at by skopeo as well, and with fake-registry.py, which lies,
# breaks off, and wants to be told what is none of its business.

load helpers

setup() {
	integ_setup
	DATA=$WORK/data
	PIDS=()
	export HOME=$WORK XDG_RUNTIME_DIR=$WORK
	unset REGISTRY_AUTH_FILE DOCKER_CONFIG SSL_CERT_FILE
	echo untouched >"$WORK/canary"
}

teardown() {
	((${#PIDS[@]} == 0)) || kill "${PIDS[@]}" 2>/dev/null || true
	wait
	integ_teardown
}

image() {
	"$CAPSULE_BUILD/capsule-image" --data-root "$DATA" "$@"
}

fails() {
	run image "$@"
	[ "$status" -eq 125 ] || { echo "$status: $output" && return 1; }
	[ "${#lines[@]}" -eq 1 ]
}

# what skopeo remembers goes with its mount namespace
skopeo() {
	# shellcheck disable=SC2016 # the other shell's
	unshare -m sh -c 'mount -t tmpfs tmpfs /var/lib && exec skopeo "$@"' skopeo "$@"
}

# registry [YAML]: Debian's, at 127.0.0.1:5000
registry() {
	cat >"$WORK/registry.yml" <<-END
		version: 0.1
		log: {level: error, accesslog: {disabled: true}}
		storage: {filesystem: {rootdirectory: $WORK/registry}}
		http: {addr: "127.0.0.1:5000"}
		${1:-}
	END
	OTEL_TRACES_EXPORTER=none docker-registry serve "$WORK/registry.yml" >"$WORK/registry.log" 2>&1 3>&- &
	PIDS+=($!)
	wait_until 10 bash -c 'echo >/dev/tcp/127.0.0.1/5000'
}

# fake [ARGUMENT...]: sets $R to where it is and $T to its second port; $manifest, $big, $config, $big_size
fake() {
	mkdir "$WORK/fake"
	python3 "$CAPSULE_INTEG/fake-registry.py" "$WORK/fake" "$@" >"$WORK/fake/err" 2>&1 3>&- &
	PIDS+=($!)
	wait_until 10 test -e "$WORK/fake/port"
	R=127.0.0.1:$(cat "$WORK/fake/port")
	T=$(cat "$WORK/fake/port2")
	# shellcheck disable=SC1091 # made by the program
	. "$WORK/fake/image"
}

# asked FILTER: how many requests the fake has seen for which jq's filter is true
asked() {
	jq -s "map(select($1)) | length" "$WORK/fake/log"
}

make_tar() {
	mkdir -p "$WORK/root/bin" "$WORK/root/etc"
	echo "$1" >"$WORK/root/etc/motd"
	ln -sf /bin/busybox "$WORK/root/bin/sh"
	head -c 200000 /dev/urandom >"$WORK/root/noise"
	tar -C "$WORK/root" -cf "$WORK/root.tar" .
}

manifest_of() {
	image list --format json | jq -r --arg n "$1" '.[] | select(.name == $n) | .manifest'
}

top_of() {
	image list --format json | jq -r --arg n "$1" '.[] | select(.name == $n) | .layers[-1] | ltrimstr("sha256:")'
}

clean() {
	image check
	[ "$(cat "$WORK/canary")" = untouched ]
}

# -- a real registry --------------------------------------------------------------------------------

@test "what is pushed is pulled again, and skopeo sees the same" {
	registry
	make_tar hello
	image create --cmd /bin/sh --env A=b app "$WORK/root.tar"
	local digest
	digest=$(manifest_of app)
	[ "$(image push app localhost:5000/team/app:1)" = "$digest" ]
	[ "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' docker://localhost:5000/team/app:1)" = "$digest" ]
	[ "$(skopeo inspect --tls-verify=false --config docker://localhost:5000/team/app:1 | jq -r '.config.Env[0]')" = A=b ]
	rm -rf "$DATA"
	[ "$(image pull localhost:5000/team/app:1)" = localhost:5000/team/app:1 ]
	[ "$(manifest_of localhost:5000/team/app:1)" = "$digest" ]
	diff -r --no-dereference "$WORK/root" "$DATA/layers/$(top_of localhost:5000/team/app:1)/fs"
	# by digest as well, which becomes the name
	image pull "127.0.0.1:5000/team/app@$digest"
	fails pull "localhost:5000/team/app@sha256:$(printf '0%.0s' {1..64})"
	grep -q 'answers 404: manifest unknown' <<<"$output"
	# mounted from one repository into the other
	[ "$(image push localhost:5000/team/app:1 localhost:5000/other)" = "$digest" ]
	[ "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' docker://localhost:5000/other)" = "$digest" ]
	fails push localhost:5000/team/app:1 "localhost:5000/x@sha256:$(printf '0%.0s' {1..64})"
	fails push nothing localhost:5000/x
	clean
}

@test "images that skopeo has pushed, of Docker's kind too, keep their bytes" {
	registry
	make_tar first
	image create one "$WORK/root.tar"
	image push one localhost:5000/one
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false --format v2s2 --dest-compress-format gzip \
		docker://localhost:5000/one docker://localhost:5000/docker
	local digest type
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' docker://localhost:5000/docker)
	rm -rf "$DATA"
	image pull localhost:5000/docker
	[ "$(manifest_of localhost:5000/docker)" = "$digest" ]
	diff -r --no-dereference "$WORK/root" "$DATA/layers/$(top_of localhost:5000/docker)/fs"
	image push localhost:5000/docker localhost:5000/again:x
	[ "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' docker://localhost:5000/again:x)" = "$digest" ]
	type=$(skopeo inspect --raw --tls-verify=false docker://localhost:5000/again:x | jq -r .mediaType)
	[ "$type" = application/vnd.docker.distribution.manifest.v2+json ]
	clean
}

@test "user and password: --creds, or what docker login has kept" {
	printf 'user:%s\n' "$(perl -e 'print crypt("secret", q($2y$05$abcdefghijklmnopqrstuu))')" >"$WORK/htpasswd"
	registry "auth: {htpasswd: {realm: here, path: $WORK/htpasswd}}"
	make_tar x
	image create x "$WORK/root.tar"
	fails push x localhost:5000/x
	grep -q 'localhost:5000 wants a user and a password (--creds)' <<<"$output"
	fails push --creds user:wrong x localhost:5000/x
	grep -q 'localhost:5000 does not accept the user or the password' <<<"$output"
	fails push --creds nobody x localhost:5000/x
	grep -q 'USER:PASS is wanted' <<<"$output"
	image push --creds user:secret x localhost:5000/x
	fails pull localhost:5000/x
	mkdir "$WORK/.docker"
	printf '{"auths":{"localhost:5000":{"auth":"%s"}}}' "$(printf user:secret | base64)" >"$WORK/.docker/config.json"
	image pull localhost:5000/x
	# podman's file comes first
	mkdir "$WORK/containers"
	printf '{"auths":{"localhost:5000":{"auth":"%s"}}}' "$(printf user:wrong | base64)" >"$WORK/containers/auth.json"
	fails pull localhost:5000/x
	image pull --creds user:secret localhost:5000/x
	clean
}

@test "nobody there, no name, bad arguments" {
	fails pull 127.0.0.1:1/x
	grep -q 'pull .127.0.0.1:1/x.: registry: .* connect' <<<"$output"
	fails pull 'UPPER/x:y:z'
	fails pull --platform linux localhost:5000/x
	fails pull
	fails push a b c
	# the short forms
	run capsule --data-root "$DATA" pull
	[ "$status" -eq 125 ]
	grep -q 'pull: an argument is missing' <<<"$output"
	capsule help push | grep -q -- --creds
	run image pull --help
	[ "$status" -eq 0 ]
	[ ! -e "$DATA/images/names" ]
}

# -- tokens -----------------------------------------------------------------------------------------

@test "tokens: fetched for what is to be done, again when they have run out" {
	fake
	image pull "$R/auth/ok"
	[ "$(asked '.path | startswith("/token") and contains("scope=repository%3aauth%2fok%3apull")')" -eq 1 ]
	rm -rf "$DATA"
	image pull "$R/auth/expires"
	fails pull "$R/auth/private"
	grep -q 'token: .* answers 401: wrong password' <<<"$output"
	image pull --creds user:secret "$R/auth/private"
	image push --creds user:secret "$R/auth/private" "$R/auth/pushed"
	[ "$(asked '.path | contains("auth%2fpushed%3apull%2cpush")')" -ge 1 ]
	# the password goes to the token service and nowhere else
	[ "$(asked '.authorization != null and (.authorization | startswith("Basic"))')" -eq \
		"$(asked '.authorization != null and (.authorization | startswith("Basic")) and (.path | startswith("/token"))')" ]
	clean
}

@test "tokens that are none, and services that nobody should ask" {
	fake
	local repository what
	while read -r repository what; do
		fails pull --creds user:secret "$R/$repository"
		grep -q -- "$what" <<<"$output" || { echo "$repository: $output" && false; }
	done <<-END
		auth/newline what came is no token
		auth/endless the answer has more than 1048576 bytes
		auth/empty token:
		evil/realm token service: a URL of the kind 'file'
		evil/realm-http token service: plain http to '192.0.2.1'
		evil/realm-user token service: a URL with a user name
		evil/challenge in a way that is not spoken here
	END
	[ "$(image list -q)" = "" ]
	clean
}

# -- transfers that break ---------------------------------------------------------------------------

@test "a blob that breaks off is gone on with" {
	fake
	image pull "$R/cut/range"
	[ "$(asked '.range != null')" -eq 3 ]
	local repository
	for repository in cut/no-range cut/416 busy/503 busy/429 busy/hangup; do
		rm -rf "$DATA"
		image pull "$R/$repository"
		clean
	done
	rm -rf "$DATA"
	fails pull "$R/busy/dead"
	grep -q 'answers 503: gone fishing' <<<"$output"
	fails pull "$R/cut/always-no-range"
	grep -q 'it does not get on' <<<"$output"
	fails pull "$R/cut/other-range"
	grep -q 'another part came than was asked for' <<<"$output"
	[ "$(image list -q)" = "" ]
	image pull "$R/ok/x"
	clean
}

@test "killed at any moment, and pulled in the end with what had come" {
	fake
	local i pid before=0 now
	for i in 1 2 3 4 5 6; do
		"$CAPSULE_BUILD/capsule-image" --data-root "$DATA" pull "$R/slow/x" 3>&- &
		pid=$!
		sleep "0.$((i + 2))"
		kill -9 $pid 2>/dev/null || break # it was done already
		wait $pid || true
		[ "$(image list -q)" = "" ]
		now=$(stat -c %s "$DATA/images/ingest/${big#sha256:}" 2>/dev/null || echo 0)
		[ "$now" -ge "$before" ]
		[ "$now" -lt "$big_size" ]
		before=$now
	done
	[ "$before" -gt 100000 ]
	image pull "$R/slow/x"
	[ "$(manifest_of "$R/slow/x")" = "$manifest" ]
	[ "$(asked '.range != null')" -ge 1 ]
	[ -z "$(ls "$DATA/images/ingest")" ]
	clean
}

@test "remains that are wrong are thrown away" {
	fake
	mkdir -p "$DATA/images/ingest"
	cat /proc/sys/kernel/random/boot_id >"$DATA/images/lock" # else they would be of another boot, and go at once
	head -c 100000 /dev/zero >"$DATA/images/ingest/${big#sha256:}"
	image pull "$R/ok/x"
	[ "$(asked '.range == "bytes=100000-"')" -eq 1 ]
	rm -rf "$DATA"
	mkdir -p "$DATA/images/ingest"
	cat /proc/sys/kernel/random/boot_id >"$DATA/images/lock"
	head -c "$big_size" /dev/zero >"$DATA/images/ingest/${big#sha256:}" # of the right length
	image pull "$R/ok/x"
	[ "$(manifest_of "$R/ok/x")" = "$manifest" ]
	clean
}

@test "pulls of one image at once fetch it once" {
	fake
	local i pids=()
	for i in 1 2 3 4; do
		image pull "$R/slow/x" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(asked '.path | endswith("'"$big"'")')" -eq 1 ]
	# and a later one nothing at all
	image pull "$R/slow/x"
	[ "$(asked '.path | contains("/blobs/")')" -eq 3 ]
	clean
}

# -- answers that lie -------------------------------------------------------------------------------

@test "manifests, digests, sizes and bodies that are not what they should be" {
	fake
	local repository what
	while read -r repository what; do
		fails pull "$R/$repository"
		grep -qF -- "$what" <<<"$output" || { echo "$repository: $output" && false; }
	done <<-END
		index/none there is no image for
		index/itself bytes, not the 100 that were said
		index/index it is an index
		index/both an index and a manifest at once
		bad/type and came as
		bad/schema1 schemaVersion is 1
		bad/header-digest as was said
		bad/manifest-digest its content has another digest
		bad/json the text ends too early
		bad/config-size the config is said to have 1099511627776 bytes
		bad/layer-type has no place here
		bad/layer-digest-name is no sha256 digest
		bad/endless-manifest the answer has more than 4194304 bytes
		bad/endless-headers headers of more than
		bad/missing answers 404: manifest unknown
		bad/message answers 418: clear ?[2J the?screen
		bad/blob-digest its content has another digest
		bad/blob-short it does not get on
		bad/blob-endless it is longer than the $big_size bytes that were said
	END
	[ "$(image list -q)" = "" ]
	[ ! -e "$DATA/images/blobs/sha256/${big#sha256:}" ]
	image pull "$R/ok/x" # and nothing of it is in the way
	clean
}

@test "platforms: of an index, and of an image that has none" {
	fake
	image pull "$R/index/all"
	[ "$(manifest_of "$R/index/all")" = "$manifest" ]
	image pull --platform linux/amd64 "$R/index/all"
	fails pull --platform linux/riscv64 "$R/index/all"
	grep -q 'no image for linux/riscv64 in it' <<<"$output"
	fails pull --platform linux/arm/v6 "$R/index/all"
	fails pull --platform linux/arm64 "$R/ok/x"
	grep -q 'it is for linux/amd64, not for linux/arm64' <<<"$output"
}

@test "redirects: not with our credentials, not anywhere" {
	export FAKE_AUTH=auth/ok
	fake
	local repository what
	image pull --creds user:secret "$R/redirect/other"
	[ "$(asked ".port == $T")" -eq 1 ]
	rm -rf "$DATA"
	while read -r repository what; do
		fails pull --creds user:secret "$R/$repository"
		grep -qF -- "$what" <<<"$output" || { echo "$repository: $output" && false; }
	done <<-END
		redirect/other-asks answers 401: tell me
		redirect/file a URL of the kind 'file'
		redirect/far plain http to '192.0.2.1'
		redirect/user a URL with a user name
		redirect/itself more than 5 redirects
		redirect/nowhere answers 307
	END
	[ "$(asked ".port == $T")" -eq 2 ]
	[ "$(asked ".port == $T and .authorization != null")" -eq 0 ]
	[ "$(asked '.authorization != null and (.authorization | startswith("Bearer"))')" -gt 10 ]
}

@test "push: places to send to, transfers that break, a registry that keeps something else" {
	export FAKE_AUTH=auth/ok
	fake
	image pull "$R/ok/x"
	image push "$R/ok/x" "$R/push/a"
	image push "$R/push/a" "$R/push/a" 2>/dev/null || image push "$R/ok/x" "$R/push/a" # all there: only the manifest
	[ "$(asked '.method == "PUT" and (.path | contains("push/a/blobs"))')" -eq 3 ]
	image push "$R/ok/x" "$R/push/hangup"
	image push "$R/ok/x" "$R/push/elsewhere"
	[ "$(asked ".port == $T and .method == \"PUT\"")" -eq 3 ]
	[ "$(asked ".port == $T and .authorization != null")" -eq 0 ]
	fails push "$R/ok/x" "$R/push/far"
	grep -qF "where to send it: plain http to '192.0.2.1'" <<<"$output"
	fails push "$R/ok/x" "$R/push/nowhere"
	grep -qF 'does not say where to send it' <<<"$output"
	fails push "$R/ok/x" "$R/push/other-digest"
	grep -qF 'has kept it as sha256:2222' <<<"$output"
	rm -rf "$DATA"
	image pull "$R/push/hangup"
	[ "$(manifest_of "$R/push/hangup")" = "$manifest" ]
	clean
}

# -- TLS --------------------------------------------------------------------------------------------

@test "TLS: unknown certificates are refused, unless they are known or it is said so" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=here \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$WORK/key" -out "$WORK/cert" 2>/dev/null
	fake --cert "$WORK/cert" --key "$WORK/key"
	fails pull "$R/ok/x"
	grep -qi 'certificate' <<<"$output"
	SSL_CERT_FILE=$WORK/cert image pull "$R/ok/x"
	rm -rf "$DATA"
	image pull --tls-verify=false "$R/ok/x"
	rm -rf "$DATA"
	# the name counts as well
	SSL_CERT_FILE=$WORK/cert fails pull "localhost:${R#*:}/ok/x"
	# from https to http, not even then
	fails pull --tls-verify=false "$R/redirect/http"
	grep -q 'redirect: from https to http' <<<"$output"
	clean
}
