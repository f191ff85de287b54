# packaging/release.sh fills in the version and the checksum. cargo has to be there, as a compiler
# has to be; the crates are in the source.
vcpkg_download_distfile(archive
    URLS "https://wmlb.example.org/releases/libwmlb-@VERSION@.tar.xz"
    FILENAME "libwmlb-@VERSION@.tar.xz"
    SHA512 @SHA512@)
vcpkg_extract_source_archive(source ARCHIVE "${archive}")
find_program(make NAMES gmake make REQUIRED)

vcpkg_execute_required_process(
    COMMAND "${CMAKE_COMMAND}" -E env CARGO_NET_OFFLINE=true "${make}" install
        "PREFIX=${CURRENT_PACKAGES_DIR}" RPATH=
    WORKING_DIRECTORY "${source}"
    LOGNAME "install-${TARGET_TRIPLET}")
# One build serves both.
file(INSTALL "${CURRENT_PACKAGES_DIR}/lib/" DESTINATION "${CURRENT_PACKAGES_DIR}/debug/lib"
    USE_SOURCE_PERMISSIONS)
vcpkg_cmake_config_fixup(PACKAGE_NAME wmlb CONFIG_PATH lib/cmake/wmlb)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/bin" "${CURRENT_PACKAGES_DIR}/lib/systemd"
    "${CURRENT_PACKAGES_DIR}/debug/lib/systemd")
vcpkg_install_copyright(FILE_LIST "${source}/LICENSE-MIT" "${source}/LICENSE-APACHE"
    "${source}/THIRD-PARTY.txt")
