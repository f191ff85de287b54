//! What the library is built from: crates of crates.io, pinned by their checksum, under licenses
//! that go with ours, for the Rust that we promise, and none that is known to be unfit for what
//! it would do here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What may be linked into the library.
const LICENSES: &[&str] = &[
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "MIT",
    "Unicode-3.0",
];
/// Crates of other licenses, of which nothing is in the library: cbindgen makes the header.
const BUILDS_ONLY: &[(&str, &str)] = &[("cbindgen", "MPL-2.0")];

/// Crates of other licenses that the library beside this one is built with, for https.
const BESIDE: &[(&str, &str)] = &[
    ("ring", "Apache-2.0 AND ISC"),
    ("rustls-webpki", "ISC"),
    ("untrusted", "ISC"),
];
/// What talks over a network, none of which the library itself is built from.
const NETWORK: &[&str] = &["ring", "rustls", "rusty-s3", "untrusted", "ureq", "url"];

/// Crate, the first version that may be used (none: not at all), why.
const UNFIT: &[(&str, Option<[u64; 3]>, &str)] = &[
    (
        "tokio-tar",
        None,
        "unmaintained; reads crafted archives wrongly",
    ),
    (
        "astral-tokio-tar",
        None,
        "has read crafted archives wrongly",
    ),
    (
        "tar",
        Some([0, 4, 46]),
        "earlier ones extract crafted archives wrongly",
    ),
    (
        "ruzstd",
        Some([0, 7, 3]),
        "earlier ones give uninitialized memory",
    ),
    ("generational-arena", None, "unmaintained"),
    (
        "quick-xml",
        Some([0, 41, 0]),
        "earlier ones take quadratic time over attributes (RUSTSEC-2026-0194)",
    ),
    (
        "age",
        Some([0, 11, 5]),
        "earlier ones can be made to run other programs, or to panic",
    ),
    (
        "which",
        None,
        "age's plugins, which are other programs, are left out",
    ),
    ("rsa", None, "age's SSH keys are left out"),
    ("openssl", None, "what cryptography there is, is Rust's own"),
    ("openssl-sys", None, "as openssl"),
    ("native-tls", None, "brings openssl"),
    (
        "tokio",
        None,
        "the host has its own threads; an operation needs no runtime",
    ),
    ("async-std", None, "as tokio"),
];

#[derive(Debug, Default)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    dependencies: Vec<String>,
}

fn read(file: &str) -> String {
    fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).expect(file)
}

fn packages() -> Vec<Package> {
    let lock = read("Cargo.lock");
    let text = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
    let mut packages = Vec::new();
    for section in lock.split("[[package]]").skip(1) {
        let mut package = Package::default();
        for line in section.lines() {
            match line.split(" = ").next().unwrap_or_default() {
                "name" => package.name = text(line),
                "version" => package.version = text(line),
                "source" => package.source = Some(text(line)),
                "checksum" => package.checksum = Some(text(line)),
                item if item.starts_with(" \"") => package.dependencies.push(text(line)),
                _ => {}
            }
        }
        packages.push(package);
    }
    packages
}

fn number(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[test]
fn every_crate_comes_from_crates_io() {
    let packages = packages();
    assert!(packages.len() > 20, "{packages:?}");
    let ours = ["wmlb", "wmlb-remote"];
    let is_other = |package: &&Package| !ours.contains(&package.name.as_str());
    for package in packages.iter().filter(is_other) {
        assert_eq!(package.source.as_deref(), Some(REGISTRY), "{package:?}");
        let checksum = package.checksum.as_deref().unwrap_or_default();
        assert_eq!(checksum.len(), 64, "{package:?}");
    }
}

#[test]
fn no_crate_is_unfit() {
    for package in packages() {
        for (name, first_fit, why) in UNFIT {
            let fit = first_fit.is_some_and(|first| number(&package.version) >= first);
            let unfit = package.name == *name && !fit;
            assert!(!unfit, "{} {}: {why}", package.name, package.version);
        }
    }
}

#[test]
fn no_dependency_takes_any_version() {
    for manifest in ["Cargo.toml", "remote/Cargo.toml"] {
        assert!(!read(manifest).contains("\"*\""), "{manifest}");
    }
}

/// What cargo says of all the packages that the library may be built from, on any system.
fn metadata() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--locked",
            "--all-features",
            "--format-version=1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = said["packages"].as_array().expect("packages").clone();
    assert!(packages.len() > 20, "{packages:?}");
    packages
}

