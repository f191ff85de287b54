//! Makes the C header, and gives the shared library its name.
//!
//! The header is `src/ffi/wmlb.h.in` with its groups filled in: constants from the tables that the
//! library is compiled from, types and functions from `src/ffi` as cbindgen writes them.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Constants of one kind, as the header has them.
struct Table {
    name: &'static str,
    constants: Vec<Constant>,
}

struct Constant {
    name: String,
    value: String,
    /// The lines of its comment.
    comment: Vec<String>,
}

fn lines(comment: &[&str]) -> Vec<String> {
    comment.iter().map(|line| line.trim().to_owned()).collect()
}

macro_rules! constants {
    ($($table:ident: $type:ident {
        $($(#[doc = $doc:literal])* $name:ident = $value:literal;)*
    })*) => {
        pub fn tables() -> Vec<crate::Table> {
            vec![$(crate::Table {
                name: stringify!($table),
                constants: vec![$(crate::Constant {
                    name: stringify!($name).to_owned(),
                    value: crate::number(stringify!($type), stringify!($value)),
                    comment: crate::lines(&[$($doc),*]),
                }),*],
            }),*]
        }
    };
}

/// A number as C has it, bare: the preprocessor can use it too.
fn number(kind: &str, value: &str) -> String {
    let is_flag = kind == "u32" && value.starts_with("0x");
    let suffix = if is_flag { "u" } else { "" };
    format!("{value}{suffix}")
}

macro_rules! result_codes {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident = $value:literal, $sdk:literal, $message:literal;
    )*) => {
        pub fn tables() -> Vec<crate::Table> {
            let constants = vec![$(crate::Constant {
                name: stringify!($name).to_owned(),
                value: concat!("WMLB_HRESULT(", stringify!($value), ")").to_owned(),
                comment: crate::result_code_comment($message, &[$($doc),*]),
            }),*];
            vec![crate::Table { name: "result_codes", constants }]
        }
    };
}

/// The message and what is said besides, as one text.
fn result_code_comment(message: &std::ffi::CStr, more: &[&str]) -> Vec<String> {
    const LONGEST: usize = 95;
    let message = message.to_string_lossy();
    let words = message
        .split(' ')
        .chain(more.iter().flat_map(|line| line.split_whitespace()));
    let mut comment = vec![String::new()];
    for word in words {
        let line = comment.last_mut().expect("there is a line");
        if line.is_empty() {
            *line += word;
        } else if line.len() + 1 + word.len() <= LONGEST {
            *line += &format!(" {word}");
        } else {
            comment.push(word.to_owned());
        }
    }
    comment
}

macro_rules! properties {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:expr;)*) => {
        pub fn tables() -> Vec<crate::Table> {
            let constants = vec![$(crate::property(stringify!($name), &[$($doc),*], $kind)),*];
            vec![crate::Table { name: "properties", constants }]
        }
    };
}

/// The constant of a property: its name is the property's, as `WMLB_PROP_BACKUP_PATH`.
fn property(name: &str, comment: &[&str], kind: properties::Kind) -> Constant {
    use properties::Kind;
    let mut constant = "WMLB_PROP".to_owned();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            constant.push('_');
        }
        constant.push(letter.to_ascii_uppercase());
    }
    let holds = match kind {
        Kind::Path | Kind::Text | Kind::Rule | Kind::Recipients => "Type: string.".to_owned(),
        Kind::Secret => "Type: string, write-only.".to_owned(),
        Kind::Number { min, max, default } => {
            format!("Type: DWORD, {min} to {max}. Default: {default}.")
        }
        Kind::Choice(words) => {
            let quoted: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
            format!(
                "Type: string, {}. Default: {}.",
                quoted.join(" or "),
                quoted[0]
            )
        }
    };
    let mut comment = lines(comment);
    comment.extend([String::new(), holds]);
    Constant {
        name: constant,
        value: format!("{name:?}"),
        comment,
    }
}

#[path = "src/flags.rs"]
mod flags;
#[path = "src/props/table.rs"]
mod properties;
#[path = "src/hresult/codes.rs"]
mod result_codes;
#[path = "src/status/values.rs"]
mod values;

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=build.rs");

    let header = PathBuf::from(env::var("OUT_DIR")?).join("wmlb.h");
    fs::write(
        &header,
        make_header(Path::new(&env::var("CARGO_MANIFEST_DIR")?))?,
    )?;
    // For the test that compares it with include/wmlb.h.
    println!("cargo:rustc-env=WMLB_GENERATED_HEADER={}", header.display());

    system_cfgs()?;
    if env::var("CARGO_CFG_TARGET_FAMILY")? == "unix" {
        link_arguments()?;
    }
    Ok(())
}

