#!/bin/sh
# Ensure that there is wrk for the benchmarks: on the PATH, or installed by apt-get as root.
set -eu
if command -v wrk >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing wrk for the benchmarks ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -qq -y --no-install-recommends wrk >/dev/null
    exit 0
fi
echo "The benchmarks need wrk on the PATH (Debian: apt-get install wrk; macOS: brew install wrk)." >&2
exit 2
