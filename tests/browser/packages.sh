#!/usr/bin/env bash
# Make sure that a Chromium is here: install it where we may, else say what to install.
set -euo pipefail
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing chromium for the browser tests (once) ..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation >/dev/null
  exit 0
fi
echo "The browser tests need the system package 'chromium'. Install it and run this again." >&2
[ "${CI:-}" = true ] && exit 1
exit 0
