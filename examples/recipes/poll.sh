#!/usr/bin/env bash
# examples/recipes/poll.sh STREAM: every frame of a stream, one a line, with curl and jq, for as long as the stream goes on.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
query=()
while :; do
  status=$(curl -s -D "$folder/head" -o "$folder/body" -w '%{http_code}' --get "${query[@]}" "$SKEIN/poll/$1") || status=000
  case $status in
    200)
      jq -c '.[]' "$folder/body"
      if grep -qi '^skein-end: done' "$folder/head"; then exit; fi
      cursor=$(tr -d '\r' <"$folder/head" | sed -n 's/^skein-cursor: //Ip')
      query=(--data-urlencode "since=$cursor" --data wait=20)
      ;;
    # Nobody answered, or not well, or it was too much: later it may be otherwise.
    000 | 429 | 5??) sleep $((1 + RANDOM % 3)) ;;
    *) cat "$folder/body" >&2; exit 1 ;;
  esac
done
