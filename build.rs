//! Makes the C header, and gives the shared library its name.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=build.rs");

    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let header = out.join("wmlb.h");

    let mut config = cbindgen::Config::from_file(folder.join("cbindgen.toml"))?;
    let by_hand = fs::read_to_string(folder.join("src/ffi/macros.h"))?;
    config.after_includes = Some(format!("{}\n{}", version_macros()?, by_hand.trim_end()));
    cbindgen::Builder::new()
        .with_crate(&folder)
        .with_config(config)
        .generate()?
        .write_to_file(&header);
    // For the test that compares it with include/wmlb.h.
    println!("cargo:rustc-env=WMLB_GENERATED_HEADER={}", header.display());

    if env::var("CARGO_CFG_TARGET_FAMILY")? == "unix" {
        link_arguments()?;
    }
    Ok(())
}

fn version_macros() -> Result<String, Box<dyn Error>> {
    let mut macros = String::from("/* Version of this header. */\n");
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let number = env::var(format!("CARGO_PKG_VERSION_{part}"))?;
        macros.push_str(&format!("#define WMLB_VERSION_{part} {number}\n"));
    }
    let version = env::var("CARGO_PKG_VERSION")?;
    macros.push_str(&format!("#define WMLB_VERSION \"{version}\"\n"));
    Ok(macros)
}

/// The name that programs ask the loader for changes with the major version only. Once
/// loaded the library stays, so that dlclose cannot take the code from under a thread.
fn link_arguments() -> Result<(), Box<dyn Error>> {
    let major = env::var("CARGO_PKG_VERSION_MAJOR")?;
    let system = env::var("CARGO_CFG_TARGET_OS")?;
    let arguments = match system.as_str() {
        "macos" | "ios" => vec![format!("-Wl,-install_name,@rpath/libwmlb.{major}.dylib")],
        // Android's loader wants the plain name.
        "android" => vec!["-Wl,-soname,libwmlb.so".into(), "-Wl,-z,nodelete".into()],
        _ => vec![
            format!("-Wl,-soname,libwmlb.so.{major}"),
            "-Wl,-z,nodelete".into(),
        ],
    };
    for argument in arguments {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
    Ok(())
}
