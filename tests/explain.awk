# SPDX-License-Identifier: Apache-2.0
#
# awk -v dir=BUILD -f explain.awk RESULTS: what automake's TAP driver printed, and behind each failure what the log of its
# program has about it, each line behind a tab and "# ": of a test what stands between its line and the next one's, of a program
# that failed as a whole the last lines behind its last test.

# In the emulated machine two files speak at a time, and their name stands before all that they say.
function speaker(text) {
	return match(text, /^[0-9a-z-]+: /) ? substr(text, 1, RLENGTH - 2) : ""
}

function log_read(test,    path, line, rest, who, number, last) {
	path = test
	sub(/\.(sh|bats)$/, "", path)
	path = dir "/" path ".log"
	while ((getline line < path) > 0) {
		# the plan, and what the driver adds
		if (line ~ /^(1\.\.[0-9]+.*|(PASS|FAIL|SKIP|XFAIL|XPASS|ERROR): .*|[ \t]*)$/)
			continue
		rest = line
		if (sub(/^(not )?ok /, "", rest) && rest ~ /^[0-9]/) {
			number = rest + 0
			sub(/^[0-9]+ *(- *)?/, "", rest)
			who = speaker(rest)
			last = line ~ /^not/ ? number : 0
			current[test, who] = last
			n_ends[test] = 0
			continue
		}
		sub(/^# ?/, "", line)
		who = speaker(line)
		number = who != "" && (test, who) in current ? current[test, who] : last
		if (number)
			text[test, number, ++n[test, number]] = line
		else
			ends[test, ++n_ends[test]] = line
	}
	close(path)
}

{ print }

/^(FAIL|ERROR|XPASS): / {
	if (!($2 in seen))
		log_read($2)
	seen[$2]
	if ($3 ~ /^[0-9]+$/) {
		for (i = 1; i <= n[$2, $3]; i++)
			print "\t# " text[$2, $3, i]
	} else {
		for (i = n_ends[$2] > 8 ? n_ends[$2] - 7 : 1; i <= n_ends[$2]; i++)
			print "\t# " ends[$2, i]
	}
}
