//! The environment: which folders are the user's (XDG base directory specification).
//!
//! An empty variable is as good as none, and so is one that has to hold an absolute path and does
//! not. In a program that runs with more rights than the user who started it, the environment is
//! that user's word and not to be trusted: there every variable is as good as none.

use std::path::PathBuf;

/// A variable that is set.
pub fn variable(name: &str) -> Option<PathBuf> {
    if is_privileged() {
        return None;
    }
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// A variable that holds an absolute path.
pub fn absolute(name: &str) -> Option<PathBuf> {
    variable(name).filter(|path| path.is_absolute())
}

/// `$HOME`.
pub fn home() -> Option<PathBuf> {
    absolute("HOME")
}

/// `$HOME`, or what the password database says without it.
pub fn home_or_account() -> Option<PathBuf> {
    home().or_else(account_home)
}

/// The library's folder among the user's data: `$XDG_DATA_HOME/wmlb`.
pub fn data_folder() -> Option<PathBuf> {
    own_folder("XDG_DATA_HOME", ".local/share")
}

/// The library's folder for files that can be made again: `$XDG_CACHE_HOME/wmlb`.
pub fn cache_folder() -> Option<PathBuf> {
    own_folder("XDG_CACHE_HOME", ".cache")
}

/// The library's folder for what it keeps about this machine: `$XDG_STATE_HOME/wmlb`.
pub fn state_folder() -> Option<PathBuf> {
    own_folder("XDG_STATE_HOME", ".local/state")
}

fn own_folder(name: &str, below_home: &str) -> Option<PathBuf> {
    let folder = absolute(name).or_else(|| Some(home()?.join(below_home)))?;
    Some(folder.join("wmlb"))
}

/// Whether the process has rights that the user who started it does not have (set-user-ID,
/// set-group-ID, file capabilities), as secure_getenv(3) understands it.
fn is_privileged() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // SAFETY: the call takes a number only.
        unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        use rustix::process::{getegid, geteuid, getgid, getuid};
        getuid() != geteuid() || getgid() != getegid()
    }
}

/// The home folder of this user's account in the password database.
fn account_home() -> Option<PathBuf> {
    use std::ffi::{CStr, OsStr};
    use std::os::unix::ffi::OsStrExt;

    const ROOM: usize = 16 << 10;
    let mut buffer: Vec<libc::c_char> = Vec::new();
    buffer.try_reserve_exact(ROOM).ok()?;
    let mut account = std::mem::MaybeUninit::<libc::passwd>::uninit();
    let mut found = std::ptr::null_mut();
    // SAFETY: all of it outlives the call, and the buffer has that much room.
    unsafe {
        let result = libc::getpwuid_r(
            libc::getuid(),
            account.as_mut_ptr(),
            buffer.as_mut_ptr(),
            ROOM,
            &mut found,
        );
        if result != 0 || found.is_null() || (*found).pw_dir.is_null() {
            return None;
        }
        let home = CStr::from_ptr((*found).pw_dir);
        let home = PathBuf::from(OsStr::from_bytes(home.to_bytes()));
        home.is_absolute().then_some(home)
    }
}
