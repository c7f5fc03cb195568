# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The words of a kubelet, for containerd's CRI plugin: gRPC is a POST of HTTP/2, whose body is a byte, a length and a message. protoc
# makes messages of text and text of messages (cri.proto), curl carries them.

# cri METHOD <TEXT: one call; prints the answer as text, or fails with the error.
cri() {
	local dir at=runtime.v1.$1 length
	dir=$(mktemp -d "${WORK:-/tmp}/cri.XXXXXX")
	protoc --proto_path="$CLIENTS" --encode="${at}Request" cri.proto >"$dir/message"
	length=$(printf '%010x' "$(stat -c %s "$dir/message")")
	printf '%b' "\\x${length:0:2}\\x${length:2:2}\\x${length:4:2}\\x${length:6:2}\\x${length:8:2}" | cat - "$dir/message" >"$dir/request"
	curl -s --http2-prior-knowledge --unix-socket /run/containerd/containerd.sock -H 'content-type: application/grpc' -H 'te: trailers' \
		--data-binary "@$dir/request" -D "$dir/headers" -o "$dir/answer" "http://containerd/runtime.v1.RuntimeService/$1" 3>&- 4>&-
	if ! grep -q $'^grpc-status: 0\r' "$dir/headers"; then
		sed -n 's/^grpc-message: \(.*\)\r/\1/p' "$dir/headers" | sed 's/%/\\x/g' | xargs -0 printf '%b' >&2
		return 1
	fi
	tail -c +6 "$dir/answer" | protoc --proto_path="$CLIENTS" --decode="${at}Response" cri.proto
}

# containerd answers before its plugin does.
cri_start() {
	containerd_start
	wait_until 20 cri Version </dev/null
}

# member NAME: the values of a member of a message as text; strings as they are between their quotes.
member() {
	sed -n "s/^ *$1: //p" | sed 's/^"\(.*\)"$/\1/'
}

# called METHOD TEXT: of one whose answer is empty.
called() {
	is "" "$(cri "$1" <<<"$2" 2>&1)"
}

# pod NAME [TEXT]: prints its id; TEXT is of its configuration, the default the machine's network.
pod() {
	local answer
	echo "metadata {name: \"$1\" uid: \"$1\" namespace: \"tests\"} log_directory: \"$WORK/$1\" ${2:-$NODE}" >"$WORK/$1.config"
	answer=$(cri RunPodSandbox <<<"config {$(cat "$WORK/$1.config")} runtime_handler: \"capsule\"")
	member pod_sandbox_id <<<"$answer" | tee "$WORK/$1.id"
}
NODE='linux {security_context {namespace_options {network: NODE}}}'

# words WORD…: members of a command
words() {
	jq -rn '$ARGS.positional[] | "command: " + tojson' --args -- "$@"
}

# create POD NAME TEXT COMMAND…: prints the container's id; TEXT is of its configuration. Its log is $WORK/POD/NAME.log.
create() {
	local pod=$1 name=$2 text=$3 answer
	shift 3
	answer=$(
		cri CreateContainer <<-END
		pod_sandbox_id: "$(cat "$WORK/$pod.id")" sandbox_config {$(cat "$WORK/$pod.config")}
		config {metadata {name: "$name"} image {image: "localhost/img:latest"} log_path: "$name.log" $text $(words "$@")}
		END
	)
	member container_id <<<"$answer"
}

# begin POD NAME TEXT COMMAND…: the same, and starts it.
begin() {
	local id
	id=$(create "$@")
	called StartContainer "container_id: \"$id\""
	echo "$id"
}

# exec_in ID COMMAND…: prints the output, errors besides; the exit code is the command's.
exec_in() {
	local id=$1 answer code
	shift
	answer=$(cri ExecSync <<<"container_id: \"$id\" $(words "$@" | sed s/^command/cmd/)") || return 255
	printf '%b' "$(member stdout <<<"$answer")"
	printf '%b' "$(member stderr <<<"$answer")" >&2
	code=$(member exit_code <<<"$answer")
	return "${code:-0}"
}

# status ID: state, exit code and reason of a container; of the pod: pod_status. What is 0 in the answer is not said there.
status() {
	local answer part
	local -A is=([state]=CREATED [exit_code]=0 [reason]="")
	answer=$(cri ContainerStatus <<<"container_id: \"$1\"")
	for part in "${!is[@]}"; do
		is[$part]=$(sed -n "s/^  $part: //p" <<<"$answer" | tr -d '"' | grep . || echo "${is[$part]}")
	done
	echo "${is[state]#CONTAINER_} ${is[exit_code]}${is[reason]:+ ${is[reason]}}"
}

pod_status() {
	cri PodSandboxStatus <<<"pod_sandbox_id: \"$1\"" >"$WORK/status"
	member state <"$WORK/status" | grep . || echo SANDBOX_READY
}

# stop ID TIMEOUT, remove ID, end_pod ID
stop() {
	called StopContainer "container_id: \"$1\" timeout: $2"
}

remove() {
	called RemoveContainer "container_id: \"$1\""
}

end_pod() {
	called StopPodSandbox "pod_sandbox_id: \"$1\""
	called RemovePodSandbox "pod_sandbox_id: \"$1\""
}

# log POD NAME [STREAM]: what a container has written, without the times
log() {
	sed -n "s/^[0-9-]*T[0-9:.]*\(Z\|[+-][0-9:]*\) ${3:-stdout} //p" "$WORK/$1/$2.log"
}
