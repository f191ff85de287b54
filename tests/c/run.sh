#!/bin/bash
# Tests the library as it is shipped (target/dist) through its C header: compiles the C and
# C++ programs of this folder with gcc and clang, runs them, and again with sanitizers and
# under valgrind. One line for each step; a step that fails shows what it said.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")
# shellcheck source=steps.sh
source "$here/steps.sh"

# Without 64-bit offsets, 32-bit programs cannot list every folder.
c=(-std=c11 -O1 -g -D_FILE_OFFSET_BITS=64 "${warnings[@]}" -I"$root/include")
# What the Rust standard library needs of the system.
static=("$dist/libwmlb.a" -pthread -ldl -lm)

# The header alone, in two objects of one program, compiled as LANGUAGE.
header() {
    local compiler=$1 language=$2 standard=$3 more=()
    [ "$language" = c ] || more=(-Wold-style-cast)
    step "compile header, $compiler -std=$standard" \
        "$compiler" -x "$language" "-std=$standard" "${warnings[@]}" -Wconversion "${more[@]}" \
        -I"$root/include" "$here/header.c" "$here/header_second.c" -x none \
        -o "$work/header-$compiler-$standard" "${shared[@]}"
    step "header, $compiler -std=$standard" "$work/header-$compiler-$standard"
}

for compiler in gcc clang; do
    for standard in c99 c11 c17; do
        header "$compiler" c "$standard"
    done
done
for compiler in g++ clang++; do
    for standard in c++11 c++14 c++17 c++20; do
        header "$compiler" c++ "$standard"
    done
done

# A result that matters is not dropped without a warning, unless that is switched off.
dropped() {
    local compiler=$1 language=$2 standard=$3
    shift 3
    local compile=("$compiler" -x "$language" "-std=$standard" -Werror "$@" -I"$root/include" -c
        "$here/dropped.c" -o /dev/null)
    step "a dropped result, $compiler -std=$standard" \
        bash -c '"$@" 2>&1 | grep -q "error:.*-Werror.*unused-result"' check "${compile[@]}"
    step "not warned of, $compiler -std=$standard" "${compile[@]}" -DWMLB_NODISCARD=
}
for compiler in gcc clang; do
    dropped "$compiler" c c99
    dropped "$compiler" c c2x
done
for compiler in g++ clang++; do
    dropped "$compiler" c++ c++11
    dropped "$compiler" c++ c++17
    step "a dropped operation, $compiler" \
        bash -c '"$@" 2>&1 | grep -q "error:.*-Werror.*unused-"' check "$compiler" -std=c++17 -Werror \
        -Wall -I"$root/include" -c "$here/dropped.cpp" -o /dev/null
done

step "abi" python3 "$here/abi.py" "$dist/libwmlb.so" "$root/include/wmlb.h"

for compiler in gcc clang; do
    for program in contract rounds stress faults queue; do
        step "compile $program, $compiler" \
            "$compiler" "${c[@]}" "$here/$program.c" -o "$work/$program-$compiler" "${shared[@]}"
    done
    step "compile contract, $compiler, static" \
        "$compiler" "${c[@]}" "$here/contract.c" -o "$work/contract-$compiler-static" "${static[@]}"
    step "compile dlopen, $compiler" \
        "$compiler" "${c[@]}" "$here/dlopen.c" -o "$work/dlopen-$compiler" -pthread -ldl -rdynamic

    step "compile secrets, $compiler" \
        "$compiler" "${c[@]}" "$here/secrets.c" -o "$work/secrets-$compiler" "${shared[@]}" -Wl,-z,now

    for way in "" "-static"; do
        step "contract, $compiler$way" "$work/contract-$compiler$way" ^forking
        step "forking, $compiler$way" "$work/contract-$compiler$way" forking
    done
    step "rounds, $compiler" "$work/rounds-$compiler"
    step "stress, $compiler" "$work/stress-$compiler"
    step "queue, $compiler" "$work/queue-$compiler"
    step "threads, $compiler" "$work/faults-$compiler"
    step "secrets, $compiler" "$work/secrets-$compiler"
    step "dlopen, $compiler" "$work/dlopen-$compiler" "$dist/libwmlb.so.1"