/// Whether a license expression leaves a choice that is allowed. Where AND and OR are nested it
/// asks for more than it has to.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    expression.replace('/', " OR ").split(" AND ").all(|part| {
        part.trim_matches(['(', ')'])
            .split(" OR ")
            .any(|license| allowed.contains(&license.trim()))
    })
}

#[test]
fn every_license_goes_with_ours() {
    for package in metadata() {
        let name = package["name"].as_str().unwrap_or_default();
        let license = package["license"].as_str().unwrap_or_default();
        let fits = is_allowed(license, LICENSES)
            || BUILDS_ONLY.contains(&(name, license))
            || BESIDE.contains(&(name, license));
        assert!(fits, "{name} is under {license:?}");
    }
}

#[test]
fn licenses_are_told_apart() {
    for expression in [
        "MIT",
        "GPL-2.0-only OR MIT",
        "Unlicense/MIT",
        "(MIT OR Zlib) AND Unicode-3.0",
    ] {
        assert!(is_allowed(expression, LICENSES), "{expression}");
    }
    for expression in ["", "MPL-2.0", "MIT AND GPL-3.0-only", "Apache-2.0 WITH X"] {
        assert!(!is_allowed(expression, LICENSES), "{expression}");
    }
}

#[test]
fn every_crate_builds_with_the_oldest_rust_that_is_promised() {
    let promised = number(env!("CARGO_PKG_RUST_VERSION"));
    for package in metadata() {
        let needed = package["rust_version"].as_str().map(number);
        assert!(needed <= Some(promised), "{} {needed:?}", package["name"]);
    }
}

/// Name and version of the crates that stand behind `[dependencies]`, on any system, with what
/// builds them; without what only encryption brings, if that is to be left out.
fn crates_behind_the_library(with_encryption: bool) -> BTreeSet<(String, String)> {
    let packages = packages();
    let by_name: BTreeMap<&str, Vec<&Package>> =
        packages.iter().fold(BTreeMap::new(), |mut map, package| {
            map.entry(package.name.as_str()).or_default().push(package);
            map
        });
    let manifest = read("Cargo.toml");
    let section = manifest
        .split("[dependencies]\n")
        .nth(1)
        .expect("dependencies");
    let mut waiting: Vec<String> = section
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter(|line| with_encryption || !line.contains("optional = true"))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert!(!waiting.is_empty());
    let mut found = BTreeSet::new();
    while let Some(dependency) = waiting.pop() {
        // "name", or "name version" where there are several.
        let mut words = dependency.split(' ');
        let name = words.next().unwrap_or_default();
        let version = words.next();
        for package in by_name.get(name).expect("a locked package") {
            let meant = version.is_none_or(|version| version == package.version);
            if meant && found.insert((package.name.clone(), package.version.clone())) {
                waiting.extend(package.dependencies.iter().cloned());
            }
        }
    }
    found
}

#[test]
fn nothing_of_a_network_is_behind_the_library() {
    let behind = crates_behind_the_library(true);
    let all: Vec<_> = packages().into_iter().map(|package| package.name).collect();
    for name in NETWORK {
        assert!(all.iter().any(|other| other == name), "{name} is not there");
        assert!(!behind.iter().any(|(other, _)| other == name), "{name}");
    }
}

#[test]
fn the_crates_behind_the_library_are_few() {
    let lean = crates_behind_the_library(false).len();
    let all = crates_behind_the_library(true).len();
    println!("{all} crates stand behind the library, {lean} without encryption");
    assert!(lean < 120, "{lean}");
    // age is known to bring some 130 along.
    assert!(all < lean + 130, "{all}");
    assert!(lean < all);
}

/// Encryption is age and its armor, and no more: no plugins, which are other programs; no SSH keys.
#[test]
fn age_has_armor_alone() {
    let manifest = read("Cargo.toml");
    let age = manifest.lines().find(|line| line.starts_with("age = "));
    let age = age.expect("age among the dependencies");
    let wanted = r#"default-features = false, features = ["armor"], optional = true"#;
    assert!(age.contains(wanted), "{age}");
}
