#!/usr/bin/env bash
# Installs the Debian packages of eng/peers.txt that are missing. Needs root only when something is missing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
missing=()
while read -r package; do
    [[ -z "$package" || "$package" == \#* ]] && continue
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done < "$here/peers.txt"
if ((${#missing[@]} == 0)); then exit 0; fi

echo "installing the peers: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
sudo=()
if [[ $(id -u) -ne 0 ]]; then sudo=(sudo); fi
log=$(mktemp)
if ! { "${sudo[@]}" apt-get update && "${sudo[@]}" apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -20 "$log" >&2
    rm -f "$log"
    echo "the peers could not be installed; install them by hand: ${missing[*]}" >&2
    exit 1
fi
rm -f "$log"