done

for compiler in g++ clang++; do
    for standard in c++11 c++20; do
        step "compile raii, $compiler -std=$standard" \
            "$compiler" -std=$standard -O1 -g "${warnings[@]}" -I"$root/include" \
            "$here/raii.cpp" -o "$work/raii-$compiler-$standard" "${shared[@]}"
        step "raii, $compiler -std=$standard" "$work/raii-$compiler-$standard"
    done
done

# The headers for C++, with stricter warnings, in every standard and without exceptions.
cpp=$root/tests/cpp
strict=("${warnings[@]}" -Wconversion -Wshadow -Wold-style-cast -I"$root/include")
step "a store" python3 "$root/tests/make_store.py" --out "$work/store" --count 60
for compiler in g++ clang++; do
    for standard in c++17 c++20 c++2b; do
        for exceptions in -fexceptions -fno-exceptions; do
            step "wmlb.hpp, $compiler -std=$standard $exceptions" "$compiler" -fsyntax-only \
                "-std=$standard" "$exceptions" "${strict[@]}" "$cpp/behavior.cpp"
        done
    done
done
behavior() {
    local name=$1
    shift
    step "compile behavior, $name" "$@" -g "${strict[@]}" "$cpp/behavior.cpp" \
        -o "$work/behavior-$name" "${shared[@]}"
    step "behavior, $name" "$work/behavior-$name" "$work/store" "$work/cpp-$name"
}
behavior gcc g++ -std=c++17 -O1
behavior no-exceptions clang++ -std=c++17 -O1 -fno-exceptions
sed -n '/^```cpp$/,/^```$/p' "$root/docs/cpp.md" | sed '/^```/d' >"$work/page.cpp"
step "compile the C++ of docs/cpp.md" g++ -std=c++17 "${strict[@]}" "$work/page.cpp" \
    -o "$work/page" "${shared[@]}"
step "the C++ of docs/cpp.md" "$work/page" "$work/store" "$work/cpp-page"

# The sanitizers see the host's side: what it hands over, and what becomes of it. In a child
# that was forked amid an operation, the memory of the threads it does not have is lost by
# necessity, so those tests are run without looking for leaks.
sanitizers=("-fsanitize=address,undefined" -fno-sanitize-recover=all)
for program in contract rounds stress queue; do
    step "compile $program, gcc, sanitizers" \
        gcc "${c[@]}" "${sanitizers[@]}" "$here/$program.c" -o "$work/$program-asan" "${shared[@]}"
done
step "contract, sanitizers" "$work/contract-asan" ^forking
step "forking, sanitizers" env ASAN_OPTIONS=detect_leaks=0 "$work/contract-asan" forking
step "rounds, sanitizers" "$work/rounds-asan"
step "stress, sanitizers" "$work/stress-asan"
step "queue, sanitizers" "$work/queue-asan"

# Threads take turns under valgrind: without fair ones some would hardly ever run.
memcheck=(valgrind -q --fair-sched=yes --error-exitcode=9)
leaks=(--leak-check=full "--errors-for-leak-kinds=definite,indirect")
step "contract, valgrind" "${memcheck[@]}" "${leaks[@]}" "$work/contract-gcc" ^forking
step "forking, valgrind" "${memcheck[@]}" "$work/contract-gcc" forking
step "rounds, valgrind" "${memcheck[@]}" "${leaks[@]}" "$work/rounds-gcc"
step "stress, valgrind" "${memcheck[@]}" "${leaks[@]}" "$work/stress-gcc" 300

step "behavior, valgrind" "${memcheck[@]}" "${leaks[@]}" "$work/behavior-gcc" \
    "$work/store" "$work/cpp-valgrind"

printf 'C tests: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
