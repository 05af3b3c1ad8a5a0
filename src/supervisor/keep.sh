#!/bin/sh
# keep.sh FILES DIRECTORY COMMAND [ARGUMENT...]
#
# Runs a command and writes down how it ended, whoever is there to hear of it. It leads the process group of the command. FILES.pid
# says who runs: its own pid and the time it started, then the command's. FILES.exit says how the command ended, as sh counts it.
# Each is written at once; whoever finds one empty finds nothing.
files=$1 directory=$2
shift 2

# What is sent to the group is meant for the command; a trap, unlike an ignored signal, is not handed down.
trap : HUP INT QUIT TERM USR1 USR2

# Nothing is forked for this: it happens at every start.
identify() {
  read -r stat <"/proc/$1/stat"
  pid=${stat%% *}
  set -- ${stat##*) }
  started=${20}
}

(
  identify $$
  keeper="$pid $started"
  identify self
  echo "$keeper $pid $started" >"$files.pid"
  cd "$directory" && exec "$@"
)
code=$?
echo "$code" >"$files.exit"
exit "$code"
