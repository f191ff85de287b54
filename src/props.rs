//! The property bag (the SDK's `IWMBackupRestoreProps`): which properties there are, the values
//! that they take, and their defaults.

use std::path::PathBuf;

use crate::error::{At, Error, Result};
use crate::keep::Rule;
use crate::secret::Secret;
use crate::status::{WMLB_TYPE_DWORD, WMLB_TYPE_STRING};
use crate::sys::xdg;

/// Turns the table into an enum of the properties, and the rows by which they are looked up.
macro_rules! properties {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Property {
            $($(#[doc = $doc])* $name),*
        }

        pub(super) const PROPERTIES: &[super::Specification] = &[$(super::Specification {
            property: Property::$name,
            name: stringify!($name),
            kind: $kind,
        }),*];
    };
}

mod table;

pub use table::Property;

use table::{Kind, PROPERTIES};

impl Property {
    pub fn name(self) -> &'static str {
        PROPERTIES[self as usize].name
    }
}

struct Specification {
    property: Property,
    name: &'static str,
    kind: Kind,
}

/// The most threads that `Threads` = 0 stands for.
const MAX_AUTOMATIC_THREADS: usize = 8;

/// What a property is set to.
#[derive(Clone, Debug)]
pub enum Setting {
    Text(String),
    Number(u32),
    Secret(Secret),
}

impl Setting {
    /// The bytes that a getter gives: a string has its NUL.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Setting::Text(text) => [text.as_bytes(), &[0]].concat(),
            Setting::Number(number) => number.to_ne_bytes().to_vec(),
            Setting::Secret(text) => [text.expose().as_bytes(), &[0]].concat(),
        }
    }
}

impl Specification {
    fn value_type(&self) -> i32 {
        match self.kind {
            Kind::Number { .. } => WMLB_TYPE_DWORD,
            Kind::Path
            | Kind::Text
            | Kind::Rule
            | Kind::Recipients
            | Kind::Secret
            | Kind::Choice(_) => WMLB_TYPE_STRING,
        }
    }

    fn refuse(&self, problem: impl Into<String>) -> Error {
        Error::PropertyValue {
            name: self.name,
            problem: problem.into(),
        }
    }

    fn parse(&self, value_type: i32, value: &[u8]) -> Result<Setting> {
        if value_type != self.value_type() {
            return Err(self.refuse(format!(
                "its type is {}, not {value_type}",
                self.value_type()
            )));
        }
        match self.kind {
            Kind::Number { min, max, .. } => {
                let bytes = value.try_into().map_err(|_| {
                    self.refuse(format!("a DWORD has 4 bytes, not {}", value.len()))
                })?;
                let number = u32::from_ne_bytes(bytes);
                if !(min..=max).contains(&number) {
                    return Err(self.refuse(format!("{number} is not in {min} to {max}")));
                }
                Ok(Setting::Number(number))
            }
            Kind::Path => {
                let text = self.text(value)?;
                if text.is_empty() {
                    return Err(self.refuse("a path cannot be empty"));
                }
                Ok(Setting::Text(text.to_owned()))
            }
            Kind::Text => Ok(Setting::Text(self.text(value)?.to_owned())),
            Kind::Rule => {
                let text = self.text(value)?;
                Rule::parse(text).map_err(|problem| self.refuse(problem))?;
                Ok(Setting::Text(text.to_owned()))
            }
            Kind::Choice(words) => {
                let text = self.text(value)?;
                if !words.contains(&text) {
                    return Err(self.refuse(format!("it must be one of {}", words.join(", "))));
                }
                Ok(Setting::Text(text.to_owned()))
            }
            Kind::Recipients | Kind::Secret => Ok(Setting::Secret(Secret::new(self.text(value)?)?)),
        }
    }

