#!/usr/bin/env bash
# examples/recipes/poll.sh STREAM: every frame of a stream, one a line, with curl and jq, for as long as the stream goes on.
set -euo pipefail
head=$(mktemp)
trap 'rm -f "$head"' EXIT
query=()
while :; do
  if frames=$(curl -sSf -D "$head" --get "${query[@]}" "$SKEIN/poll/$1"); then
    jq -c '.[]' <<<"$frames"
    if grep -qi '^skein-end: done' "$head"; then break; fi
    cursor=$(tr -d '\r' <"$head" | sed -n 's/^skein-cursor: //Ip')
    query=(--data-urlencode "since=$cursor" --data wait=20)
  else
    sleep $((1 + RANDOM % 3))
  fi
done
