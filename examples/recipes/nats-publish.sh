#!/usr/bin/env bash
# examples/recipes/nats-publish.sh SUBJECT BODY: publishes on NATS with nothing but bash, and prints that it is stored.
set -euo pipefail
LC_ALL=C # lengths are in bytes
exec 3<>"/dev/tcp/${NATS_HOST:-127.0.0.1}/${NATS_PORT:-4222}"
inbox=_INBOX.$$.$RANDOM
printf 'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n' >&3
printf 'SUB %s 1\r\nPUB %s %s %d\r\n%s\r\n' "$inbox" "$1" "$inbox" "${#2}" "$2" >&3
while IFS=$' \r' read -r -t 5 what _ <&3; do
  case $what in
    MSG) read -r stored <&3; echo "${stored%$'\r'}"; exit ;;
    PING) printf 'PONG\r\n' >&3 ;;
    HMSG | -ERR) break ;;
  esac
done
echo "$1 is not stored" >&2
exit 1
