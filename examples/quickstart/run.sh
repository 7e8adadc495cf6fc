#!/bin/sh
# Runs four scripts in four languages through a spool and two workers, and ends with their results.
# The spool is a folder in the temporary directory and is removed at the end. On a terminal results
# are cut to its width; FULL=1 shows them whole.
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

wmctl init "$WMCTL_SPOOL" >/dev/null
echo "== the spool, a folder: $WMCTL_SPOOL"

submit() {  # that no worker is there yet is no news here
  wmctl submit "$@" 2>"$folder/said" || { code=$?; cat "$folder/said" >&2; exit "$code"; }
}
# Go first: its first job on a machine takes a while to build, and the others need not wait for it.
go=$(submit "$here/disks.go" -a mounts=/proc/mounts)
bash=$(submit "$here/visits.sh" -a log="$here/access.log")
python3=$(submit "$here/planets.py" -a table="$here/planets.csv")
deno=$(submit "$here/packages.ts")
ids="$go $bash $python3 $deno"

echo; echo "== four jobs are queued; two workers start, and end when nothing is left"
echo "   (the first Go job on a machine builds Go's standard library: some seconds to a minute)"
wmctl worker start -n 2 --burst >"$folder/workers.log" 2>&1 &
workers=$!
until grep -qs ' up; ' "$folder/workers.log" || ! kill -0 $workers 2>/dev/null; do sleep 0.1; done

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

width=
if [ -t 1 ] && [ -z "${FULL-}" ]; then exec 3>&1; width=$(stty size <&3 | cut -d' ' -f2) || true; fi
row() {  # LANGUAGE JOB RESULT: one line
  line=$(printf '%-8s %-11s %s' "$1" "$2" "$3")
  if [ "${width:-0}" -gt 40 ] && [ "${#line}" -gt "$width" ]; then
    line=$(printf '%s' "$line" | cut -c "1-$((width - 4))")" ..."
  fi
  printf '%s\n' "$line"
}
result() { wmctl result "$1" 2>&1 || true; }
echo; echo "== results${width:+ (FULL=1 shows them whole)}"
row LANGUAGE JOB RESULT
row bash visits.sh "$(result "$bash")"
row python3 planets.py "$(result "$python3")"
row deno packages.ts "$(result "$deno")"
row go disks.go "$(result "$go")"

if [ "$code" -ne 0 ]; then
  echo "not all jobs ended well; the workers said:" >&2
  cat "$folder/workers.log" >&2
fi
exit "$code"
