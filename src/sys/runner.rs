//! Who a process is, so that another one can tell later, and on another machine, whether it may
//! still run.

use std::fmt;

use rustix::io::Errno;
use rustix::process::Pid;

use super::Life;

/// A process among all that there ever were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runner {
    /// A hash of the machine's ID; empty where it has none.
    machine: String,
    /// The ID of this run of its kernel; empty where it has none.
    boot: String,
    /// In what its number counts; empty where there is only one such space.
    space: String,
    number: i32,
    /// When it began, in its system's own measure; 0 where that is not told.
    began: u64,
}

impl Runner {
    /// This process.
    pub fn this() -> Self {
        let machine = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
        let machine = machine
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok());
        let machine = machine
            .map(|id| id.trim().to_owned())
            .filter(|id| !id.is_empty());
        // machine-id(5) asks that the ID itself is not shown.
        let machine = machine.map(|id| {
            let hash =
                blake3::derive_key("wmlb 2026 which machine a restore runs on", id.as_bytes());
            hex(&hash[..8])
        });
        let number = rustix::process::getpid().as_raw_nonzero().get();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        Runner {
            machine: machine.unwrap_or_default(),
            boot: boot.unwrap_or_default().trim().to_owned(),
            space: space(),
            number,
            began: began(number).unwrap_or_default(),
        }
    }

    /// Whether it still runs.
    pub fn life(&self) -> Life {
        let this = Runner::this();
        let same = |one: &str, other: &str| !one.is_empty() && one == other;
        if !same(&self.boot, &this.boot) {
            // Of another machine nothing is known; of this one, that it was started again.
            return if same(&self.machine, &this.machine) {
                Life::Ended
            } else {
                Life::Unknown
            };
        }
        if self.space != this.space {
            return Life::Unknown;
        }
        match Pid::from_raw(self.number).map(rustix::process::test_kill_process) {
            None | Some(Err(Errno::SRCH)) => Life::Ended,
            // Another one may have the number by now.
            Some(_) => match began(self.number) {
                Some(began) if self.began != 0 && began != self.began => Life::Ended,
                _ => Life::Runs,
            },
        }
    }

    /// Of what [`Runner`] displays as.
    pub fn parse(words: &str) -> Option<Self> {
        let mut words = words.split(' ').map(|word| match word {
            "-" => "",
            word => word,
        });
        let mut next = || words.next();
        let process = Runner {
            machine: next()?.to_owned(),
            boot: next()?.to_owned(),
            space: next()?.to_owned(),
            number: next()?.parse().ok()?,
            began: next()?.parse().ok()?,
        };
        next().is_none().then_some(process)
    }
}

impl fmt::Display for Runner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for word in [&self.machine, &self.boot, &self.space] {
            write!(out, "{} ", if word.is_empty() { "-" } else { word })?;
        }
        write!(out, "{} {}", self.number, self.began)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn space() -> String {
    let target = rustix::fs::readlink("/proc/self/ns/pid", Vec::new());
    target.map_or(String::new(), |target| {
        target.to_string_lossy().into_owned()
    })
}

/// When a process began: the 22nd field of its line (proc_pid_stat(5)), behind a name that may have
/// anything in it.
fn began(number: i32) -> Option<u64> {
    let line = std::fs::read(format!("/proc/{number}/stat")).ok()?;
    let name_ends = line.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(line.get(name_ends + 2..)?).ok()?;
    rest.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_again() {
        let this = Runner::this();
        assert_eq!(Runner::parse(&this.to_string()), Some(this.clone()));
        assert_eq!(this.life(), Life::Runs);
    }

    #[test]
    #[cfg(linux_calls)]
    fn whether_a_process_runs() {
        let this = Runner::this();
        let change = |change: fn(&mut Runner)| {
            let mut other = this.clone();
            change(&mut other);
            other.life()
        };
        assert_eq!(change(|it| it.began += 1), Life::Ended);
        assert_eq!(change(|it| it.number = i32::MAX), Life::Ended);
        assert_eq!(
            change(|it| it.space = "elsewhere".to_owned()),
            Life::Unknown
        );
        let elsewhere = |it: &mut Runner| (it.boot, it.machine) = ("1".to_owned(), "2".to_owned());
        assert_eq!(change(elsewhere), Life::Unknown);
        if !this.machine.is_empty() {
            assert_eq!(change(|it| it.boot = "1".to_owned()), Life::Ended);
        }
    }

    #[test]
    fn what_says_no_process() {
        for words in ["", "- - - 1", "- - - x 1", "- - - 1 1 1", "- - - 1 -1"] {
            assert_eq!(Runner::parse(words), None, "{words}");
        }
        assert!(Runner::parse("- - - 1 0").is_some());
    }
}
