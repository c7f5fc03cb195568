# SPDX-License-Identifier: Apache-2.0
# bench.json -> tables. $row: of one row, or "-" for the list of goals. $form: text or md (markdown).

def num: if . == null then "-" elif . >= 100 then (. * 10 | round / 10) elif . >= 10 then (. * 100 | round / 100)
	else (. * 1000 | round / 1000) end | tostring;
def left($n): . + " " * ([$n - length, 0] | max);
def right($n): " " * ([$n - length, 0] | max) + .;
# cells as a table; the first column is text
def table: . as $rows
	| if $form == "md" then
		($rows[0] | "| " + join(" | ") + " |"), ($rows[0] | "|" + ([range(length) | if . == 0 then "---|" else "---:|" end] | add)),
		($rows[1:][] | "| " + join(" | ") + " |")
	  else
		([range($rows[0] | length)] | map(. as $i | $rows | map(.[$i] | length) | max)) as $widths
		| $rows[] | to_entries | map(.key as $i | .value | if $i == 0 then left($widths[$i]) else right($widths[$i]) end) | join("  ")
	  end;
def bound: if .against then "\(.op) \(.factor) x \(.against)" else "\(.op) \(.factor | num) \(.unit)" end
	+ (if .field == "median" then "" else " (\(.field))" end);
def verdict: if .met then "met" else "missed" end;

if $row == "-" then
	[["contender", "row", "measure", "goal", "measured", "ratio", "verdict"]]
	+ [.goals[] | [.contender, .row, .measure, bound, "\(.value | num) \(.unit)", (.ratio | num), verdict]] | table
else
	. as $all
	| [["", "measure", "median", "min", "quartiles", "max", "n", "goal"]]
	+ [.results[] | select(.row == $row) | . as $r
		| [.contender, "\(.measure), \(.unit)", (.median | num), (.min | num), "\(.q1 | num) - \(.q3 | num)", (.max | num), (.n | tostring),
		   ([$all.goals[] | select(.row == $row and .measure == $r.measure and .contender == $r.contender)
			| "\(bound): \(verdict)" + (if .ratio then " (\(.ratio | num) x)" else " (\(.value | num))" end)] | join("; "))]]
	| table
end
