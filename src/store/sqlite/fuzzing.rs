//! What must hold of any database, journal and log.

use super::check::check;
use super::journal::{self, Journal};
use super::log::{self, Log};
use super::rows::rows;
use super::tree::Flaw;
use super::view::{Content, Places};

/// Reads all of them. A database is looked at with the pages in its journal and its log in their
/// places, as it is read from files.
pub fn look(database: &[u8], journal: &[u8], log: &[u8]) {
    let never = || false;
    let mut content = database.to_vec();
    if let Ok(Some(found)) = journal::read(&journal, 4096, &never) {
        let Journal {
            page_size,
            pages,
            places,
            ..
        } = found;
        lay(&mut content, journal, page_size, pages, &places);
    }
    if let Ok(Some(found)) = log::read(&log, None, &never) {
        let Log {
            page_size,
            pages,
            places,
        } = found;
        lay(&mut content, log, page_size, pages, &places);
    }
    let content = &content[..];
    let checked = check(&content, &never);
    let listed = rows(&content, true, &never);
    assert_ne!(checked, Err(Flaw::Stopped));
    if let Ok(Some(rows)) = listed {
        assert!(
            rows.each()
                .is_sorted_by(|one, other| one.name <= other.name)
        );
        assert!(rows.each().all(|row| row.size <= content.size()) || checked.is_err());
    }
}

/// More pages than that are not made.
const MOST_PAGES: u32 = 1024;

fn lay(content: &mut Vec<u8>, from: &[u8], page_size: u32, pages: u32, places: &Places) {
    let page_size = page_size as usize;
    content.resize(pages.min(MOST_PAGES) as usize * page_size, 0);
    for (page, at) in places.each() {
        let source = &from[at as usize..][..page_size];
        let begin = (page as usize - 1).saturating_mul(page_size);
        if let Some(target) = content.get_mut(begin..begin.saturating_add(page_size)) {
            target.copy_from_slice(source);
        }
    }
}
