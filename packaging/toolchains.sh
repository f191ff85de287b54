# What cross.sh and check-targets.sh share: compilers for other systems, in a folder of their own.
# Nothing is put into the machine's own toolchain. WMLB_TOOLCHAINS names the folder; it may be kept
# for other work trees, and in CI.

toolchains=${WMLB_TOOLCHAINS:-${CARGO_TARGET_DIR:-target}/toolchains}
mkdir -p "$toolchains"
toolchains=$(cd "$toolchains" && pwd)

# need_rust TARGET...: the standard library of each, for the version of Rust that is used here.
need_rust() {
    RUSTUP_TOOLCHAIN=$(rustc --version | cut -d' ' -f2)
    export RUSTUP_TOOLCHAIN RUSTUP_HOME="$toolchains/rustup"
    mkdir -p "$RUSTUP_HOME"
    installed=$(rustup target list --installed 2>/dev/null || true)
    for target in "$@"; do
        if ! printf '%s\n' "$installed" | grep -qx "$target"; then
            rustup --quiet toolchain install --no-self-update --profile minimal --target "$target" \
                "$RUSTUP_TOOLCHAIN"
        fi
    done
}

# need_zig: a C compiler, linker and C library for many systems, and what has cargo use them.
need_zig() {
    if [ ! -e "$toolchains/zig/bin/cargo-zigbuild" ]; then
        python3 -m pip install --quiet --root-user-action=ignore --target "$toolchains/zig.new" \
            ziglang==0.17.1 cargo-zigbuild==0.24.1
        rm -rf "$toolchains/zig"
        mv "$toolchains/zig.new" "$toolchains/zig"
    fi
    export CARGO_ZIGBUILD_ZIG_PATH="$toolchains/zig/ziglang/zig"
    export CARGO_ZIGBUILD_CACHE_DIR="$toolchains/zigbuild"
    export ZIG_GLOBAL_CACHE_DIR="$toolchains/zig-cache" ZIG_LOCAL_CACHE_DIR="$toolchains/zig-cache"
    export PATH="$toolchains/zig/bin:$PATH"
}

# need_package NAME [MACHINE]: unpacks a package of Debian's, which may be for another machine; what
# is in it is below $toolchains/debian. What apt knows of that machine is in a folder of its own.
need_package() {
    own=$(dpkg --print-architecture)
    machine_of_package=${2:-$own}
    if [ ! -e "$toolchains/debian/$1-$machine_of_package.unpacked" ]; then
        mkdir -p "$toolchains/debian/packages"
        if [ "$machine_of_package" = "$own" ]; then
            (cd "$toolchains/debian/packages" && apt-get --quiet --quiet \
                -o APT::Sandbox::User=root download "$1")
        else
            foreign_download "$1" "$machine_of_package"
        fi
        dpkg -x "$toolchains/debian/packages/$1"_*_*.deb "$toolchains/debian"
        rm "$toolchains/debian/packages/$1"_*.deb
        touch "$toolchains/debian/$1-$machine_of_package.unpacked"
    fi
}

foreign_download() {
    apt=$toolchains/apt-$2
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
    touch "$apt/status"
    for step in update "download $1"; do
        # shellcheck disable=SC2086
        (cd "$toolchains/debian/packages" && apt-get --quiet --quiet \
            -o APT::Architecture="$2" -o APT::Architectures="$2" -o APT::Sandbox::User=root \
            -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" \
            -o Dir::Cache="$apt/cache" $step)
    done
}
