#!/bin/sh
# check-targets.sh [TARGET...]: has the compiler look at the library for systems that nothing is
# built for here, so that what only Linux has stays beside a way for the others. No warning passes.
# No C compiler for them is needed: what is in C is not looked at.
set -eu
cd "$(dirname "$0")/.."
. packaging/toolchains.sh
[ $# -gt 0 ] || set -- aarch64-linux-android aarch64-apple-darwin x86_64-unknown-freebsd \
    x86_64-unknown-netbsd x86_64-unknown-illumos armv7-unknown-linux-gnueabihf

need_rust "$@"
# It makes what it is asked for, with nothing in it.
stand_in=$toolchains/no-compiler
cat >"$stand_in" <<'END'
#!/bin/sh
while [ $# -gt 1 ]; do
    case $1 in
    -o) : >"$2" ;;
    cq* | cr*) : >"$2" ;;
    esac
    shift
done
END
chmod +x "$stand_in"
export CC="$stand_in" AR="$stand_in" RUSTFLAGS="${RUSTFLAGS-} -D warnings"
for target in "$@"; do
    echo "== $target"
    cargo check --quiet --locked --lib --features capi --target "$target"
done
