# SPDX-License-Identifier: Apache-2.0
# account.awk CAPSULE.strace CAPSULE.trace FLOOR.strace FLOOR.trace: the account as markdown tables.

# The group of a call; init: it is made by the container's first process, late: after its execve.
function group_of(line, init, late,    call) {
	call = line
	sub(/^[^\]]*\] (<\.\.\. )?/, "", call)
	sub(/[( ].*/, "", call)
	if (late) return "the container's program"
	if (call ~ /^(wait4|waitid|recvmsg|poll|ppoll|epoll_wait|signalfd4)$/) return "waiting"
	if (line ~ /\/cgroup/) return "cgroups"
	if (call ~ /^(brk|arch_prctl|set_tid_address|set_robust_list|rseq|readlink|getrandom|mprotect|mmap|munmap|rt_sig.*|geteuid)$/ || line ~ /RLIMIT_STACK/)
		return "start of a program, memory, signals"
	if (call == "execve" && init) return "execve of the container's program"
	if (call ~ /^execve/ || line ~ /\/proc\/self\/exe|F_GET_SEALS|capsule-runtime>/ || (!init && call ~ /^(open_tree|mount_setattr|fstatfs)$/))
		return "own program: execve, protection"
	if (call ~ /^(clone3|sethostname|setsid|unshare|setns|ioctl)$/ || line ~ /AF_INET/) return "processes and namespaces"
	if (call ~ /^(prctl|capget|capset|setgroups|setresuid|setresgid|setuid|setgid|prlimit64|keyctl)$/) return "credentials, limits"
	if (call ~ /^(seccomp)$/) return "seccomp"
	if (call ~ /^(socketpair|socket|bind|listen|accept4|connect|sendmsg|sendto|shutdown|close_range|pipe2)$/ || line ~ /<socket|<pipe/)
		return "baton, descriptors"
	if (init && call ~ /^(mount|umount2|pivot_root|fsopen|fsconfig|fsmount|move_mount|open_tree|mount_setattr)$/) return "mounts: the calls that mount"
	if (init) return "root file system: paths, devices, links"
	return "state directory, config.json, other files"
}

function begin_side() {
	side = FILENAME ~ /capsule/ ? "capsule" : "floor"
	delete index_of
	processes = 0
}

# -- strace: what is called
FILENAME ~ /\.strace$/ {
	if (FNR == 1) begin_side()
	if (!($1 in index_of)) index_of[$1] = processes++
	p = index_of[$1]
	if ($0 ~ /resumed>/) next
	match($0, /\[ *[0-9]+\]/)
	nr = substr($0, RSTART + 1, RLENGTH - 2) + 0
	k = ++count[side, p]
	number[side, p, k] = nr
	group[side, p, k] = group_of($0, p > 0, late[side, p])
	text[side, p, k] = substr($0, RSTART + RLENGTH + 1)
	if (p > 0 && nr == 59) late[side, p] = 1
	next
}

