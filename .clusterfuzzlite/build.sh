#!/usr/bin/env bash
# Builds every fuzz target into $OUT, each with its seeds and the fuzzer's options, from $SRC/depthwise.
# ClusterFuzzLite runs this in its image; anywhere else it takes a nightly compiler and cargo-fuzz:
#
#     SRC=$(dirname "$PWD") OUT=$(mktemp -d) RUSTUP_TOOLCHAIN=nightly .clusterfuzzlite/build.sh
set -euo pipefail

cd "$SRC/depthwise"
targets=$(cargo fuzz list)
build=${CARGO_TARGET_DIR:-$PWD/fuzz/target}

# Each line of digits as a file.
sow() {
    local digits number=0
    while read -r digits _; do
        [[ $digits =~ ^([0-9a-f]{2})+$ ]] || continue
        # shellcheck disable=SC2059 # The format is nothing but escaped bytes.
        printf "$(sed 's/../\\x&/g' <<<"$digits")" >"$2/seed-$((number += 1))"
    done <"$1"
    echo "$number seeds from $1"
}

# Every access of a kernel is checked where debug assertions are on.
cargo fuzz build -O --debug-assertions --sanitizer "${SANITIZER:-address}" --target-dir "$build"
for target in $targets; do
    cp "$build/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    seeds=$(mktemp -d)
    sow "fuzz/seeds/$target.hex" "$seeds"
    (cd "$seeds" && python3 -m zipfile -c "$OUT/${target}_seed_corpus.zip" ./*)
    rm -r "$seeds"
    cp "fuzz/options/$target.options" "$OUT/"
done
