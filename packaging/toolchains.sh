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

# need_package NAME: unpacks a package of Debian's; what is in it is below $toolchains/debian.
need_package() {
    if [ ! -e "$toolchains/debian/$1.unpacked" ]; then
        mkdir -p "$toolchains/debian/packages"
        (cd "$toolchains/debian/packages" && apt-get --quiet --quiet download "$1")
        dpkg -x "$toolchains/debian/packages/$1"_*.deb "$toolchains/debian"
        touch "$toolchains/debian/$1.unpacked"
    fi
}
