//! The envelope of a build without encryption: it knows an age file when it sees one.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use super::source::{Input, Source};
use crate::archive::output::{Append, Output};
use crate::error::{Error, Result};
use crate::hresult;
use crate::operation::Control;
use crate::props::{Properties, Property, Setting};

/// What a backup is encrypted to: there is nothing.
pub enum Encryption {}

impl Encryption {
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
}

pub fn output<'a>(
    encryption: &Encryption,
    _file: &'a mut dyn Append,
    _path: &'a Path,
    _verify: bool,
    _control: &Control,
) -> Result<Box<dyn Output + 'a>> {
    match *encryption {}
}

/// What opens an encrypted backup: there is nothing.
pub struct Decryption;

impl Decryption {
    pub fn new(_properties: &Properties, _allows_clear: bool) -> Result<Self> {
        Ok(Decryption)
    }

    /// No secret can be set that would say that a file must be encrypted.
    pub fn refuses_clear(&self) -> bool {
        false
    }
}

/// A side file that is encrypted: there is nothing.
pub enum SideFile {}

impl SideFile {
    pub fn new(_file: File, _path: &Path) -> Result<Self> {
        Err(Error::Defect("there is no encryption".to_owned()))
    }

    pub fn read_back(self, _path: &Path) -> Result<impl Read + use<>> {
        match self {}
        #[allow(unreachable_code)]
        Ok(io::empty())
    }
}

impl Write for SideFile {
    fn write(&mut self, _data: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    fn flush(&mut self) -> io::Result<()> {
        match *self {}
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

/// Bytes of content in an age file: that is not known here.
pub fn length(_head: &[u8], _file: u64) -> Option<u64> {
    None
}

pub fn open(
    _input: Input,
    _is_armored: bool,
    path: &Path,
    _decryption: &Decryption,
    _control: &Control,
) -> Result<Box<dyn Source>> {
    Err(Error::Encrypted {
        path: path.to_owned(),
        hr: hresult::WMLB_E_NOTIMPL,
        why: "this build of the library has no encryption".to_owned(),
    })
}
