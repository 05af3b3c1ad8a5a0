#!/bin/sh
# keep.sh FILES DIRECTORY COMMAND [ARGUMENT...]
#
# Runs a command and writes down how it ended, whoever is there to hear of it. It leads the process group of the command. FILES.pid
# says who runs: its own pid and the time it started, then the command's. FILES.exit says how the command ended, as sh counts it.
files=$1 directory=$2
shift 2

# What is sent to the group is meant for the command; a trap, unlike an ignored signal, is not handed down.
trap : HUP INT QUIT TERM USR1 USR2

started() {
  read -r stat <"/proc/$1/stat"
  set -- ${stat##*) }
  echo "${20}"
}

(
  read -r pid rest </proc/self/stat
  echo "$$ $(started $$) $pid $(started "$pid")" >"$files.pid.new" && mv "$files.pid.new" "$files.pid"
  cd "$directory" && exec "$@"
)
code=$?
echo "$code" >"$files.exit.new" && mv "$files.exit.new" "$files.exit"
exit "$code"
