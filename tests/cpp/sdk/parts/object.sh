# The object of wmlb_wmsdk.hpp, with WCHAR of 32 bits and of 16, exceptions or none, and under
# the sanitizers and valgrind. Sourced by run.sh.

# object NAME WRAPPER -- COMPILER...: the four programs.
object() {
    local name=$1 wrapper=() program
    shift
    while [ "$1" != -- ]; do
        wrapper+=("$1")
        shift
    done
    shift
    for program in object values ends handle; do
        step "compile $program, $name" "$@" -g "${strict[@]}" -I"$include" "$here/$program.cpp" \
            -o "$work/$program-$name" "${shared[@]}"
    done
    step "object, $name" "${wrapper[@]}" "$work/object-$name" "$store" "$work/backup-$name" "$work/new-$name"
    step "values, $name" "${wrapper[@]}" "$work/values-$name"
    step "ends, $name" "${wrapper[@]}" "$work/ends-$name" "$store" "$work/ends-backup-$name"
    step "handle, $name" "${wrapper[@]}" "$work/handle-$name" "$store" "$work/handle-backup-$name"
}
object gcc -- g++ -std=c++17 -O1
object no-exceptions -- clang++ -std=c++20 -O1 -fno-exceptions -fno-rtti
object short-wchar -- g++ -std=c++11 -O1 -fshort-wchar
object utf16 -- clang++ -std=c++2b -O1 -DWMLB_WMSDK_UTF16
for compiler in g++ clang++; do
    for standard in c++11 c++14 c++17 c++20 c++2b; do
        for more in -fexceptions "-fno-exceptions -fno-rtti" -fshort-wchar -DWMLB_WMSDK_UTF16; do
            # shellcheck disable=SC2086
            step "wmlb_wmsdk.hpp, $compiler -std=$standard $more" "$compiler" -fsyntax-only \
                "-std=$standard" $more "${strict[@]}" -I"$include" "$here/object.cpp"
        done
    done
done

object sanitizers -- g++ -std=c++17 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
# The library's own threads are not seen by it. It makes hundreds of operations slow.
printf 'race:libwmlb.so\n' >"$work/suppressions"
limit=600 object threads env "TSAN_OPTIONS=exitcode=66:suppressions=$work/suppressions" -- \
    g++ -std=c++17 -O1 -fsanitize=thread
valgrind=(valgrind -q --fair-sched=yes --error-exitcode=9 --leak-check=full
    --errors-for-leak-kinds=definite,indirect)
step "object, valgrind" "${valgrind[@]}" "$work/object-gcc" "$store" "$work/backup-valgrind" \
    "$work/new-valgrind"
step "handle, valgrind" "${valgrind[@]}" "$work/handle-gcc" "$store" "$work/handle-backup-valgrind"

# Memory that runs out, one allocation at a time.
step "compile no_memory" g++ -std=c++17 -O1 -g "${strict[@]}" -I"$include" "$here/no_memory.cpp" \
    -Wl,--wrap=calloc,--wrap=_ZnwmRKSt9nothrow_t -o "$work/no_memory" "${shared[@]}"
step "no_memory" "$work/no_memory" "$store" "$work/no-memory-backup"

# Every code of nserror.h has its name and words in the library.
sed -nE 's/^#define (NS_[A-Z0-9_]+) .*/NAME(\1)/p' "$include/wmsdk/nserror.h" >"$work/names.h"
for compiler in gcc clang; do
    step "compile codes, $compiler" "$compiler" -std=c99 "${warnings[@]}" "${sdk[@]}" -I"$work" \
        "$here/codes.c" -o "$work/codes-$compiler" "${shared[@]}"
    step "codes, $compiler" "$work/codes-$compiler"
done
