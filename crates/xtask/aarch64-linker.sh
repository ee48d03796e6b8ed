#!/bin/sh
# Links for aarch64-unknown-linux-gnu: with the cross compiler, but on an AArch64 host.
case "$(uname -m)" in
aarch64 | arm64) exec cc "$@" ;;
*) exec aarch64-linux-gnu-gcc "$@" ;;
esac
