# Programs as they are written for the SDK, compiled without one edit, in every standard; what
# windows.h has; and callers by COM: C, and mono. Sourced by run.sh.

programs=$here/programs
folder=$work/programs-backup
export WMLB_STORE_PATH=$store
for compiler in g++ clang++; do
    for standard in c++98 c++11 c++17 c++20 c++2b; do
        for program in backup restore viewer; do
            step "compile $program, $compiler -std=$standard" "$compiler" "-std=$standard" -O1 -g \
                "${sdk[@]}" "$programs/$program.cpp" -o "$work/$program-$compiler-$standard" "${wmvcore[@]}"
            step "$program, $compiler -std=$standard" "$work/$program-$compiler-$standard" "$folder"
        done
    done
    # Other ways to compile them, which they need not run.
    for program in backup restore viewer; do
        step "compile $program, $compiler, more flags" "$compiler" -std=c++17 -fsyntax-only \
            -fno-exceptions -fno-rtti -fshort-wchar -D_WIN32_DCOM "${sdk[@]}" "$programs/$program.cpp"
    done
done
step "what backup said" grep -q '[1-9][0-9]* restricted, 0 references' <("$work/backup-g++-c++98" "$folder")
for compiler in gcc clang; do
    for standard in c99 c11 c17 c2x; do
        step "compile backup.c, $compiler -std=$standard" "$compiler" "-std=$standard" -O1 -g \
            "${warnings[@]}" "${sdk[@]}" "$programs/backup.c" -o "$work/backup-$compiler-$standard" \
            "${wmvcore[@]}"
        step "backup.c, $compiler -std=$standard" "$work/backup-$compiler-$standard" "$folder"
    done
done
# Arguments that are wide: main() is made by the headers.
euro=$'\xE2\x82\xAC'
for way in "g++ -std=c++98" "clang++ -std=c++2b"; do
    # shellcheck disable=SC2086
    step "compile wide, $way" $way -O1 -g -DWMLB_WMSDK_SAL "${sdk[@]}" "$programs/wide.cpp" \
        -o "$work/wide-${way%% *}" "${wmvcore[@]}"
    step "wide, $way" "$work/wide-${way%% *}" "$folder-$euro"
done
for way in "gcc -std=c99" "clang -std=c2x" "g++ -x c++ -std=c++98"; do
    # shellcheck disable=SC2086
    step "compile wmain, $way" $way -O1 -g "${warnings[@]}" "${sdk[@]}" "$programs/wmain.c" -x none \
        -o "$work/wmain-${way%% *}" "${wmvcore[@]}"
    step "wmain, $way" env "NAME=$euro" "$work/wmain-${way%% *}" "$euro-x" "$euro"
done
# C interfaces in C++, and UTF-16.
step "compile backup.c, UTF-16" gcc -std=c11 -fshort-wchar "${warnings[@]}" "${sdk[@]}" \
    "$programs/backup.c" -o "$work/backup-short" "${wmvcore[@]}"
step "backup.c, UTF-16" "$work/backup-short" "$folder"

kernel() {
    local name=$1
    shift
    step "compile kernel, $name" "$@" -g "${strict[@]}" "${sdk[@]}" "$here/kernel.cpp" \
        -o "$work/kernel-$name" "${wmvcore[@]}"
    step "kernel, $name" "$work/kernel-$name"
}
kernel gcc g++ -std=c++11 -O1
kernel clang clang++ -std=c++20 -O1
kernel utf16 g++ -std=c++17 -O1 -DWMLB_WMSDK_UTF16
kernel sanitizers g++ -std=c++17 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all

# Nothing but the names of the SDK's function and wmlb_ comes out of libwmvcore.
step "symbols of libwmvcore" bash -c "
    nm --dynamic --defined-only '$made/libwmvcore.so' | grep -q ' T WMCreateBackupRestorer$' &&
    ! nm --dynamic --defined-only '$made/libwmvcore.so' | grep -vE ' (WMCreateBackupRestorer|wmlb_[A-Za-z0-9_]+)$'"

# mono, by COM.
cp "$made/libwmvcore.so" "$work/libwmvcore.so.1"
printf '%s\n' '<configuration><dllmap dll="WMVCore.dll" target="libwmvcore.so.1"/></configuration>' \
    >"$work/interop.exe.config"
step "compile interop" mcs -langversion:7.2 -warn:4 -warnaserror -out:"$work/interop.exe" "$here/interop.cs"
step "interop" mono "$work/interop.exe" "$work/interop-backup" "$work/interop-store"
unset WMLB_STORE_PATH