# -- trace: how long it takes
# Lays a round's calls of process p beside those of strace: which[k] is what call k is there, 0 for one that is not (a
# signal may come before or after a poll). Returns whether they are the same but for a few of those.
function align(p,    j, k, d, extra) {
	j = 1
	for (k = 1; k <= calls[p]; k++) {
		which[p, k] = 0
		if (j <= count[side, p] && nrs[p, k] == number[side, p, j]) {
			which[p, k] = j++
			continue
		}
		for (d = 1; d < 4 && !which[p, k]; d++)
			if (nrs[p, k] == number[side, p, j + d] && nrs[p, k + 1] == number[side, p, j + d + 1]) which[p, k] = j + d
		if (which[p, k]) j = which[p, k] + 1
		else if (++extra > 4) return 0
	}
	return j > count[side, p]
}
function end_round(    p, k, g, t, r) {
	if (!seen) return
	if (processes < 2 || !align(0) || !align(1)) {
		skipped[side]++
		return
	}
	r = ++taken[side]
	for (p = 0; p < 2; p++)
		for (k = 1; k <= calls[p]; k++) {
			g = which[p, k] ? group[side, p, which[p, k]] : "waiting"
			if (nrs[p, k] == 231) continue
			t = ends[p, k] - starts[p, k]
			cost[side, g, r] += t
			if (g != "waiting") cost[side, "all", r] += t
			if (which[p, k]) single[side, p, which[p, k], r] = t
			if (k > 1 && g != "the container's program" && starts[p, k] > ends[p, k - 1]) cost[side, "user", r] += starts[p, k] - ends[p, k - 1]
			# the wait of the runtime in which the container's first process ends
			if (p == 0 && g == "waiting" && starts[0, k] < starts[1, calls[1]] && ends[0, k] > starts[1, calls[1]])
				cost[side, "gone", r] = ends[0, k] - starts[1, calls[1]]
		}
	cost[side, "wall", r] = starts[0, calls[0]] - starts[0, 1]
}
/^# round/ {
	if (FNR == 1) begin_side()
	else end_round()
	delete index_of; delete calls; delete nrs; delete starts; delete ends; delete open; delete which
	processes = 0
	seen = 0
	next
}
/sys_(enter|exit): NR/ {
	match($0, /-[0-9]+ +\[/)
	pid = substr($0, RSTART + 1) + 0
	match($0, /[0-9]+\.[0-9]+: sys_/)
	time = substr($0, RSTART, RLENGTH - 6) * 1e6 - base
	if (!base) { base = time; time = 0 }
	match($0, /NR -?[0-9]+/)
	nr = substr($0, RSTART + 3, RLENGTH - 3) + 0
	# before its first execve it is the shell
	if (!(pid in index_of)) {
		if (processes == 0 && !($0 ~ /sys_enter/ && nr == 59)) next
		index_of[pid] = processes++
		seen = 1
	}
	p = index_of[pid]
	if ($0 ~ /sys_enter/) {
		k = ++calls[p]
		nrs[p, k] = nr
		starts[p, k] = time
		open[p] = 1
	} else if (open[p]) {
		ends[p, calls[p]] = time
		open[p] = 0
	}
	next
}
ENDFILE { if (FILENAME ~ /\.trace$/) end_round() }

function calls_in(s, g,    p, k, n) {
	n = 0
	for (p = 0; p < 2; p++)
		for (k = 1; k <= count[s, p]; k++)
			if (group[s, p, k] == g) n++
	return n
}
# Of `values`, 1 to n.
function median_of(n,    i, j, t) {
	for (i = 2; i <= n; i++) {
		t = values[i]
		for (j = i - 1; j > 0 && values[j] > t; j--) values[j + 1] = values[j]
		values[j + 1] = t
	}
	return n ? values[int((n + 1) / 2)] : 0
}
function median(s, g,    r) {
	for (r = 1; r <= taken[s]; r++) values[r] = cost[s, g, r]
	return median_of(taken[s] + 0)
}
function median_call(s, p, k,    r) {
	for (r = 1; r <= taken[s]; r++) values[r] = single[s, p, k, r]
	return median_of(taken[s] + 0)
}
function line(name, a, g, c,    b, d) {
	b = median("capsule", g)
	d = median("floor", g)
	printf "| %s | %s | %.0f | %s | %.0f | %.0f |\n", name, a, b, c, d, b - d
}

END {
	n = split("own program: execve, protection;start of a program, memory, signals;state directory, config.json, other files;cgroups;" \
		"processes and namespaces;baton, descriptors;mounts: the calls that mount;root file system: paths, devices, links;credentials, limits;" \
		"seccomp;execve of the container's program;the container's program", names, ";")
	print "| group | calls | us | floor: calls | floor: us | above the floor, us |\n|---|---:|---:|---:|---:|---:|"
	for (i = 1; i <= n; i++) {
		ca = calls_in("capsule", names[i])
		cb = calls_in("floor", names[i])
		if (ca + cb == 0) continue
		line(names[i], ca, names[i], cb)
		na += ca
		nb += cb
	}
	line("all system calls but waiting", na, "all", nb)
	line("between system calls (own code, page faults)", "", "user", "")
	line("end of the container: exit_group to its parent's knowing", "", "gone", "")
	line("waiting calls (the other one works meanwhile)", calls_in("capsule", "waiting"), "waiting", calls_in("floor", "waiting"))
	line("whole, first execve to exit_group, while traced", "", "wall", "")
	printf "\nMedians of %d and %d rounds; left out because the calls were not the same ones: %d and %d.\n", \
		taken["capsule"], taken["floor"], skipped["capsule"], skipped["floor"]
	print "\nThe dearest calls of capsule-runtime:\n\n| us | side | call |\n|---:|---|---|"
	for (p = 0; p < 2; p++)
		for (k = 1; k <= count["capsule", p]; k++) dear[p, k] = median_call("capsule", p, k)
	for (rank = 0; rank < 16; rank++) {
		best = -1
		for (p = 0; p < 2; p++)
			for (k = 1; k <= count["capsule", p]; k++)
				if (!used[p, k] && group["capsule", p, k] != "waiting" && dear[p, k] > best) {
					best = dear[p, k]; bp = p; bk = k
				}
		used[bp, bk] = 1
		t = text["capsule", bp, bk]
		gsub(/\|/, "\\|", t)
		gsub(/`/, "'", t)
		if (length(t) > 90) t = substr(t, 1, 90) "..."
		printf "| %.0f | %s | `%s` |\n", best, bp ? "init" : "runtime", t
	}
}
