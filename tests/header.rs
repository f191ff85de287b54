//! The checked-in C header is the one that the sources make, and says what the library is.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const UPDATE: &str = "WMLB_UPDATE_HEADER=1 cargo test --test header";

fn header_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include/wmlb.h")
}

fn header() -> String {
    fs::read_to_string(header_path()).expect("include/wmlb.h")
}

fn without_comments(source: &str) -> String {
    let mut rest = source;
    let mut code = String::new();
    while let Some((before, after)) = rest.split_once("/*") {
        code.push_str(before);
        rest = after.split_once("*/").expect("an end of the comment").1;
    }
    code + rest
}

/// The names of the functions that the header declares.
fn declared() -> BTreeSet<String> {
    let code = without_comments(&header());
    let statements = code.split(';').filter(|text| !text.contains("typedef"));
    statements
        .filter_map(|text| {
            let (before, _) = text.split_once('(')?;
            let name = before
                .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                .next()?;
            name.starts_with("wmlb_").then(|| name.to_owned())
        })
        .collect()
}

fn defined(name: &str) -> String {
    let start = format!("#define {name} ");
    let header = header();
    let value = header.lines().find_map(|line| line.strip_prefix(&start));
    value.unwrap_or_else(|| panic!("no {name}")).to_owned()
}

#[test]
fn the_header_is_the_generated_one() {
    let generated = Path::new(env!("WMLB_GENERATED_HEADER"));
    if env::var_os("WMLB_UPDATE_HEADER").is_some() {
        // In one step: the other tests read it meanwhile.
        let new = header_path().with_extension("h.new");
        fs::copy(generated, &new).expect("write beside include/wmlb.h");
        fs::rename(&new, header_path()).expect("write include/wmlb.h");
    }
    let generated = fs::read_to_string(generated).expect("the generated header");
    let header = header();
    if let Some((number, (old, new))) = (1..)
        .zip(header.lines().zip(generated.lines()))
        .find(|(_, (old, new))| old != new)
    {
        panic!(
            "include/wmlb.h differs from the sources at line {number}:\n-{old}\n+{new}\n\
             Update it with: {UPDATE}"
        );
    }
    assert!(
        header == generated,
        "include/wmlb.h is shorter or longer than the sources make it. Update it with: {UPDATE}"
    );
}

#[test]
fn the_versions_agree() {
    let version = env!("CARGO_PKG_VERSION");
    let parts = ["MAJOR", "MINOR", "PATCH"].map(|part| defined(&format!("WMLB_VERSION_{part}")));
    assert_eq!(parts.join("."), version);
    assert_eq!(defined("WMLB_VERSION"), format!("{version:?}"));
    // SAFETY: a static string.
    let library = unsafe { CStr::from_ptr(wmlb::ffi::wmlb_version()) };
    assert_eq!(library.to_str(), Ok(version));
    let abi = wmlb::ffi::wmlb_abi_version();
    assert_eq!(defined("WMLB_ABI_VERSION"), abi.to_string());
    assert_eq!(abi, wmlb::ffi::WMLB_ABI_VERSION);
}

/// A host's own names must never meet one of ours.
#[test]
fn every_macro_has_the_prefix() {
    let header = header();
    let names = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define "))
        .filter_map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
        });
    let others: Vec<_> = names.filter(|name| !name.starts_with("WMLB_")).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// Whoever calls from Rust finds what C has, and nothing of the inside.
#[test]
fn the_boundary_exports_what_is_for_c_only() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ffi");
    let rooms = fs::read_to_string(folder.join("mod.rs")).expect("src/ffi/mod.rs");
    let all_of = |line: &str| {
        Some(
            line.strip_prefix("pub use ")?
                .strip_suffix("::*;")?
                .to_owned(),
        )
    };
    let ours: Vec<_> = rooms.lines().filter_map(all_of).collect();
    assert!(ours.len() > 10, "{ours:?}");
    for room in ours {
        let path = match room.strip_prefix("crate::") {
            Some(other) => folder.join("..").join(other.replace("::", "/") + ".rs"),
            None => folder.join(room + ".rs"),
        };
        let source = fs::read_to_string(&path).expect("the source of a room");
        for line in source.lines().filter(|line| line.starts_with("pub ")) {
            let names = ["wmlb_", "WMLB_"];
            let is_for_c = line
                .split(' ')
                .any(|word| names.iter().any(|name| word.starts_with(name)));
            assert!(is_for_c, "{}: {line}", path.display());
        }
    }
}

/// The shared library that cargo built along with this test.
fn shared_library() -> PathBuf {
    let test = env::current_exe().expect("the test's path");
    test.with_file_name(format!(
        "{}wmlb{}",
        env::consts::DLL_PREFIX,
        env::consts::DLL_SUFFIX
    ))
}

#[test]
fn what_is_declared_is_what_is_exported() {
    let library = shared_library();
    let output = Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(&library)
        .output()
        .expect("nm, of binutils");
    assert!(output.status.success(), "nm {}", library.display());
    let symbols = String::from_utf8(output.stdout).expect("names of symbols");
    let exported: BTreeSet<String> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().next_back())
        .map(str::to_owned)
        .collect();
    assert!(declared().len() > 30, "{:?}", declared());
    assert_eq!(declared(), exported);
}
