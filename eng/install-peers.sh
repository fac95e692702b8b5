#!/usr/bin/env bash
# Installs the Debian packages of eng/peers.txt that are missing (needs root only then), and unpacks a Debian kernel for the guest tests into
# artifacts/guest-kernel: the kernel is not installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
missing=()
while read -r package; do
    [[ -z "$package" || "$package" == \#* ]] && continue
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done < "$here/peers.txt"

kernel="$here/../artifacts/guest-kernel"
need_kernel=false
if [[ $(dpkg --print-architecture) == amd64 ]] && ! compgen -G "$kernel/boot/vmlinuz-*" >/dev/null; then need_kernel=true; fi
if ((${#missing[@]} == 0)) && ! $need_kernel; then exit 0; fi

export DEBIAN_FRONTEND=noninteractive
sudo=()
if [[ $(id -u) -ne 0 ]]; then sudo=(sudo); fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    tail -20 "$work/log" >&2
    echo "$1" >&2
    exit 1
}

"${sudo[@]}" apt-get update >"$work/log" 2>&1 </dev/null || fail "the package lists could not be fetched"
if ((${#missing[@]} > 0)); then
    echo "installing the peers: ${missing[*]}"
    "${sudo[@]}" apt-get install -y --no-install-recommends "${missing[@]}" >"$work/log" 2>&1 </dev/null \
        || fail "the peers could not be installed; install them by hand: ${missing[*]}"
fi

if $need_kernel; then
    # linux-image-amd64 is empty and depends on the kernel of the day.
    package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    echo "unpacking a kernel for guests: $package"
    (cd "$work" && apt-get download "$package" >log 2>&1) || fail "the package $package could not be fetched"
    mkdir -p "$kernel"
    dpkg-deb -x "$work"/linux-image-*.deb "$kernel"
fi