/// Which system calls there are besides those of every Unix. With `--cfg wmlb_portable` none: what
/// the library does on other systems can then be tested on Linux.
fn system_cfgs() -> Result<()> {
    println!("cargo:rustc-check-cfg=cfg(linux_calls, linux_kernel)");
    if env::var_os("CARGO_CFG_WMLB_PORTABLE").is_some() {
        return Ok(());
    }
    let system = env::var("CARGO_CFG_TARGET_OS")?;
    if system == "linux" {
        println!("cargo:rustc-cfg=linux_calls");
    }
    if system == "linux" || system == "android" {
        println!("cargo:rustc-cfg=linux_kernel");
    }
    Ok(())
}

/// Fills in the template. Everything must have a place in it.
fn make_header(folder: &Path) -> Result<String> {
    let template = fs::read_to_string(folder.join("src/ffi/wmlb.h.in"))?;
    let mut tables = result_codes::tables();
    tables.extend(properties::tables());
    tables.extend(values::tables());
    tables.extend(flags::tables());
    let mut items = items(folder)?;

    let mut header = String::new();
    for line in template.lines() {
        let command = line
            .strip_prefix('@')
            .and_then(|line| line.strip_suffix('@'));
        header += &match command
            .map(|command| command.split(' ').collect::<Vec<_>>())
            .as_deref()
        {
            None => line.to_owned(),
            Some(["version"]) => version_macros()?,
            Some(["constants", name]) => {
                let found = tables.iter().position(|table| table.name == *name);
                let table = tables.remove(found.ok_or_else(|| format!("no table {name}"))?);
                let constants: Vec<_> = table.constants.iter().map(write).collect();
                constants.join("\n\n")
            }
            Some(["declarations", file]) => {
                let source = fs::read_to_string(folder.join("src").join(file))?;
                let here = |item: &mut String| declares(&source, name_of(item));
                let here: Vec<_> = items.extract_if(.., here).collect();
                here.join("\n\n")
            }
            Some(_) => return Err(format!("{line} in the template is not known").into()),
        };
        header.push('\n');
    }
    let left = tables.iter().map(|table| table.name);
    let left: Vec<_> = left.chain(items.iter().map(|item| name_of(item))).collect();
    if left.is_empty() {
        Ok(header)
    } else {
        Err(format!("src/ffi/wmlb.h.in has no place for {}", left.join(", ")).into())
    }
}

fn write(constant: &Constant) -> String {
    let comment = match constant.comment.as_slice() {
        [line] => format!("/** {line} */\n"),
        lines => {
            let lines = lines
                .iter()
                .map(|line| format!(" * {line}").trim_end().to_owned() + "\n");
            format!("/**\n{} */\n", lines.collect::<String>())
        }
    };
    format!("{comment}#define {} {}", constant.name, constant.value)
}

/// What cbindgen makes of the sources: each type and function with its comment.
fn items(folder: &Path) -> Result<Vec<String>> {
    let mut written = Vec::new();
    cbindgen::Builder::new()
        .with_crate(folder)
        .with_config(cbindgen::Config::from_file(folder.join("cbindgen.toml"))?)
        .generate()?
        .write(&mut written);
    let text = String::from_utf8(written)?;
    Ok(text.trim().split("\n\n").map(str::to_owned).collect())
}

/// The name that an item declares: of a struct, `} name;`; of a callback, `(*name)(`; of a
/// function, `name(`.
fn name_of(item: &str) -> &str {
    let declaration = item.rsplit("*/\n").next().unwrap_or(item);
    let until_name = if let Some((_, name)) = declaration.rsplit_once('}') {
        name
    } else if let Some((_, callback)) = declaration.split_once("(*") {
        callback.split(')').next().unwrap_or(callback)
    } else {
        declaration.split('(').next().unwrap_or(declaration)
    };
    let name = until_name
        .trim_end_matches(';')
        .split([' ', '*'])
        .next_back();
    name.unwrap_or(until_name)
}

/// Whether a source file declares the item of this name.
fn declares(source: &str, name: &str) -> bool {
    let begins = [
        format!("fn {name}("),
        format!("struct {name} {{"),
        format!("type {name} ="),
    ];
    begins.iter().any(|begin| source.contains(begin))
}

fn version_macros() -> Result<String> {
    let mut macros = String::new();
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let number = env::var(format!("CARGO_PKG_VERSION_{part}"))?;
        macros += &format!("#define WMLB_VERSION_{part} {number}\n");
    }
    let version = env::var("CARGO_PKG_VERSION")?;
    Ok(macros + &format!("#define WMLB_VERSION \"{version}\""))
}

/// The name that programs ask the loader for changes with the major version only. Once
/// loaded the library stays, so that dlclose cannot take the code from under a thread.
fn link_arguments() -> Result<()> {
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