    /// A string value: UTF-8, with at most one NUL, at its end.
    fn text<'a>(&self, value: &'a [u8]) -> Result<&'a str> {
        let text = value.strip_suffix(&[0]).unwrap_or(value);
        if text.contains(&0) {
            return Err(self.refuse("there is a NUL inside the string"));
        }
        std::str::from_utf8(text).map_err(|_| self.refuse("the string is not UTF-8"))
    }

    fn default(&self) -> Option<Setting> {
        match self.kind {
            Kind::Path if self.property == Property::StorePath => {
                // A path that is not UTF-8 cannot be given to the caller, but is used.
                let path = default_store_path()?.into_os_string().into_string();
                path.ok().map(Setting::Text)
            }
            Kind::Path | Kind::Recipients | Kind::Secret => None,
            Kind::Text | Kind::Rule => Some(Setting::Text(String::new())),
            Kind::Number { default, .. } => Some(Setting::Number(default)),
            Kind::Choice(words) => Some(Setting::Text(words[0].to_owned())),
        }
    }
}

/// `$WMLB_STORE_PATH`, which is as good as a StorePath that is set.
fn chosen_store_path() -> Option<PathBuf> {
    xdg::variable("WMLB_STORE_PATH")
}

/// The store when StorePath is not set.
fn default_store_path() -> Option<PathBuf> {
    chosen_store_path().or_else(|| Some(xdg::data_folder()?.join("licenses")))
}

/// A property as a getter finds it.
pub struct Found {
    pub name: &'static str,
    pub value_type: i32,
    /// None: not set, and there is no default.
    pub setting: Option<Setting>,
}

/// The properties of one restorer.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    settings: [Option<Setting>; PROPERTIES.len()],
}

