#!/bin/sh
# switch.sh blue|green FILE: FILE names the colour to which `mrcore switch` sends new connections.
set -eu
colour=${1:-}
file=${2:?usage: switch.sh blue|green FILE}
case $colour in
  blue | green) ;;
  *) echo "There is no colour '$colour': it is blue or green." >&2; exit 64 ;;
esac
before=$(cat "$file" 2>/dev/null || echo nothing)
printf '%s\n' "$colour" >"$file.new"
mv -f "$file.new" "$file"
echo "$before -> $colour"
