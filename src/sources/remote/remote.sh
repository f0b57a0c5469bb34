# What runs on the other machine: a POSIX shell, find, stat and dd, as GNU, the BSDs, macOS and busybox have them. Nothing is written there.
# Every request is one line that calls one of these functions; every answer is bytes, then a text, then one line that says how long the
# text is. Names come and go only as quoted words and with their length, or on a line when they hold no line break.
exec 3>&1
export how short nl
if stat -L -c %i / >/dev/null 2>&1; then
  how=-c short='%d %i %s %Y %y' long='F%d %i %s %Y %y|%n'
else
  how=-f short='%d %i %z %Fm' long='F%d %i %z %Fm|%N'
fi
one='s=$(stat -L "$how" "$short" "$1") && printf "N%s|%s\n%s\n" "$s" "${#1}" "$1"; :'

# say NUMBER TEXT: ends the answer to a request.
say() { printf '%s%s %s %s .\n' "$2" "$mark" "$1" "${#2}"; }

# look START DEPTH TEST...: the regular files that pass; what find and stat complained about is left in $e. The tests stand there twice
# because busybox forgets an `-exec … {} +` inside parentheses.
look() {
  start=$1 depth=$2
  shift 2
  e=$(find -L "$start" -mindepth 1 -maxdepth "$depth" "$@" -type f -path "*$nl*" -exec sh -c "$one" sh {} \; \
    -o "$@" -type f -exec stat -L "$how" "$long" {} + 2>&1 >&3)
}

# root NUMBER PATH PARENT NAMES [BASE DEPTH NAMES]: the files of one thing that the user named, then what it is.
root() {
  if [ -d "$2" ]; then
    kind=d
    look "$2" 16 -type d -name '.?*' -prune -o \( -iname '*.json*' -o -iname '*.ndjson*' -o -iname '*.log*' \)
  elif [ -e "$2" ] || [ $# -lt 7 ]; then
    kind=-
    [ -e "$2" ] && kind=o
    [ -f "$2" ] && kind=f
    look "$3" 1 -name "$4"
  else
    kind=g
    look "$5" "$6" -type d -name '.?*' -prune -o -name "$7"
  fi
  printf 'R%s %s %s\n%s\n' "$1" "$kind" "${#e}" "$e"
}

# poll NUMBER: all that is named. `roots` is sent once, behind this text.
poll() { roots; say "$1" ''; }

# where NUMBER DIRECTORY INODE: the names that a file has there.
where() { look "$2" 1 -inum "$3"; say "$1" "$e"; }

# get NUMBER PATH 'DEVICE INODE' [SKIP COUNT]...: blocks of 4,096 bytes, if that is still the file of this name.
get() {
  number=$1 path=$2 key=$3
  shift 3
  if ! s=$(stat -L "$how" "$short" "$path" 2>&1); then
    say "$number" "E$s"
    return
  fi
  t=S$s
  case $s in "$key "*) ;; *) set -- ;; esac
  while [ $# -gt 1 ]; do
    if ! d=$(dd if="$path" bs=4096 skip="$1" count="$2" 2>&1 >&3); then
      say "$number" "E$d"
      return
    fi
    t="$t${nl}D$d"
    shift 2
  done
  s=$(stat -L "$how" "$short" "$path" 2>/dev/null)
  say "$number" "$t${nl}S$s"
}
