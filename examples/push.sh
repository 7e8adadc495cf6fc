#!/bin/sh
# push.sh TAG FILE: submit a bash script ("-" = standard input) to the spool in $WMCTL_SPOOL and print
# the job's id. SYNC=0 does not wait for the disk. What it does, and why: docs/reference/spool-format.md.
# Exit codes: 2 usage, 65 bad tag or code, 66 no such file, 75 try again, 78 not a spool of format 1.
set -Cfu; export LC_ALL=C
die() { code=$1; shift; echo "push.sh: $*" >&2; [ -z "${tmp-}" ] || rm -f "$tmp"; exit "$code"; }
[ $# -eq 2 ] && [ -n "${WMCTL_SPOOL-}" ] || die 2 'usage: WMCTL_SPOOL=FOLDER push.sh TAG FILE'
case $1 in '' | .* | *. | *[!A-Za-z0-9_.-]*) die 65 "tag '$1': only A-Z a-z 0-9 _ - and inner dots" ;; esac
[ ${#1} -le 120 ] || die 65 'the tag is longer than 120 bytes'
[ "$2" = - ] || { [ -f "$2" ] && [ -r "$2" ] && exec <"$2"; } || die 66 "cannot read the file $2"
spool=$WMCTL_SPOOL queue=$spool/queue/$1
{ read -r conf <"$spool/spool.json"; } 2>/dev/null || die 78 "$spool is not a spool"
case $conf in *'"format":1'[,}]*) ;; *) die 78 "$spool is not a spool of format 1" ;; esac
case $conf in *'"file_mode":"0660"'*) umask 007 ;; *'"file_mode":"0640"'*) umask 027 ;; *) umask 077 ;; esac
case $conf in *'"durability":"none"'*) SYNC=0 ;; esac

# A new file in tmp/ under a name of our own. Its time stamp, by the clock of the disk it lies on, is
# when the job is due and when its id was made: a UUIDv7, whose random part is the kernel's.
read -r uuid </proc/sys/kernel/random/uuid && tmp=$spool/tmp/$uuid &&
  date -u -r "$tmp" '+%s%3N %Y%m%dT%H%M%S.%6NZ' >"$tmp" && read -r ms due <"$tmp" ||
  die 75 "cannot write in $spool/tmp"
hex=; while [ ${#hex} -lt 12 ]; do   # "$(printf %012x $ms)" would cost a fork
  set -- a b c d e f; digit=$((ms % 16)) ms=$((ms / 16))
  [ $digit -lt 10 ] || { shift $((digit - 10)); digit=$1; }; hex=$digit$hex
done
id=${hex%????}-${hex#????????}-7${uuid#????????-????-?}
name=${due}_000_${id}_0.0.0.v1.json
case $name in ????????T??????.??????Z_000_????????-????-7*) ;; *) die 78 'date must know -r and %N' ;; esac

# The job, one JSON object, written over that time stamp. Quotes, backslashes and control characters
# become \uXXXX; NUL bytes are left out, as bash leaves them out of a script.
escape() {
  last='' plain=1 size=64
  until [ "$last" ]; do
    IFS= read -r line || last=1
    case $line in *[!\ -~]*) plain= ;; esac
    while head=${line%%[\"\\[:cntrl:]]*}; [ "$head" != "$line" ]; do
      line=${line#"$head"} rest=${line#?} size=$((size + ${#head} + 6))
      printf '%s\\u%04x' "$head" "'${line%"$rest"}" || return; line=$rest
    done
    printf '%s' "$line" && { [ "$last" ] || printf '\\n'; } || return
    size=$((size + ${#line} + 2)); [ $size -le 1048576 ] || die 65 'the job is larger than 1 MiB'
  done
}
{ printf '{"language":"bash","name":"push.sh","code":"' && escape && printf '"}\n'; } 1<>"$tmp" ||
  die 75 "cannot write $tmp"
[ "$plain" ] || iconv -f UTF-8 -t UTF-16 "$tmp" >/dev/null 2>&1 || die 65 'the code is not UTF-8 text'

# Safe on disk, then visible by one rename, then its name safe on disk; only then acknowledged.
[ "${SYNC-1}" = 0 ] || sync "$tmp" || die 75 "cannot sync $tmp"
[ -d "$queue" ] || mkdir -p "$queue" || die 75 "cannot make $queue"
mv "$tmp" "$queue/$name" || { mkdir -p "$queue" && mv "$tmp" "$queue/$name"; } || [ ! -e "$tmp" ] ||
  die 75 "cannot rename into $queue"
[ "${SYNC-1}" = 0 ] || sync "$queue" "$spool/queue" || die 75 "cannot sync $queue: the job may be lost"
echo "$id"
