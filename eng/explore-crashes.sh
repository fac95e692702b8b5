#!/usr/bin/env bash
# Explores crashes of our own code for longer than ./test.sh does: more images at each crash point, other seeds, and recovery crashed everywhere.
# Usage: eng/explore-crashes.sh [IMAGES-PER-POINT]   (default 4096; takes about an hour on two cores)
# A failure prints what was lost and how to replay it, and leaves trace, image and page in the folder named there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PMEM_CRASH_IMAGES="${1:-4096}"
export PMEM_CRASH_OUTPUT="${PMEM_CRASH_OUTPUT:-artifacts/crashes}"
failed=0
for project in Objects Logs Blocks; do
    dotnet build "tests/Pmem.$project.Tests" -c Release -v q --nologo
    dotnet "tests/Pmem.$project.Tests/bin/Release/net10.0/Pmem.$project.Tests.dll" -noColor -noLogo -showLiveOutput -class "*CrashTests" || failed=1
done

# One mistake at a time in the store's own flushes, fences and words: the score and the list. Fewer images would overlook some of them.
((PMEM_CRASH_IMAGES >= 128)) || PMEM_CRASH_IMAGES=128
DOTNET_TC_CallCountThreshold=7FFFFFF DOTNET_TC_OnStackReplacement_InitialCounter=7FFFFFF DOTNET_TieredPGO=0 \
    dotnet tests/Pmem.Objects.Tests/bin/Release/net10.0/Pmem.Objects.Tests.dll -noColor -noLogo -showLiveOutput -explicit only -class "*MutationTests" || failed=1
exit "$failed"
