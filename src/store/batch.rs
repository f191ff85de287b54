//! A piece of a store's list.

use crate::error::Error;
use crate::name;
use crate::store::spool::Spooled;

/// How often a folder is listed, or a file read, that changes meanwhile.
pub(crate) const TRIES: u32 = 3;

/// Entries of a batch at the most, and bytes of its names; [`name::ends_batch`] ends most of them
/// long before.
const BATCH_ENTRIES: usize = 32 << 10;
const BATCH_NAMES: usize = 2 << 20;

/// An entry of a batch.
pub enum Entry {
    License,
    /// A license of a host's store.
    Spooled(Spooled),
    /// A link or a special file.
    Other,
    /// A folder that could not be listed.
    Unlisted(Box<Error>),
}

/// The same in few bytes: there are many.
#[derive(Clone, Copy)]
enum Kind {
    License,
    Other,
    /// An entry that is larger, by its index in [`Batch::large`].
    Large(u32),
}

struct BatchEntry {
    /// Index of the folder's path in [`Batch::folders`].
    folder: u32,
    start: u32,
    length: u32,
    kind: Kind,
    /// Something beside it is called as if it belonged to it.
    is_accompanied: bool,
}

/// Names of a store in order: a piece of its list.
pub struct Batch {
    names: Vec<u8>,
    /// Ranges in `names`; the paths end in a slash, the root's is empty.
    folders: Vec<(u32, u32)>,
    places: std::vec::IntoIter<BatchEntry>,
    large: Vec<Entry>,
}

/// Some names of a batch, apart from it.
pub struct Names {
    bytes: Vec<u8>,
    /// Where in these a folder begins, its files' name, and where that ends.
    places: Vec<(u32, u32, u32)>,
}

impl Names {
    /// Folders and names.
    pub fn each(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let part = |from: u32, to: u32| &self.bytes[from as usize..to as usize];
        let places = self.places.iter();
        places.map(move |&(folder, name, end)| (part(folder, name), part(name, end)))
    }
}

/// Gathers a batch.
#[derive(Default)]
pub struct Builder {
    names: Vec<u8>,
    folders: Vec<(u32, u32)>,
    places: Vec<BatchEntry>,
    large: Vec<Entry>,
    /// The last name ends a batch.
    ends: bool,
    /// That name.
    path: Vec<u8>,
}

impl Builder {
    pub fn is_full(&self) -> bool {
        self.ends || self.places.len() >= BATCH_ENTRIES || self.names.len() >= BATCH_NAMES
    }

    /// Adds an entry of the folder at a path that is empty or ends in a slash.
    pub fn push(&mut self, folder: &[u8], name: &[u8], entry: Entry) {
        let current = self.folders.last();
        let current = current.map(|&(from, to)| &self.names[from as usize..to as usize]);
        if current != Some(folder) {
            let start = self.names.len();
            self.names.extend_from_slice(folder);
            self.folders.push((start as u32, self.names.len() as u32));
        }
        self.path.clear();
        self.path.extend_from_slice(folder);
        self.path.extend_from_slice(name);
        self.ends = name::ends_batch(&self.path);
        let start = self.names.len();
        self.names.extend_from_slice(name);
        let kind = match entry {
            Entry::License => Kind::License,
            Entry::Other => Kind::Other,
            Entry::Spooled(_) | Entry::Unlisted(_) => {
                self.large.push(entry);
                Kind::Large(self.large.len() as u32 - 1)
            }
        };
        self.places.push(BatchEntry {
            folder: self.folders.len() as u32 - 1,
            start: start as u32,
            length: name.len() as u32,
            kind,
            is_accompanied: false,
        });
    }

    /// Notes that something lies beside the last entry that is called as if it belonged to it.
    pub fn accompany(&mut self) {
        if let Some(place) = self.places.last_mut() {
            place.is_accompanied = true;
        }
    }

