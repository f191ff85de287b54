# What build.sh compiles the library with, and who compiles its tests with the same crates. It is
# read at the top of the tree.

# The folders that it is built in are nobody's business, and two builds are the same. Their names
# may have spaces in them: cargo takes flags that this character parts, the crates that build C
# such as a shell would take.
part=$(printf '\037')
crates=${CARGO_HOME:-$HOME/.cargo}/registry/src
given=${CARGO_ENCODED_RUSTFLAGS-$(set -f && set -- ${RUSTFLAGS-} && IFS=$part && echo "$*")}
CARGO_ENCODED_RUSTFLAGS="${given:+$given$part}--remap-path-prefix=$crates=crates"
export CARGO_ENCODED_RUSTFLAGS="$CARGO_ENCODED_RUSTFLAGS$part--remap-path-prefix=$PWD=wmlb"
quoted() {
    printf '%s' "$1" | sed 's|[^A-Za-z0-9_./-]|\\&|g'
}
# The parts that are written in C end the process when their stack or a buffer is overrun.
export CC_SHELL_ESCAPED_FLAGS=1
export CFLAGS="${CFLAGS-} -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
CFLAGS="$CFLAGS -ffile-prefix-map=$(quoted "$crates")=crates"
CFLAGS="$CFLAGS -ffile-prefix-map=$(quoted "$PWD")=wmlb"
