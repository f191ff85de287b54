//! The names of the licenses that were copied of a host's store: the host may list them in any
//! order, and the archive has one.

use crate::error::{Error, Result, reserve};
use crate::name;
use crate::store::batch::{Batch, Entry};
use crate::store::spool::Spooled;

/// Bytes of a name that stand in words about it, at the most.
const LONGEST_SHOWN: usize = 256;

const WHAT: &str = "the names of the host's licenses";

struct Indexed {
    start: usize,
    length: u16,
    is_database: bool,
    spooled: Spooled,
}

/// The names of the licenses in a spool.
#[derive(Default)]
pub struct Index {
    names: Vec<u8>,
    list: Vec<Indexed>,
    /// How many of them are in batches.
    given: usize,
}

impl Index {
    /// Licenses in it.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a license whose name was checked by itself.
    pub fn add(&mut self, name: &[u8], spooled: Spooled, is_database: bool) -> Result<()> {
        let start = self.names.len();
        reserve(&mut self.names, name.len(), WHAT)?;
        self.list.try_reserve(1).map_err(|_| Error::Memory(WHAT))?;
        self.names.extend_from_slice(name);
        self.list.push(Indexed {
            start,
            length: u16::try_from(name.len())
                .map_err(|_| Error::Defect("a name was not checked".to_owned()))?,
            is_database,
            spooled,
        });
        Ok(())
    }

    fn name<'n>(names: &'n [u8], indexed: &Indexed) -> &'n [u8] {
        &names[indexed.start..indexed.start + usize::from(indexed.length)]
    }

    /// Puts the names into the order of the archive, and refuses those that cannot be there
    /// together.
    pub fn sort(&mut self) -> Result<()> {
        let Index { names, list, .. } = self;
        list.sort_unstable_by(|one, other| {
            let (one, other) = (Self::name(names, one), Self::name(names, other));
            name::order(one, other)
        });
        // Those whose names the one that is looked at begins with.
        let mut databases = Vec::new();
        for indexed in list.iter() {
            let name = Self::name(names, indexed);
            databases.retain(|database: &&[u8]| name.starts_with(database));
            let is_sidecar = |database: &&[u8]| name::is_sidecar(&name[database.len()..]);
            if !indexed.is_database && databases.iter().any(is_sidecar) {
                return Err(bad_name(
                    name,
                    "which is that of a part of the database beside it",
                ));
            }
            if indexed.is_database {
                databases.push(name);
            }
        }
        // What is below a name comes right after it.
        for pair in list.windows(2) {
            let (one, other) = (Self::name(names, &pair[0]), Self::name(names, &pair[1]));
            match other.strip_prefix(one) {
                Some(b"") => return Err(bad_name(one, "which another one has too")),
                Some([b'/', ..]) => {
                    return Err(bad_name(one, "which is a folder of another one"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The next piece of the list; None at its end.
    pub fn next_batch(&mut self) -> Option<Batch> {
        let rest = self.list[self.given..].iter();
        let list = rest.map(|indexed| {
            (
                Self::name(&self.names, indexed),
                Entry::Spooled(indexed.spooled),
            )
        });
        let batch = Batch::of(list)?;
        self.given += batch.len();
        Some(batch)
    }
}

/// An error about a name that a host gave.
pub fn bad_name(name: &[u8], why: &'static str) -> Error {
    let shown = &name[..name.len().min(LONGEST_SHOWN)];
    let more = if shown.len() < name.len() { "..." } else { "" };
    Error::HostName {
        // In quotes, and with escapes: it may be anything.
        name: format!("{:?}{more}", String::from_utf8_lossy(shown)),
        why,
    }
}
