#!/usr/bin/env bash
# prepare.sh DIRECTORY: makes what count.py runs in, without touching this machine's own packages.
#
#     root          AArch64 Python from Debian 12, its libraries, and what an AArch64 kernel says of the processor
#     packages      the libraries that are counted, from PyPI
#     libmarker.so  the markers
#
# It takes apt-get, dpkg, pip and a cross compiler; 1.2 GB on disk, 0.2 GB to download.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

debian=(
    libc6 libgcc-s1 libstdc++6 libgomp1 zlib1g libbz2-1.0 liblzma5 libexpat1 libffi8 libcrypt1 libssl3
    libpython3.11-minimal python3.11-minimal libpython3.11-stdlib
)

# apt-get with lists of its own, as if this were another machine.
rm -rf root debian && mkdir -p debian/{lists,cache,archives}/partial root
touch debian/status
cat >debian/apt.conf <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "";
Dir::State::lists "$PWD/debian/lists";
Dir::State::status "$PWD/debian/status";
Dir::Cache "$PWD/debian/cache";
CONF
export APT_CONFIG=$PWD/debian/apt.conf
apt-get --quiet update
(cd debian/archives && apt-get --quiet download "${debian[@]}")
for archive in debian/archives/*.deb; do
    dpkg-deb --extract "$archive" root
done

# One Cortex-A76. The emulator shows programs its host's /proc and /sys, which some can't make sense of.
mkdir -p root/proc root/sys/devices/system/cpu
for list in possible present online; do
    echo 0 >"root/sys/devices/system/cpu/$list"
done
cat >root/proc/cpuinfo <<CPUINFO
processor	: 0
Features	: fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x4
CPU part	: 0xd0b
CPU revision	: 1
CPUINFO

rm -rf packages
platforms=()
for glibc in _2_28 _2_27 _2_24 _2_17 2014; do
    platforms+=(--platform "manylinux${glibc}_aarch64")
done
python3 -m pip install --quiet --no-deps --no-compile --only-binary :all: --target packages \
    --python-version 3.11 "${platforms[@]}" --requirement "$here/requirements.txt"

aarch64-linux-gnu-gcc -O2 -shared -fPIC -nostdlib -o libmarker.so "$here/marker.c"
