# SPDX-License-Identifier: Apache-2.0
# Samples, goals and notes (tab separated) -> bench.json. Medians are what is compared.

def quantile($q): sort as $s | ($s | length) as $n | $s[[($n * $q | floor), $n - 1] | min];
def round4: . * 10000 | round / 10000;
def rows($text): $text | split("\n") | map(select(. != "") | split("\t"));
# of these measures more is better
def higher: . == "speed" or . == "starts";

(reduce rows($samples)[] as [$row, $measure, $unit, $contender, $value] ([];
	[$row, $measure, $contender] as $key | (map(.key == $key) | index(true)) as $at
	| if $at then .[$at].values += [$value | tonumber]
	  else . + [{$key, $row, $measure, $unit, $contender, values: [$value | tonumber]}] end)
 | map(del(.key) + (.values | {n: length, min: min, q1: quantile(0.25), median: quantile(0.5), q3: quantile(0.75), max: max}
	| map_values(round4)) | del(.values))) as $results
| def find($row; $measure; $contender): $results | map(select(.row == $row and .measure == $measure and .contender == $contender)) | first;
  def judge($g): $g as [$row, $measure, $contender, $factor, $against, $field]
	| ($field // "median") as $field
	| find($row; $measure; $contender) as $own
	| (if $against == "-" then null else find($row; $measure; $against) end) as $other
	| select($own and ($against == "-" or $other))
	| ($factor | tonumber) as $factor
	| (if $against == "-" then $factor else $factor * $other[$field] end) as $limit
	| {$row, $measure, $contender, unit: $own.unit, op: (if $measure | higher then ">=" else "<=" end), $factor, $field,
	   against: (if $against == "-" then null else $against end), limit: ($limit | round4), value: $own[$field],
	   ratio: (if $other and $other[$field] != 0 then $own[$field] / $other[$field] | round4 else null end)}
	| .met = (if .op == ">=" then .value >= .limit else .value <= .limit end);
$head[0] + {results: $results, goals: [rows($goals)[] | judge(.)], notes: [rows($notes)[] | {row: .[0], text: .[1]}]}
