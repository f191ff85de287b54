//! A directory as a store.

use std::path::PathBuf;
use std::sync::Arc;

use super::enumerate;
use super::folder::Directory;
use super::listing::Lister;
use super::read_ahead::Prefetch;
use super::reader::DirectoryReader;
use crate::error::Result;
use crate::name::Reserved;
use crate::operation::{Control, Operation};
use crate::store::staging::LeftOvers;
use crate::store::{Contents, Listener, Listing, Opened, ReadAhead, Reader, Store, Wish};

/// The store at a path.
pub struct DirectoryStore {
    pub path: PathBuf,
}

impl Store for DirectoryStore {
    fn open<'a>(&'a self, _operation: &Operation<'_>) -> Result<Box<dyn Opened + 'a>> {
        Ok(Box::new(Directory::open(&self.path, LeftOvers::Recover)?))
    }

    fn each(
        &self,
        listener: &mut dyn Listener,
        reserved: Option<Reserved>,
        control: &Control,
    ) -> Result<()> {
        let store = Directory::open(&self.path, LeftOvers::Refuse)?;
        enumerate::each(&store, listener, reserved, control)
    }

    fn list<'a>(&'a self, wish: Wish<'_>, control: &'a Control) -> Result<Listing<'a>> {
        listing(
            Directory::open(&self.path, LeftOvers::Refuse)?,
            wish,
            control,
        )
    }
}

fn listing<'a>(store: Arc<Directory>, wish: Wish<'_>, control: &'a Control) -> Result<Listing<'a>> {
    let list = Lister::new(store.clone(), wish.reserved, wish.partial, control)?;
    Ok(Listing {
        list: Box::new(list),
        contents: Arc::new(Files(store)),
    })
}

impl Opened for Arc<Directory> {
    fn list<'a>(
        self: Box<Self>,
        wish: Wish<'_>,
        operation: &mut Operation<'a>,
    ) -> Result<Listing<'a>> {
        listing(*self, wish, operation.control())
    }
}

/// The files of a directory store.
struct Files(Arc<Directory>);

impl Contents for Files {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    fn display_path(&self, name: &[u8]) -> PathBuf {
        self.0.display_path(name)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(DirectoryReader::new(self.0.clone()))
    }

    fn read_ahead(&self) -> Option<Box<dyn ReadAhead>> {
        Some(Box::new(Prefetch::new(self.0.clone())))
    }
}
