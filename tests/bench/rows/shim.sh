# shellcheck shell=bash disable=SC2154 # what run.sh and world.sh set
# SPDX-License-Identifier: Apache-2.0
# capsule and its shim against conmon with crun, driven as podman drives it (conmon.c) and charged for nothing of podman's.

# From the command to the first byte of the service in its log: `capsule run -d`; conmon with crun create, then crun start.
row_first_byte() {
	local words dir=$work/conmon/fb-conmon
	{
		echo "case first-byte"
		echo "capsule: $capsule run -d -b $bundles/serve fb ; @grew /run/cps/fb/log ; !$capsule delete -f fb"
		if [ -n "$conmon" ]; then
			words=$(conmon_words fb-conmon serve "k8s-file:$dir/ctr.log")
			echo "conmon + crun: !@clear $dir/ctr.log ; @conmon $words ; ${runtimes[crun]} start fb-conmon ; @grew $dir/ctr.log ;" \
				"!${runtimes[crun]} delete -f fb-conmon ; !@gone $dir/conmon.pid"
		fi
	} | plan
	goal first-byte time capsule 0.5 "conmon + crun"
}

# service_pair ID: the same service under capsule and under conmon + crun. $session: conmon's words for an exec in it.
service_pair() {
	local dir=$work/conmon/$1-conmon words
	$capsule run -d -b "$bundles/serve" "$1" </dev/null >/dev/null
	[ -n "$conmon" ] || return 0
	words=$(conmon_words "$1-conmon" serve "k8s-file:$dir/ctr.log")
	printf 'case -\nconmon: @conmon %s ; %s start %s\n' "$words" "${runtimes[crun]}" "$1-conmon" |
		"$stopwatch" plan 1 0 /dev/null
	mkdir -p "$dir/sessions"
	# shellcheck disable=SC2016
	jq '.process | .args = $ARGS.positional' --args /bin/load answer <"$dir/config.json" >"$dir/answer.json"
	jq '.process | .args = $ARGS.positional' --args /bin/load serve <"$dir/config.json" >"$dir/serve.json"
	session="$dir/sessions $conmon --api-version 1 -c $1-conmon -u session -r ${runtimes[crun]%% *} -b % -n $1-conmon"
	session+=" -p %/exec_pid --exit-dir %/exit --full-attach -l none --log-level error --conmon-pidfile %/conmon.pid"
	session+=" --runtime-arg --root --runtime-arg /run/crun -e --exec-attach --exec-process-spec"
}
end_pair() {
	$capsule delete -f "$1"
	[ -z "$conmon" ] || ${runtimes[crun]} delete -f "$1-conmon"
}

# A command in a running container, from its start to its output read and its exit status known.
row_exec_trip() {
	local dir=$work/conmon/trip-conmon session
	service_pair trip
	{
		echo "case exec-trip"
		echo "capsule: $capsule exec trip /bin/load answer"
		[ -z "$conmon" ] || echo "conmon + crun: @conmon-exec $session $dir/answer.json"
	} | plan
	end_pair trip
	goal exec-trip time capsule 0.33 "conmon + crun"
}

# A job in a running container, from its start to its pid known (`capsule exec -d`); then the processes that 20 of
# them, running, have added besides themselves.
row_job() {
	local dir=$work/conmon/job-conmon session before after
	service_pair job
	{
		echo "case job"
		echo "capsule: $capsule exec -d job /bin/load answer"
		[ -z "$conmon" ] || echo "conmon + crun: @conmon-job $session $dir/answer.json"
	} | plan
	sleep 0.5
	before=$(processes)
	printf 'case -\ncapsule: %s exec -d job /bin/load serve\n' "$capsule" | "$stopwatch" plan 20 0 /dev/null
	sleep 0.3
	after=$(processes)
	sample job "extra processes per job" count capsule "$(awk "BEGIN {print ($after - $before - 20) / 20}")"
	goal job "extra processes per job" capsule 0 -
	if [ -n "$conmon" ]; then
		before=$(processes)
		printf 'case -\nconmon: @conmon-job %s %s\n' "$session" "$dir/serve.json" | "$stopwatch" plan 20 0 /dev/null
		sleep 0.3
		after=$(processes)
		sample job "extra processes per job" count "conmon + crun" "$(awk "BEGIN {print ($after - $before - 20) / 20}")"
	fi
	end_pair job
	goal job time capsule 0.33 "conmon + crun"
}

# Processes in this namespace; the shell that counts is the same each time.
processes() {
	local dirs=(/proc/[0-9]*)
	echo ${#dirs[@]}
}

# From SIGKILL to the container's first process to whoever waits knowing it: `capsule wait` has ended; the shim's answer
# to an open connection has come; conmon's exit file has been seen by inotify. For the last two no process has to end.
row_exit_wait() {
	local words dir=$work/conmon/ex-conmon
	{
		echo "case exit-wait"
		echo "capsule: !$capsule run -d --pid-file /run/ex.pid -b $bundles/serve ex ; !@background $capsule wait ex ; !@sleep 20 ;" \
			"@kill /run/ex.pid 9 ; @join ; !$capsule delete -f ex"
		echo "shim: !$capsule run -d --pid-file /run/ex.pid -b $bundles/serve ex ; !@ask /run/cps/ex/shim.sock ; !@sleep 20 ;" \
			"@kill /run/ex.pid 9 ; @answer ; !$capsule delete -f ex"
		if [ -n "$conmon" ]; then
			words=$(conmon_words ex-conmon serve "k8s-file:$dir/ctr.log")
			echo "conmon + crun: !@conmon $words ; !${runtimes[crun]} start ex-conmon ; !@watch $dir/exits ; !@sleep 20 ;" \
				"@kill $dir/pidfile 9 ; @seen ex-conmon ; !${runtimes[crun]} delete -f ex-conmon ; !@clear $dir/exits/ex-conmon"
		fi
	} | plan
	goal exit-wait time capsule 1 -
	goal exit-wait time shim 1 "conmon + crun"
}
