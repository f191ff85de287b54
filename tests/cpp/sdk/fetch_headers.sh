#!/bin/sh
# Unpacks the headers of libraries that have types of Windows into target/other-headers, without
# installing them and what they need (Wine is large): run.sh then tests ours beside them. On
# Debian. dxvk-native has no package: put its include/native/windows there as dxvk.
set -eu
cd "$(dirname "$0")/../../.."
folder=${CARGO_TARGET_DIR:-target}/other-headers
mkdir -p "$folder/packages"
cd "$folder/packages"
apt-get download libwine-dev libwinpr2-dev libjxr-dev libfreeimage-dev \
    libgstreamer1.0-dev libglib2.0-dev directx-headers-dev unixodbc-dev libpcsclite-dev
for package in *.deb; do
    dpkg-deb --extract "$package" ..
done
rm ./*.deb
