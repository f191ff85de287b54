//! Which process on which running system has made a file, for file systems without locks, or
//! whose locks other systems do not see.

use rustix::process::{Pid, test_kill_process};

/// Bits of each part; the number of a process has no more (Linux's PID_MAX_LIMIT).
const SYSTEM: u32 = 24;
const PROCESS: u32 = 22;

/// A process, by a number of 46 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Bits of a hash of what tells one running system, and one numbering of processes in it,
    /// from others.
    system: u32,
    process: u32,
}

/// What is known of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs, or another one has its number by now.
    Runs,
    Ended,
    /// It is one of another system, or of before this one started.
    Unknown,
}

impl Owner {
    /// The process that asks.
    pub fn this() -> Self {
        Owner {
            system: running_system(),
            process: std::process::id() & ((1 << PROCESS) - 1),
        }
    }

    pub fn to_bits(self) -> u64 {
        u64::from(self.system) << PROCESS | u64::from(self.process)
    }

    pub fn from_bits(bits: u64) -> Self {
        Owner {
            system: (bits >> PROCESS) as u32 & ((1 << SYSTEM) - 1),
            process: bits as u32 & ((1 << PROCESS) - 1),
        }
    }

    pub fn life(self) -> Life {
        if self.system != running_system() {
            return Life::Unknown;
        }
        let process = i32::try_from(self.process).ok().and_then(Pid::from_raw);
        match process.map(test_kill_process) {
            None | Some(Err(rustix::io::Errno::SRCH)) => Life::Ended,
            // Not permitted: it is there, and somebody else's.
            Some(_) => Life::Runs,
        }
    }
}

/// Tells this system, since it was started, from others, and numberings of processes that
/// containers have of their own from each other.
fn running_system() -> u32 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(rustix::system::uname().nodename().to_bytes());
    #[cfg(linux_kernel)]
    {
        let boot = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        hasher.update(&boot);
        if let Ok(numbering) = rustix::fs::readlink("/proc/self/ns/pid", Vec::new()) {
            hasher.update(numbering.as_bytes());
        }
    }
    let [a, b, c, ..] = *hasher.finalize().as_bytes();
    u32::from_be_bytes([0, a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_numbers_and_live() {
        let this = Owner::this();
        assert_eq!(Owner::from_bits(this.to_bits()), this);
        assert_eq!(this.to_bits() >> (SYSTEM + PROCESS), 0);
        assert_eq!(this.life(), Life::Runs);
        let other = Owner {
            system: this.system ^ 1,
            ..this
        };
        assert_eq!(other.life(), Life::Unknown);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = Owner {
            process: child.id(),
            ..this
        };
        child.wait().unwrap();
        assert_eq!(ended.life(), Life::Ended);
    }
}
