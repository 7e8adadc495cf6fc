# Who asked a web server for what: a summary of its access log.
log="$1"
top="${2:-3}"

echo "reading $(wc -l <"$log") lines of ${log##*/}"
count() { sort | uniq -c | sort -k1,1nr -k2; }

echo "counting answers by status"
statuses=$(awk '{ print $9 }' "$log" | count | awk '{ printf "%s\"%s\":%d", sep, $2, $1; sep = "," }')

echo "counting visitors and pages"
visitors=$(awk '{ print $1 }' "$log" | sort -u | wc -l)
bytes=$(awk '{ sum += $10 } END { print sum }' "$log")
pages=$(awk '$9 == 200 { print $7 }' "$log" | count | head -n "$top" |
  awk '{ printf "%s\"%s\":%d", sep, $2, $1; sep = "," }')

echo "looking for the one who got most refusals"
suspect=$(awk '$9 == 404 { print $1 }' "$log" | count | awk 'NR == 1 { print $2 }')

printf '{"visitors":%d,"bytes":%d,"statuses":{%s},"pages":{%s},"suspect":"%s"}\n' \
  "$visitors" "$bytes" "$statuses" "$pages" "$suspect" >result.json
