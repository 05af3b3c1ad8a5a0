# Works for a while, then crashes with exit code 3.
echo "working for ${SECONDS_TO_LIVE:-8} s"
n=0
while [ "$n" -lt "${SECONDS_TO_LIVE:-8}" ]; do
  sleep 1
  n=$((n + 1))
  echo "still fine after $n s"
done
echo "something broke" >&2
exit 3
