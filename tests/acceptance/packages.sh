#!/usr/bin/env bash
# Make sure that a redis-server is here: install it where we may, else say what to install.
set -euo pipefail
command -v redis-server >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing redis-server for the acceptance tests (once) ..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >/dev/null
  exit 0
fi
echo "The test of several server processes needs the system package 'redis-server'. Install it and run this again." >&2
[ "${CI:-}" = true ] && exit 1
exit 0
