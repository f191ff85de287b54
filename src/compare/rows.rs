//! What differs between the rows of a database, as a backup has it and as a store does.

use std::cmp::Ordering;

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
    loop {
        let order = match (gone.peek(), new.peek()) {
            (None, None) => return Ok(true),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.name.cmp(other.name),
        };
        let before = gone.next_if(|_| order.is_le());
        let now = new.next_if(|_| order.is_ge());
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
    loop {
        let order = match (one.peek(), other.peek()) {
            (None, None) => return left,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(row), Some(than)) => key(row).cmp(&key(than)),
        };
        let first = one.next_if(|_| order.is_le());
        let second = other.next_if(|_| order.is_ge());
        if order.is_ne() {
            left[0].extend(first);
            left[1].extend(second);
        }
    }
}
