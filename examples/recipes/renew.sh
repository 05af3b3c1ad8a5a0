#!/usr/bin/env bash
# examples/recipes/renew.sh STREAM: an event stream with curl that goes on when its token, in the file $TOKEN_FILE, is renewed.
set -euo pipefail
# The file may have a newer one each time.
bearer() { printf 'header = "Authorization: Bearer %s"' "$(cat "$TOKEN_FILE")"; }
renew() {
  curl -sSf -K <(bearer) -d "{\"connection\":\"$1\"}" "$SKEIN/api/session/refresh" >&2
}
curl -sN -K <(bearer) "$SKEIN/sse/$1" | sed -un 's/^data: //p' | while IFS= read -r frame; do
  echo "$frame"
  case $frame in
    '{"type":"token_expiring"'*) renew "$(jq -r .connection <<<"$frame")" ;;
  esac
done
