#!/bin/sh
# Runs four scripts in four languages through a spool and two workers, and ends with their results.
# The spool is a folder in the temporary directory and is removed at the end.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
if [ -x "$root/.venv/bin/wmctl" ]; then PATH=$root/.venv/bin:$PATH; fi
command -v wmctl >/dev/null || { echo "wmctl is not installed; README.md says how" >&2; exit 78; }

folder=$(mktemp -d)
export WMCTL_SPOOL="$folder/spool"
clean() {
  trap - EXIT
  kill $workers $followers 2>/dev/null || true
  wait
  rm -rf "$folder"
}
workers='' followers=''
trap clean EXIT
trap 'exit 130' INT TERM

wmctl init "$WMCTL_SPOOL"

# Go first: its first job on a machine takes a while to build, and the others need not wait for it.
go=$(wmctl submit "$here/disks.go" -a mounts=/proc/mounts)
bash=$(wmctl submit "$here/visits.sh" -a log="$here/access.log")
python3=$(wmctl submit "$here/planets.py" -a table="$here/planets.csv")
deno=$(wmctl submit "$here/packages.ts")
ids="$go $bash $python3 $deno"

echo; echo "== four jobs are queued; two workers start, and end when nothing is left"
wmctl worker start -n 2 --burst >"$folder/workers.log" 2>&1 &
workers=$!

follow() {  # NAME ID: the job's log as it grows, each line with the job's name
  mkfifo "$folder/$1"
  wmctl logs -f "$2" >"$folder/$1" &
  followers="$followers $!"
  while IFS= read -r line; do printf '%-11s | %s\n' "$1" "$line"; done <"$folder/$1" &
  followers="$followers $!"
}
follow disks.go "$go"
follow visits.sh "$bash"
follow planets.py "$python3"
follow packages.ts "$deno"

wait $workers || { echo "the workers failed:" >&2; cat "$folder/workers.log" >&2; exit 1; }
workers=''
code=0
wmctl wait --wait-timeout 5s $ids || code=$?
if [ "$code" -eq 0 ]; then wait $followers || true; followers=''; fi

echo; echo "== wmctl ps -a"
wmctl ps -a

echo; echo "== results"
printf '%-8s %-11s %s\n' LANGUAGE JOB RESULT
row() { printf '%-8s %-11s %s\n' "$1" "$2" "$(wmctl result "$3" 2>&1 || true)"; }
row bash visits.sh "$bash"
row python3 planets.py "$python3"
row deno packages.ts "$deno"
row go disks.go "$go"

if [ "$code" -ne 0 ]; then
  echo "not all jobs ended well; the workers said:" >&2
  cat "$folder/workers.log" >&2
fi
exit "$code"