    /// None when there is nothing in it.
    pub fn finish(mut self) -> Option<Batch> {
        // Many wait.
        self.names.shrink_to_fit();
        self.places.shrink_to_fit();
        (!self.places.is_empty()).then(|| Batch {
            names: self.names,
            folders: self.folders,
            places: self.places.into_iter(),
            large: self.large,
        })
    }
}

impl Batch {
    /// The first of these names, which are in order, each with what it is; cut as a lister
    /// does it, so that the same licenses give the same frames. None when there are none.
    pub fn of<'n>(list: impl Iterator<Item = (&'n [u8], Entry)>) -> Option<Self> {
        let mut builder = Builder::default();
        for (path, entry) in list {
            let (_, name) = name::split(path);
            builder.push(&path[..path.len() - name.len()], name, entry);
            if builder.is_full() {
                break;
            }
        }
        builder.finish()
    }

    /// Entries that are left of it.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether anything is left of it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory it takes.
    pub fn weight(&self) -> usize {
        self.names.len()
            + size_of_val(&self.folders[..])
            + size_of_val(self.places.as_slice())
            + size_of_val(&self.large[..])
    }

    /// The next entry, which stays the next until [`Batch::advance`].
    pub fn peek(&self) -> Option<&Entry> {
        Some(match self.places.as_slice().first()?.kind {
            Kind::License => &Entry::License,
            Kind::Other => &Entry::Other,
            Kind::Large(at) => &self.large[at as usize],
        })
    }

    pub fn advance(&mut self) -> Option<Entry> {
        Some(match self.places.next()?.kind {
            Kind::License => Entry::License,
            Kind::Other => Entry::Other,
            Kind::Large(at) => std::mem::replace(&mut self.large[at as usize], Entry::Other),
        })
    }

    /// The next entry's folder and name.
    pub(super) fn current(&self) -> Option<(&[u8], &[u8])> {
        self.places.as_slice().first().map(|place| self.name(place))
    }

    /// The folder and the name of the license that so many entries come before, and whether
    /// something beside it is called as if it belonged to it; None if it is something else, or a
    /// license of a host's.
    pub(super) fn license_at(&self, at: usize) -> Option<(&[u8], &[u8], bool)> {
        let place = self.places.as_slice().get(at)?;
        let is_license = matches!(place.kind, Kind::License);
        let (folder, name) = self.name(place);
        is_license.then_some((folder, name, place.is_accompanied))
    }

    /// Appends the name of the entry that so many others come before.
    pub fn append_name_at(&self, at: usize, out: &mut Vec<u8>) {
        if let Some(place) = self.places.as_slice().get(at) {
            let (folder, name) = self.name(place);
            out.extend_from_slice(folder);
            out.extend_from_slice(name);
        }
    }

    fn name(&self, place: &BatchEntry) -> (&[u8], &[u8]) {
        let (from, to) = self.folders[place.folder as usize];
        let name = place.start as usize..(place.start + place.length) as usize;
        (&self.names[from as usize..to as usize], &self.names[name])
    }

    /// The names of the files among these of the next entries.
    pub(super) fn names(&self, skip: usize, most: usize) -> Names {
        let mut names = Names {
            bytes: Vec::new(),
            places: Vec::new(),
        };
        for place in self.places.as_slice().iter().skip(skip).take(most) {
            if !matches!(place.kind, Kind::License) {
                continue;
            }
            let (folder, name) = self.name(place);
            let begin = names.bytes.len();
            names.bytes.extend_from_slice(folder);
            let middle = names.bytes.len();
            names.bytes.extend_from_slice(name);
            let place = [begin, middle, names.bytes.len()].map(|at| at as u32);
            names.places.push(place.into());
        }
        names
    }

    /// Appends the next entry's name: its path below the store.
    pub fn append_name(&self, out: &mut Vec<u8>) {
        self.append_name_at(0, out);
    }
}
