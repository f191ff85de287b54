#!/bin/sh
# Unpacks the headers of libraries that have types of Windows into target/other-headers, without
# installing them and what they need (Wine is large): run.sh then tests ours beside them. On
# Debian. dxvk-native has no package: put its include/native/windows there as dxvk.
set -eu
cd "$(dirname "$0")/../../.."
folder=${CARGO_TARGET_DIR:-target}/other-headers
mkdir -p "$folder/packages"
cd "$folder/packages"
for package in libwine-dev libwinpr2-dev libjxr-dev libfreeimage-dev libgstreamer1.0-dev libglib2.0-dev \
    directx-headers-dev unixodbc-dev libiodbc2-dev libpcsclite-dev libjpeg62-turbo-dev; do
    apt-get download --quiet "$package" || echo "There is no package $package" >&2
done
for package in *.deb; do
    dpkg-deb --extract "$package" ..
done
rm ./*.deb
