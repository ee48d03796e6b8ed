#!/bin/sh
# Runs an AArch64 Linux program: under qemu's small in-order core, but on an AArch64 host.
case "$(uname -m)" in
aarch64 | arm64) exec "$@" ;;
esac
for qemu in qemu-aarch64-static qemu-aarch64; do
    if command -v "$qemu" >/dev/null; then
        exec "$qemu" -cpu cortex-a53 -L /usr/aarch64-linux-gnu "$@"
    fi
done
echo "no qemu-aarch64 here: run \`cargo xtask setup\`" >&2
exit 127
