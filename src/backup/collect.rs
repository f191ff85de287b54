//! Copies what a host's store holds, before it is packed.

use super::scratch::Scratch;
use crate::error::Result;
use crate::operation::Operation;
use crate::status::wmlb_progress;
use crate::store::host::{Index, Session, Spool, Spooled};

/// Copies all licences of the store, and closes it.
pub fn collect(
    mut session: Session<'_>,
    scratch: &Scratch<'_>,
    operation: &mut Operation<'_>,
) -> Result<(Spool, Index)> {
    let control = operation.control();
    let mut spool = Spool::default();
    let mut index = Index::default();
    loop {
        // Nothing is done yet, but the user sees that it goes on, and may cancel.
        operation.advance(wmlb_progress::default())?;
        let Some(license) = session.next()? else {
            return Ok((spool, index));
        };
        let offset = spool.append(license.data, || scratch.unnamed_file(), control)?;
        let place = Spooled {
            offset,
            size: license.data.len() as u64,
            modified: license.modified,
        };
        index.add(license.name, place)?;
    }
}
