//! What differs between the rows of a database, as a backup has it and as a store does.

use std::cmp::Ordering;
use std::iter::Peekable;

use super::Difference;
use crate::error::Result;
use crate::license::{LicenseInfo, Statement};
use crate::store::sqlite::{Row, Rows};

/// Calls `tell` with each difference, in the order of names, until it gives false; `names` are
/// those of the database. Rows are told apart by their names; of those that share one, those with
/// the same content are the same.
pub fn each_difference(
    names: [&[u8]; 2],
    [in_backup, in_store]: [&Rows; 2],
    tell: &mut dyn FnMut(&Difference<'_>) -> Result<bool>,
) -> Result<bool> {
    let [gone, new] = without_equal([sorted(in_backup), sorted(in_store)]);
    let (mut gone, mut new) = (gone.iter().peekable(), new.iter().peekable());
    let nothing = Statement::default();
    while let Some((before, now)) = next(&mut gone, &mut new, |row, than| row.name.cmp(than.name)) {
        let full_names = [(names[0], before), (names[1], now)]
            .map(|(database, row)| row.map(|row| [database, row.name].concat()));
        let info = |at: usize, row: Option<&Row<'_>>| -> Option<LicenseInfo<'_>> {
            let (name, row) = full_names[at].as_deref().zip(row)?;
            Some(LicenseInfo {
                name,
                size: row.size,
                modified: row.modified.unwrap_or(i64::MIN),
                statement: &nothing,
            })
        };
        let difference = Difference {
            in_backup: info(0, before),
            in_store: info(1, now),
        };
        if !tell(&difference)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The first of two lists in order, or of both if it is the same by `compare`; None at their ends.
fn next<T>(
    one: &mut Peekable<impl Iterator<Item = T>>,
    other: &mut Peekable<impl Iterator<Item = T>>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Option<(Option<T>, Option<T>)> {
    let order = match (one.peek(), other.peek()) {
        (None, None) => return None,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(row), Some(than)) => compare(row, than),
    };
    Some((
        one.next_if(|_| order.is_le()),
        other.next_if(|_| order.is_ge()),
    ))
}

/// By names, and those of one name by their content.
fn sorted(rows: &Rows) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = rows.each().collect();
    rows.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
    rows
}

fn key<'a>(row: &Row<'a>) -> (&'a [u8], [u8; 16]) {
    (row.name, row.hash)
}

/// Both without the rows that have an equal one in the other.
fn without_equal<'a>([one, other]: [Vec<Row<'a>>; 2]) -> [Vec<Row<'a>>; 2] {
    let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
    let mut left = [Vec::new(), Vec::new()];
    let by_key = |row: &Row<'_>, than: &Row<'_>| key(row).cmp(&key(than));
    while let Some((first, second)) = next(&mut one, &mut other, by_key) {
        if first.is_none() || second.is_none() {
            left[0].extend(first);
            left[1].extend(second);
        }
    }
    left
}
