# Our headers beside those of others that have types of Windows, in both orders: wmlb_wmsdk.hpp,
# and the headers of include/wmsdk as C++ and as C. The programs run. Sourced by run.sh.

others=$(cd "$root" && realpath -m "${CARGO_TARGET_DIR:-target}/other-headers")
multiarch=$(gcc -print-multiarch)
export WMLB_STORE_PATH=$store

# folder PATH: the include folder of that name, of the system or unpacked.
folder() {
    local found
    for found in "/usr/$1" "$others/usr/$1" "$others/$1"; do
        if [ -e "$found" ]; then
            echo "$found"
            return
        fi
    done
    echo "/missing/$1"
}

# beside NAME HEADER WHAT-HOLDS FLAG...: all ways, when the header can be included at all.
beside() {
    local name=$1 header=$2 holds=$3 ours order which compiler
    shift 3
    [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
    if ! gcc -E -x c "$@" - <<<"#include $header" >/dev/null 2>&1; then
        echo "skip  beside $name: its headers are not there (fetch_headers.sh)"
        skipped=$((skipped + 1))
        return 0
    fi
    for order in THEIRS_FIRST OURS_FIRST; do
        for which in hpp c++ c; do
            case $which in
            hpp) ours='"wmlb_wmsdk.hpp"' way=(g++ -x c++ -std=c++17) libraries=("${shared[@]}") ;;
            c++) ours='<wmsdk.h>' way=(g++ -x c++ "-std=${cpp_of:-c++98}") libraries=("${object[@]}") ;;
            c) ours='<wmsdk.h>' way=(gcc -x c "-std=${c_of:-c99}") libraries=("${object[@]}") ;;
            esac
            flags=(-D"$order" "-DOURS=$ours" "-DTHEIRS=$header" "-DHOLDS=$holds" "${sdk[@]}" "$@")
            compiler=${way[0]/g++/clang++}
            step "compile $which beside $name, $order, clang" "${compiler/gcc/clang}" "${way[@]:1}" \
                -fsyntax-only -Wall "${flags[@]}" "$here/beside.c"
            rm -f "$work/beside"
            step "compile $which beside $name, $order" "${way[@]}" -Wall -Wextra -Werror "${flags[@]}" \
                "$here/beside.c" -x none -o "$work/beside" "${libraries[@]}"
            step "$which beside $name, $order" "$work/beside" "$work/beside-backup"
        done
    done
}
wanted=("$@")
object=("${wmvcore[@]}")

beside sqlite '<sqlite3.h>' 1
beside xlib '<X11/Xlib.h>' 'sizeof(Bool)==sizeof(int)'
beside xmd '<X11/Xmd.h>' 'sizeof(BOOL)==1'
beside xproto '<X11/Xproto.h>' 'sizeof(xGetWindowAttributesReply)==sz_xGetWindowAttributesReply'
beside gstreamer '<gst/gst.h>' 1 -isystem "$(folder include/gstreamer-1.0)" \
    -isystem "$(folder include/glib-2.0)" -isystem "$(folder "lib/$multiarch/glib-2.0/include")"
beside freeimage '<FreeImage.h>' 'sizeof(RGBQUAD)==4' -idirafter "$others/usr/include"
beside unixodbc '<sqlext.h>' 'sizeof(SQLWCHAR)==2' -idirafter "$others/usr/include" \
    -idirafter "$(folder "include/$multiarch/unixODBC")" -idirafter "$others/usr/include/$multiarch"
beside odbcinst '<odbcinst.h>' 'sizeof(SQLWCHAR)==2' -idirafter "$others/usr/include" \
    -idirafter "$(folder "include/$multiarch/unixODBC")" -idirafter "$others/usr/include/$multiarch"
beside iodbc '<sqlext.h>' 'sizeof(SQLSMALLINT)==2' -isystem "$(folder include/iodbc)"
beside jpeg '<jpeglib.h>' 'sizeof(JDIMENSION)==4' -include stdio.h -idirafter "$others/usr/include" \
    -idirafter "$others/usr/include/$multiarch"
beside jpegxr '<JXRGlue.h>' 'sizeof(GUID)==16' -isystem "$(folder include/jxrlib)" -D__ANSI__
beside pcsc '<winscard.h>' 'sizeof(DWORD)==sizeof(long)' -isystem "$(folder include/PCSC)"
beside winpr '<winpr/synch.h>' 'sizeof(WCHAR)==2' -isystem "$(folder include/winpr2)"
beside directx '<wsl/winadapter.h>' 'sizeof(WCHAR)==4' -isystem "$(folder include/wsl/stubs)" \
    -idirafter "$others/usr/include"
cpp_of=c++11
beside dxvk '<windows.h>' 'sizeof(WCHAR)==4' -isystem "$(folder dxvk)"
unset cpp_of

# Wine's: callers by the convention of Windows, served by a libwmvcore of their own.
wine=$(folder include/wine/wine/windows)
if [ -e "$wine/windef.h" ]; then
    step "build libwmvcore-winelib" "${make[@]}" wmvcore-winelib "WINE_INCLUDE=$wine"
    ln -sf libwmvcore-winelib.so "$made/libwmvcore-winelib.so.1"
fi
c_of=gnu99
object=(-L"$made" -lwmvcore-winelib "${shared[@]}")
beside wine-windef '<windef.h>' 'sizeof(WCHAR)==2' -isystem "$wine" -DINITGUID
beside wine-windows '<windows.h>' 'sizeof(WCHAR)==2' -isystem "$wine" -DINITGUID
beside wine-wmsdk '<wmsdk.h>' 'sizeof(WCHAR)==2' -isystem "$wine" -DINITGUID
unset c_of

# Constants that other objects of the program have too.
step "compile other constants" g++ -x c++ -std=c++17 "${sdk[@]}" -c - -o "$work/constants.o" <<'END'
#include <windows.h>
extern "C" const GUID IID_IUnknown_of_others __asm__("IID_IUnknown");
extern "C" const GUID IID_IUnknown_of_others = {};
END
step "link beside other constants" g++ -std=c++17 "${sdk[@]}" "$here/handle.cpp" "$work/constants.o" \
    -o "$work/constants" "${shared[@]}"
unset WMLB_STORE_PATH