impl Properties {
    fn specification(name: &str) -> Result<&'static Specification> {
        PROPERTIES
            .iter()
            .find(|row| row.name == name)
            .ok_or_else(|| Error::UnknownProperty(name.to_owned()))
    }

    /// The property of this name, and what the value sets it to.
    pub fn parse(name: &str, value_type: i32, value: &[u8]) -> Result<(Property, Setting)> {
        let row = Self::specification(name)?;
        Ok((row.property, row.parse(value_type, value)?))
    }

    pub fn set(&mut self, property: Property, setting: Setting) {
        self.settings[property as usize] = Some(setting);
    }

    /// True when the property was set.
    pub fn remove(&mut self, name: &str) -> Result<bool> {
        let row = Self::specification(name)?;
        Ok(self.settings[row.property as usize].take().is_some())
    }

    pub fn remove_all(&mut self) {
        *self = Properties::default();
    }

    pub fn find(&self, name: &str) -> Result<Found> {
        self.found(Self::specification(name)?)
    }

    /// How many properties are set.
    pub fn count(&self) -> usize {
        self.settings.iter().flatten().count()
    }

    /// The index-th of the properties that are set, in the order of the table.
    pub fn find_nth(&self, index: usize) -> Result<Found> {
        PROPERTIES
            .iter()
            .filter(|row| self.settings[row.property as usize].is_some())
            .nth(index)
            .ok_or_else(|| {
                Error::Argument(format!(
                    "there is no property {index}: {} are set",
                    self.count()
                ))
            })
            .and_then(|row| self.found(row))
    }

    fn found(&self, row: &'static Specification) -> Result<Found> {
        if let Kind::Secret = row.kind {
            return Err(Error::WriteOnly(row.name));
        }
        Ok(Found {
            name: row.name,
            value_type: row.value_type(),
            setting: self.setting(row),
        })
    }

    fn setting(&self, row: &Specification) -> Option<Setting> {
        self.settings[row.property as usize]
            .clone()
            .or_else(|| row.default())
    }

    /// A path that an operation needs.
    pub fn path(&self, property: Property) -> Result<PathBuf> {
        let row = &PROPERTIES[property as usize];
        let path = match self.text(property) {
            Some(path) => Some(path.into()),
            None if property == Property::StorePath => default_store_path(),
            None => None,
        };
        path.ok_or(Error::NotConfigured(row.name))
    }

    /// The same path, independent of later changes of the working directory.
    pub fn absolute_path(&self, property: Property) -> Result<PathBuf> {
        let path = self.path(property)?;
        std::path::absolute(&path).at("resolve", &path)
    }

    /// Whether the store was named, by StorePath or a variable, and may be a file: a path that ends
    /// in a slash is that of a folder.
    pub fn names_store_file(&self) -> bool {
        use std::os::unix::ffi::OsStrExt;
        let path = self.text(Property::StorePath).map(PathBuf::from);
        path.or_else(chosen_store_path)
            .is_some_and(|path| !path.as_os_str().as_bytes().ends_with(b"/"))
    }

    /// The text that a property is set to.
    pub fn text(&self, property: Property) -> Option<&str> {
        match &self.settings[property as usize] {
            Some(Setting::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The secret that a property is set to.
    pub fn secret(&self, property: Property) -> Option<&Secret> {
        match &self.settings[property as usize] {
            Some(Setting::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    fn number(&self, property: Property) -> u32 {
        match self.setting(&PROPERTIES[property as usize]) {
            Some(Setting::Number(number)) => number,
            _ => 0,
        }
    }

    pub fn compression_level(&self) -> i32 {
        self.number(Property::CompressionLevel) as i32
    }

    /// The number of threads that compute.
    pub fn threads(&self) -> usize {
        match self.number(Property::Threads) as usize {
            0 => std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(MAX_AUTOMATIC_THREADS),
            threads => threads,
        }
    }

    /// How much nicer the threads of an operation are than the one that starts it.
    pub fn niceness(&self) -> u32 {
        self.number(Property::Niceness)
    }

    /// How many percent of a backup a verification looks at.
    pub fn sample(&self) -> u32 {
        self.number(Property::Sample)
    }

    /// Which generations of a backup are kept; None: nothing is kept or removed.
    pub fn keep(&self) -> Option<Rule> {
        let text = self.text(Property::Keep).unwrap_or_default();
        Rule::parse(text).ok().flatten()
    }

    /// Whether lists tell of names, sizes and times alone.
    pub fn lists_names(&self) -> bool {
        self.text(Property::Details) == Some("names")
    }

    /// Whether a license whose right is not stated is left out.
    pub fn denies_unstated_rights(&self) -> bool {
        self.text(Property::UnstatedRights) == Some("deny")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hresult;
    use crate::status::WMLB_TYPE_BINARY;

    fn set(name: &str, value_type: i32, value: &[u8]) -> Result<Properties> {
        let (property, setting) = Properties::parse(name, value_type, value)?;
        let mut properties = Properties::default();
        properties.set(property, setting);
        Ok(properties)
    }

    #[test]
    fn the_rows_are_in_the_order_of_the_enum() {
        for (index, row) in PROPERTIES.iter().enumerate() {
            assert_eq!(row.property as usize, index, "{}", row.name);
            assert_eq!(row.property.name(), row.name);
        }
    }

    #[test]
    fn values_that_are_taken() {
        let deny = b"deny\0";
        for (name, value_type, value, bytes) in [
            ("BackupPath", WMLB_TYPE_STRING, &b"/a"[..], &b"/a\0"[..]),
            (
                "RestorePath",
                WMLB_TYPE_STRING,
                b"a/\xc3\xa4\0",
                b"a/\xc3\xa4\0",
            ),
            ("Passphrase", WMLB_TYPE_STRING, b"", b"\0"),
            (
                "Recipients",
                WMLB_TYPE_STRING,
                b"age1\nage1",
                b"age1\nage1\0",
            ),
            ("UnstatedRights", WMLB_TYPE_STRING, deny, deny),
            ("Keep", WMLB_TYPE_STRING, b"last=3", b"last=3\0"),
            (
                "Threads",
                WMLB_TYPE_DWORD,
                &0_u32.to_ne_bytes(),
                &0_u32.to_ne_bytes(),
            ),
            (
                "Threads",
                WMLB_TYPE_DWORD,
                &64_u32.to_ne_bytes(),
                &64_u32.to_ne_bytes(),
            ),
            (
                "Niceness",
                WMLB_TYPE_DWORD,
                &19_u32.to_ne_bytes(),
                &19_u32.to_ne_bytes(),
            ),
        ] {
            let (_, setting) = Properties::parse(name, value_type, value).expect(name);
            assert_eq!(setting.to_bytes(), bytes, "{name}");
        }
    }

    #[test]
    fn values_that_are_refused() {
        let text = |value: &[u8]| (WMLB_TYPE_STRING, value.to_vec());
        let dword = |number: u32| (WMLB_TYPE_DWORD, number.to_ne_bytes().to_vec());
        let binary = |value: &[u8]| (WMLB_TYPE_BINARY, value.to_vec());
        for (name, (value_type, value), words) in [
            ("BackupPath", dword(1), "its type is 1, not 0"),
            ("BackupPath", binary(b"/a"), "its type is 1, not 2"),
            ("BackupPath", text(b""), "cannot be empty"),
            ("StorePath", text(b"\0"), "cannot be empty"),
            ("StorePath", text(b"/a\0b"), "a NUL inside"),
            ("StorePath", text(b"/a\0\0"), "a NUL inside"),
            ("StorePath", text(b"/\xff"), "not UTF-8"),
            ("Passphrase", text(b"\xff"), "not UTF-8"),
            ("Threads", text(b"1"), "its type is 0, not 1"),
            (
                "Threads",
                (WMLB_TYPE_DWORD, vec![1, 0, 0]),
                "4 bytes, not 3",
            ),
            ("Threads", dword(65), "65 is not in 0 to 64"),
            ("CompressionLevel", dword(0), "0 is not in 1 to 19"),
            ("CompressionLevel", dword(20), "20 is not in 1 to 19"),
            ("Niceness", dword(u32::MAX), "is not in 0 to 19"),
            ("Keep", text(b"last=0"), "not a number from 1 to 9999"),
            ("UnstatedRights", text(b"Allow"), "one of allow, deny"),
        ] {
            let error = Properties::parse(name, value_type, &value).expect_err(name);
            assert_eq!(error.hresult(), hresult::WMLB_E_INVALIDARG, "{name}");
            let message = error.message();
            let beginning = format!("property {name}: ");
            assert!(message.starts_with(&beginning), "{message}");
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn unknown_names() {
        for name in ["", "backupPath", "BackupPath ", "Backup"] {
            let error = set(name, WMLB_TYPE_STRING, b"/a").expect_err(name);
            assert_eq!(error.hresult(), hresult::WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY);
        }
    }

    #[test]
    fn defaults() {
        let properties = Properties::default();
        assert_eq!(properties.compression_level(), 1);
        assert_eq!(properties.niceness(), 5);
        assert!((1..=8).contains(&properties.threads()));
        assert!(!properties.denies_unstated_rights());
        for (name, bytes) in [
            ("UnstatedRights", Some(b"allow\0".to_vec())),
            ("Threads", Some(0_u32.to_ne_bytes().to_vec())),
            ("BackupPath", None),
            ("Recipients", None),
        ] {
            let found = properties.find(name).expect(name);
            assert_eq!(
                found.setting.map(|setting| setting.to_bytes()),
                bytes,
                "{name}"
            );
        }
        assert_eq!(properties.count(), 0);
    }

    #[test]
    fn secrets_are_counted_and_never_read() {
        let mut properties = set("Passphrase", WMLB_TYPE_STRING, b"secret").expect("a secret");
        assert_eq!(properties.count(), 1);
        for found in [properties.find("Passphrase"), properties.find_nth(0)] {
            let error = found.err().expect("write-only");
            assert_eq!(error.hresult(), hresult::WMLB_E_ACCESSDENIED);
        }
        assert!(!format!("{properties:?}").contains("secret\""));
        assert!(properties.remove("Passphrase").expect("known"));
        assert!(!properties.remove("Passphrase").expect("known"));
        assert!(properties.secret(Property::Passphrase).is_none());
    }

    #[test]
    fn a_store_path_that_may_be_a_file() {
        for (path, may_be) in [("/a", true), ("a", true), ("/a/", false), ("/", false)] {
            let properties = set("StorePath", WMLB_TYPE_STRING, path.as_bytes()).expect(path);
            assert_eq!(properties.names_store_file(), may_be, "{path}");
        }
    }
}
