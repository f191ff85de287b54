//! The envelope of a build without encryption: it knows an age file when it sees one.

use std::fs::File;
use std::path::Path;

use super::Source;
use crate::archive::output::Output;
use crate::error::{Error, Result};
use crate::hresult;
use crate::operation::Control;
use crate::props::{Properties, Property, Setting};
use crate::target::folder::Folder;

/// What a backup is encrypted to: there is nothing.
pub enum Lock {}

impl Lock {
    pub fn new(properties: &Properties) -> Result<Option<Self>> {
        // What check() refuses cannot be set.
        match (
            properties.secret(Property::Passphrase),
            properties.secret(Property::Recipients),
        ) {
            (None, None) => Ok(None),
            _ => Err(Error::Defect("there is no encryption".to_owned())),
        }
    }

    pub fn output<'a>(
        &self,
        _file: &'a File,
        _folder: &'a Folder,
        _path: &'a Path,
        _verify: bool,
        _control: &Control,
    ) -> Result<Box<dyn Output + 'a>> {
        match *self {}
    }
}

/// What opens an encrypted backup: there is nothing.
pub struct Keys;

impl Keys {
    pub fn new(_properties: &Properties) -> Result<Self> {
        Ok(Keys)
    }
}

pub fn check(property: Property, _setting: &Setting) -> Result<()> {
    match property {
        Property::Passphrase | Property::Recipients | Property::Identities => {
            Err(Error::NoEncryption(property.name()))
        }
        _ => Ok(()),
    }
}

pub fn open(_file: File, path: &Path, _keys: &Keys, _control: &Control) -> Result<Box<dyn Source>> {
    Err(Error::Encrypted {
        path: path.to_owned(),
        hr: hresult::WMLB_E_NOTIMPL,
        why: "this build of the library has no encryption".to_owned(),
    })
}
