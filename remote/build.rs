//! How the library is linked: it calls libwmlb, which is beside it.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=WMLB_LIB_DIR");
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = env::var_os("WMLB_LIB_DIR").map_or(here.join("../target/dist"), PathBuf::from);
    println!("cargo:rustc-link-search=native={}", folder.display());
    println!("cargo:rustc-link-lib=dylib=wmlb");
    let major = env::var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
    let system = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if system == "macos" {
        let name = format!("@rpath/libwmlb-remote.{major}.dylib");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,{name}");
    } else {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libwmlb-remote.so.{major}");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
