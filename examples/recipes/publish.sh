#!/usr/bin/env bash
# examples/recipes/publish.sh TAIL BODY: publishes over HTTP until it is stored, and once only, however often it has to ask.
set -euo pipefail
key=$(cat /proc/sys/kernel/random/uuid)
curl -sS --fail-with-body --retry 8 --retry-connrefused --max-time 10 \
  -H "Idempotency-Key: $key" -d "$2" "$SKEIN/api/publish/$1"
