#!/usr/bin/env bash
# Installs the Debian packages of eng/peers.txt that are missing (needs root only then), and unpacks Debian kernels for the guest tests into
# artifacts: the release's own into guest-kernel, a 6.12 into guest-kernel-6.12. No kernel is installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
missing=()
while read -r package; do
    [[ -z "$package" || "$package" == \#* ]] && continue
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done < "$here/peers.txt"

# Where a kernel is unpacked, and the empty package that depends on the newest of its kind.
kernels=("guest-kernel linux-image-amd64" "guest-kernel-6.12 linux-image-6.12-amd64")
wanted=()
if [[ $(dpkg --print-architecture) == amd64 ]]; then
    for kernel in "${kernels[@]}"; do
        compgen -G "$here/../artifacts/${kernel% *}/boot/vmlinuz-*" >/dev/null || wanted+=("$kernel")
    done
fi
if ((${#missing[@]} == 0)) && ((${#wanted[@]} == 0)); then exit 0; fi

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

for kernel in ${wanted[@]+"${wanted[@]}"}; do
    folder="$here/../artifacts/${kernel% *}" name="${kernel#* }"
    package=$(apt-cache depends "$name" 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    if [[ -z "$package" && -n $(compgen -G "$here/../artifacts/guest-kernel/boot/vmlinuz-6.12*") ]]; then
        # A release whose own kernel is that one.
        ln -s guest-kernel "$folder"
        continue
    fi
    [[ -n "$package" ]] || fail "there is no package $name"
    echo "unpacking a kernel for guests: $package"
    rm -rf "$work/deb" && mkdir "$work/deb"
    (cd "$work/deb" && apt-get download "$package" >"$work/log" 2>&1) || fail "the package $package could not be fetched"
    mkdir -p "$folder"
    dpkg-deb -x "$work"/deb/linux-image-*.deb "$folder"
done
