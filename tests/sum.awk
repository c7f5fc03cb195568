# SPDX-License-Identifier: Apache-2.0
#
# awk -v skips=skips.txt -f sum.awk RESULTS...: sums up what automake's TAP driver printed, names every failure and every
# skip with its reason, and ends with the line "N passed, N failed, N skipped". A skip that no pattern of skips.txt allows
# is a failure. The exit status is 1 if anything failed.

function allowed(line,    i) {
	for (i = 1; i <= n; i++)
		if (line ~ pattern[i])
			return 1
	return 0
}

BEGIN {
	FS = "\t"
	while (skips != "" && (getline entry < skips) > 0) {
		if (entry ~ /^[ \t]*(#|$)/)
			continue
		if (split(entry, field, /\t+/) < 2) {
			print "skips.txt: no reason: " entry
			failed++
			continue
		}
		pattern[++n] = field[1]
	}
}

/^(PASS|XFAIL): / { passed++ }
/^(FAIL|ERROR|XPASS): / {
	failed++
	failures[++nf] = FILENAME ": " $0
}
/^SKIP: / {
	if (allowed(FILENAME "/" substr($0, 7))) {
		skipped++
		print "skipped: " FILENAME "/" substr($0, 7)
	} else {
		failed++
		failures[++nf] = FILENAME ": skip that is not on tests/skips.txt: " substr($0, 7)
	}
}

END {
	for (i = 1; i <= nf; i++)
		print "failed: " failures[i]
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0
}
