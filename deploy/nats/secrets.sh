#!/bin/sh
# Makes what a configuration of "skein nats-config" and its clients need: an authority, certificates and passwords; and what
# else deploy/docker-compose.yml wants.
#
#   deploy/nats/secrets.sh FOLDER [NAME…]
#   CONF=nats/nats.conf deploy/nats/secrets.sh FOLDER [NAME…]
#
# Every user of the configuration CONF (deploy/nats/nats.conf) gets a certificate and a password.
# NAME is a host name or an address by which clients reach the server; "nats", "localhost" and 127.0.0.1 go without saying.
# Nothing that is there is made again. To renew a certificate, remove it and its key and run this once more; for an org that
# was added, too. Certificates hold for DAYS (365), the authority for ten years.
#
# The folder is for its owner alone. The files in it are not, so that a container's user can read those it is handed.
# Keep ca-key.pem elsewhere: whoever has it makes certificates that everybody believes.
set -eu

folder=${1:?usage: secrets.sh FOLDER [NAME…]}
shift
days=${DAYS:-365}
conf=${CONF:-$(dirname "$0")/nats.conf}
# Each line is the name of a user and the variable of its password.
users=$(sed -n 's/.*user: "\([A-Za-z0-9_-]*\)", password: \$\([A-Z0-9_]*\).*/\1 \2/p' "$conf")
[ -n "$users" ] || { echo "secrets.sh: $conf names no users" >&2; exit 1; }

umask 077
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"
umask 022

key() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$1"
}

# A certificate for NAME, as it is USAGE (serverAuth, clientAuth), for the ALIASES.
certificate() {
  name=$1 usage=$2 aliases=$3
  [ -e "$name.pem" ] && return
  key "$name-key.pem"
  chmod 644 "$name-key.pem"
  {
    echo "basicConstraints = critical, CA:FALSE"
    echo "keyUsage = critical, digitalSignature"
    echo "extendedKeyUsage = $usage"
    echo "subjectAltName = $aliases"
  } >extensions.tmp
  openssl req -new -key "$name-key.pem" -subj "/O=skein/CN=$name" -out request.tmp
  openssl x509 -req -in request.tmp -CA ca.pem -CAkey ca-key.pem -set_serial "0x$(openssl rand -hex 16)" \
    -days "$days" -sha256 -extfile extensions.tmp -out "$name.pem" 2>/dev/null
  rm -f request.tmp extensions.tmp
  echo "made $folder/$name.pem"
}

if [ ! -e ca.pem ]; then
  key ca-key.pem
  chmod 600 ca-key.pem
  openssl req -x509 -new -key ca-key.pem -sha256 -days 3650 -subj "/O=skein/CN=skein NATS authority" \
    -addext "basicConstraints = critical, CA:TRUE" -addext "keyUsage = critical, keyCertSign, cRLSign" -out ca.pem
  echo "made $folder/ca.pem"
fi

aliases="DNS:nats, DNS:localhost, IP:127.0.0.1"
for name in "$@"; do
  # All digits and dots, or a colon in it: an address.
  case $name in
    *:*) kind=IP ;;
    *[!0-9.]*) kind=DNS ;;
    *) kind=IP ;;
  esac
  aliases="$aliases, $kind:$name"
done
certificate server serverAuth "$aliases"

touch passwords.env
echo "$users" | while read -r user variable; do
  certificate "$user" clientAuth "DNS:$user"
  # NATS takes a value that begins with a digit for a number.
  grep -q "^$variable=" passwords.env || echo "$variable=p$(openssl rand -hex 24)" >>passwords.env
done

# What deploy/docker-compose.yml wants besides: where its gateways find NATS, and what signs tokens.
if [ ! -e gateway.json ]; then
  . ./passwords.env
  echo "{\"nats\": \"tls://gateway:$SKEIN_NATS_GATEWAY_PASSWORD@nats:4222\"}" >gateway.json
  echo "made $folder/gateway.json"
fi
if [ ! -e jwt-secret ]; then
  openssl rand -base64 48 >jwt-secret
  echo "made $folder/jwt-secret"
fi
