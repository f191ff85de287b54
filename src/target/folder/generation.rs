//! The names of the backups in a folder: of the last one, and of those that others have replaced.

use crate::keep;

/// The name of the backup file in its folder.
pub(crate) const FILE_NAME: &str = "licenses.wmlb";

const PREFIX: &str = "licenses-";
const SUFFIX: &str = ".wmlb";
/// Generations of one second that can be told apart.
pub const MOST: u32 = 9999;

/// A backup in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// The last one.
    Current,
    /// One that was replaced.
    Kept {
        /// When it was begun, according to its name.
        time: i64,
        /// Of those of that second, from 1.
        number: u32,
    },
}

impl Generation {
    pub fn name(self) -> String {
        match self {
            Generation::Current => FILE_NAME.to_owned(),
            Generation::Kept { time, number: 1 } => {
                format!("{PREFIX}{}{SUFFIX}", keep::stamp(time))
            }
            Generation::Kept { time, number } => {
                format!("{PREFIX}{}-{number}{SUFFIX}", keep::stamp(time))
            }
        }
    }

    /// The generation of this name, if it is one of those that backups give.
    pub fn of(name: &[u8]) -> Option<Self> {
        let middle = name
            .strip_prefix(PREFIX.as_bytes())?
            .strip_suffix(SUFFIX.as_bytes())?;
        let dash = middle.iter().position(|&byte| byte == b'-');
        let (stamp, number) = match dash {
            Some(dash) => {
                let number = std::str::from_utf8(&middle[dash + 1..]).ok()?;
                (&middle[..dash], number.parse().ok()?)
            }
            None => (middle, 1),
        };
        let time = keep::read_stamp(stamp)?;
        let found = Generation::Kept { time, number };
        // There is one way to write each.
        let is_own = (1..=MOST).contains(&number) && found.name().as_bytes() == name;
        is_own.then_some(found)
    }
}

/// Whether a name in the backup folder is one of a generation.
pub fn is_generation(name: &[u8]) -> bool {
    Generation::of(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_generations() {
        for (time, number, name) in [
            (0, 1, "licenses-19700101T000000Z.wmlb"),
            (1_796_014_131, 2, "licenses-20261130T044851Z-2.wmlb"),
            (1_796_014_131, 9999, "licenses-20261130T044851Z-9999.wmlb"),
        ] {
            let generation = Generation::Kept { time, number };
            assert_eq!(generation.name(), name);
            assert_eq!(Generation::of(name.as_bytes()), Some(generation));
        }
        for name in [
            "licenses.wmlb",
            "licenses-.wmlb",
            "licenses-20261130T044851Z.wmlb.old",
            "licenses-20261130T044851Z-1.wmlb",
            "licenses-20261130T044851Z-02.wmlb",
            "licenses-20261130T044851Z-10000.wmlb",
            "licenses-20261130T044851Z-.wmlb",
            "licenses-20261130T044851Z-+2.wmlb",
            "licenses-20261131T044851Z.wmlb",
            "licenses-20261130.wmlb",
            "Licenses-20261130T044851Z.wmlb",
        ] {
            assert!(!is_generation(name.as_bytes()), "{name}");
        }
    }
}
