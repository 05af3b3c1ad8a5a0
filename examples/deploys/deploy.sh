#!/bin/sh
# sh deploy.sh SERVICE VERSION [COMMAND…] brings out a version of a service, and tells of it. Without a command nothing is done.
set -eu
url=${SKEIN_URL:-http://127.0.0.1:8000}
service=$1 version=$2
shift 2

publish() { curl --fail --silent --show-error --output /dev/null "$url/api/publish/$1" --data "$2"; }
state() { publish "services/$service" "{\"version\":\"$version\",\"status\":\"$1\"}"; }
phase() { publish "deploys/$service" "{\"version\":\"$version\",\"phase\":\"$1\",\"by\":\"$(id -un)\"}"; }

phase started
state deploying
if "${@:-true}"; then
  state healthy
  phase finished
  echo "$service $version is out"
else
  code=$?
  state degraded
  phase failed
  echo "$service $version is not out: $* ended with exit code $code" >&2
  exit "$code"
fi
