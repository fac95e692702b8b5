#!/usr/bin/env bash
# Builds everything and runs every test. The last line is "N passed, N failed, N skipped".
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"

usage() {
    cat <<'TXT'
Usage: ./test.sh [options]

  --with-peers    install the Debian peers first (eng/peers.txt), and fail when one is missing
  --filter NAME   run only the test projects whose name contains NAME
  --no-build      run what was built last
  --help          this text

Without --with-peers, tests whose peer is missing are skipped and counted.
Exit code 0 if at least one test ran and none failed.
TXT
}

peers=false build=true filter=""
while (($#)); do
    case "$1" in
        --with-peers) peers=true ;;
        --filter) filter="${2:?--filter needs a name}"; shift ;;
        --no-build) build=false ;;
        --help|-h) usage; exit 0 ;;
        *) echo "test.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

if $peers; then
    bash eng/install-peers.sh || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
    export PMEM_PEERS=required
fi

if $build; then
    echo "building"
    if ! dotnet build Pmem.slnx -c Release --nologo -v quiet; then
        echo "the build failed" >&2
        echo "0 passed, 1 failed, 0 skipped"
        exit 1
    fi
fi

results="$root/artifacts/test-results"
rm -rf "$results" && mkdir -p "$results"
passed=0 failed=0 skipped=0
for project in tests/*/*.csproj samples/CrashTested/CrashTested.csproj; do
    name=$(basename "$project" .csproj)
    [[ "$name" == *"$filter"* ]] || continue
    program="$(dirname "$project")/bin/Release/net10.0/$name.dll"
    echo "== $name"
    dotnet "$program" -noLogo -noColor -xml "$results/$name.xml" </dev/null | grep -v -E '^ +(Discovering|Discovered|Starting|Finished):' | grep -v -E '^=== TEST EXECUTION SUMMARY'
    code=${PIPESTATUS[0]}
    # Counts come from the result file; without one the process died, which is a failure.
    if counts=$(grep -o -m1 '<assembly [^>]*>' "$results/$name.xml" 2>/dev/null); then
        number() { sed -E "s/.* $1=\"([0-9]+)\".*/\1/" <<<"$counts"; }
        passed=$((passed + $(number passed)))
        failed=$((failed + $(number failed) + $(number errors)))
        skipped=$((skipped + $(number skipped)))
        if ((code != 0)) && (($(number failed) + $(number errors) == 0)); then failed=$((failed + 1)); echo "$name ended with exit code $code"; fi
    else
        failed=$((failed + 1))
        echo "$name left no result: it ended with exit code $code"
    fi
done

if ((skipped > 0)); then
    echo
    echo "skipped tests need a peer that is not installed; './test.sh --with-peers' installs all of them:"
    grep -h -o '<reason>.*</reason>' "$results"/*.xml | sed -E 's/<[^>]*>//g; s/<!\[CDATA\[//; s/\]\]>//' | sort | uniq -c
fi

echo
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
