#!/bin/sh
# Walks a service as README.md of this directory says, with curl.
set -eu
base=$1
body=$(mktemp)
trap 'rm -f "$body"' EXIT
echo "get $(curl -sS -o "$body" -w '%{http_code}' "$base/hello") $(cat "$body")"
head -c 100000 /dev/zero | tr '\0' x >"$body"
echo "post $(curl -sS --data-binary "@$body" "$base/count")"
echo "blocked $(curl -sS -o "$body" -w '%{http_code} %header{x-onecli-error}' "$base/blocked")"
curl -sSN "$base/stream/3"
echo end
