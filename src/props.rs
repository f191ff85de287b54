//! The property bag (the SDK's `IWMBackupRestoreProps`): what may be set, to what, and
//! what holds when it is not set.

use std::path::PathBuf;

use crate::error::{At, Error, Result};
use crate::secret::Secret;
use crate::status::{WMLB_TYPE_DWORD, WMLB_TYPE_STRING};
use crate::sys::xdg;

/// Makes of the table the properties as an enum, and the rows by which they are looked up.
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
    /// The bytes as a getter hands them out: a string with its NUL.
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
            Kind::Path | Kind::Recipients | Kind::Secret | Kind::Choice(_) => WMLB_TYPE_STRING,
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

    /// A string value: UTF-8, that may end in one NUL and holds no other.
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
                // One that is not UTF-8 cannot be told, but is used all the same.
                let path = default_store_path()?.into_os_string().into_string();
                path.ok().map(Setting::Text)
            }
            Kind::Path | Kind::Recipients | Kind::Secret => None,
            Kind::Number { default, .. } => Some(Setting::Number(default)),
            Kind::Choice(words) => Some(Setting::Text(words[0].to_owned())),
        }
    }
}

/// `$WMLB_STORE_PATH`, which is as good as a StorePath that is set.
fn chosen_store_path() -> Option<PathBuf> {
    xdg::variable("WMLB_STORE_PATH")
}

/// Where players are expected to keep their licenses when nothing else is said.
fn default_store_path() -> Option<PathBuf> {
    chosen_store_path().or_else(|| Some(xdg::data_folder()?.join("licenses")))
}

/// What a getter finds.
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

    /// The same, wherever the working directory is later.
    pub fn absolute_path(&self, property: Property) -> Result<PathBuf> {
        let path = self.path(property)?;
        std::path::absolute(&path).at("resolve", &path)
    }

    /// Whether somebody said where the store is. A path that ends in a slash is that of a folder.
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

    /// How many threads compute.
    pub fn threads(&self) -> usize {
        match self.number(Property::Threads) as usize {
            0 => std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(MAX_AUTOMATIC_THREADS),
            threads => threads,
        }
    }

    /// How much nicer the operation's threads are than the one that starts it.
    pub fn niceness(&self) -> u32 {
        self.number(Property::Niceness)
    }

    /// Whether a licence whose right is not stated is left out.
    pub fn denies_unstated_rights(&self) -> bool {
        self.text(Property::UnstatedRights) == Some("deny")
    }
}
