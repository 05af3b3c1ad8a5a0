#!/bin/sh
# rotate.sh LOG BYTES FILES
#
# Takes one piece of a log, as `split --filter` cuts them, and makes it the newest file: LOG.1 is the one before, LOG.2 the one before
# that. The first piece of a new start goes on with the file that is there, unless that is half full.
log=$1 bytes=$2 files=$3

if [ "$FILE" = xaa ]; then size=$(stat -c %s "$log" 2>/dev/null || echo 0); else size=$bytes; fi
if [ $((size * 2)) -ge "$bytes" ]; then
  i=$((files - 1))
  if [ "$i" -lt 1 ]; then rm -f "$log"; fi
  while [ "$i" -gt 1 ]; do
    [ -e "$log.$((i - 1))" ] && mv -f "$log.$((i - 1))" "$log.$i"
    i=$((i - 1))
  done
  if [ "$i" -eq 1 ] && [ -e "$log" ]; then mv -f "$log" "$log.1"; fi
fi

# On a full disk, what was read is lost and the rest waits.
until cat >>"$log"; do
  [ -d "$(dirname "$log")" ] || exit 1
  sleep 1
done
