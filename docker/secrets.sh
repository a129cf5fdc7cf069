#!/usr/bin/env bash
# Make the secrets that compose.yaml hands to its services, where they are missing. Back this folder up.
#
# Containers read them as users of their own, and a bind mount keeps a file's mode: the folder keeps others of
# this machine out, the files may be read.
set -euo pipefail
folder="${1:-$(dirname "$0")/secrets}"
mkdir -p "$folder"
chmod 700 "$folder"
make_secret() {  # name, bytes
  [ -s "$folder/$1" ] && { echo "$folder/$1 is there already; it stays."; return; }
  head -c "$2" /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_' > "$folder/$1.new"
  chmod 644 "$folder/$1.new"
  mv "$folder/$1.new" "$folder/$1"
  echo "$folder/$1 is new."
}
make_secret secret_key 48
make_secret mongo_password 33
# Members of a replica set know each other by this; base64 without - and _.
if [ -s "$folder/mongo_keyfile" ]; then
  echo "$folder/mongo_keyfile is there already; it stays."
else
  head -c 512 /dev/urandom | base64 > "$folder/mongo_keyfile"
  chmod 644 "$folder/mongo_keyfile"
  echo "$folder/mongo_keyfile is new."
fi
