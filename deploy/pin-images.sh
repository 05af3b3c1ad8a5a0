#!/bin/sh
# Writes the present digests of the images' tags into the Dockerfile and the compose files.
#
#   deploy/pin-images.sh
#
# It asks the registry with docker buildx, which pulls nothing. Look at the difference, build and try it before you commit it.
set -eu

cd "$(dirname "$0")/.."
for file in Dockerfile docker-compose.yml deploy/docker-compose.yml; do
  for pinned in $(grep -oE '[a-z0-9./-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}' "$file" | sort -u); do
    tag=${pinned%@*}
    digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$tag")
    case $digest in
      sha256:????????????????????????????????????????????????????????????????) ;;
      *) echo "pin-images.sh: no digest of $tag: $digest" >&2 && exit 1 ;;
    esac
    sed -i "s|$pinned|$tag@$digest|g" "$file"
    echo "$file: $tag@$digest"
  done
done
