# SPDX-License-Identifier: Apache-2.0
#
# awk -v skips=skips.txt -f sum.awk RESULTS...: sums up what automake's TAP driver printed, names every skip with its reason,
# then every failure with some of what explain.awk has put behind it, and ends with the line "N passed, N failed, N skipped".
# A skip that no pattern of skips.txt allows is a failure. The exit status is 1 if anything failed.
#
# Where only the end of all this is kept, the failures are in it: LINES lines for all of them, eight for one at the most. Of
# more, the first ones say where and what, the last ones what was found and left behind.

function allowed(line,    i) {
	for (i = 1; i <= n; i++)
		if (line ~ pattern[i])
			return 1
	return 0
}

function explain(i, share,    head, j) {
	head = n_details[i] > share ? int((share + 1) / 2) : n_details[i]
	for (j = 1; j <= n_details[i]; j++)
		if (j <= head || j > n_details[i] - (share - head))
			print "    " substr(details[i, j], 1, WIDTH)
}

BEGIN {
	FS = "\t"
	LINES = 40
	WIDTH = 500
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
/^\t# / && nf { details[nf, ++n_details[nf]] = substr($0, 4) }
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
	share = nf ? int(LINES / nf) - 1 : 0
	share = share > 8 ? 8 : share < 2 ? 2 : share
	for (i = 1; i <= nf; i++) {
		print "failed: " failures[i]
		explain(i, share)
	}
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	exit failed > 0
}
