//! Who asks: what the caller gave, else the environment, else the shared credentials file, else
//! nobody.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use rusty_s3::Credentials;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// No file of credentials is larger.
const LARGEST_FILE: u64 = 1 << 20;

/// The credentials of the environment or of the shared file; None: requests are not signed. In a
/// process with rights that its user does not have, the user's environment does not count.
pub fn find() -> Result<Option<Credentials>> {
    if is_privileged() {
        return Ok(None);
    }
    if let Some(found) = from_environment()? {
        return Ok(Some(found));
    }
    from_file()
}

pub fn is_privileged() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    /// AT_SECURE of getauxval(3): also file capabilities and the like.
    const SECURE: usize = 23;
    const WORD: usize = size_of::<usize>();
    let vector = std::fs::read("/proc/self/auxv").unwrap_or_default();
    let word = |bytes: &[u8]| bytes.try_into().map_or(0, usize::from_ne_bytes);
    let is_secure = vector.chunks_exact(2 * WORD).any(|pair| {
        let (kind, value) = pair.split_at(WORD);
        word(kind) == SECURE && word(value) != 0
    });
    is_secure || getuid() != geteuid() || getgid() != getegid()
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Makes them; what is not given to the result is wiped.
pub fn make(key: &str, secret: &str, token: Option<&str>) -> Result<Credentials> {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || secret.is_empty() || ![key, secret].into_iter().all(is_plain) {
        return Err(Error::argument(
            "the ID or the secret of the credentials is empty, or not plain text",
        ));
    }
    match token.filter(|token| !token.is_empty()) {
        Some(token) if !is_plain(token) => Err(Error::argument(
            "the token of the credentials is not plain text",
        )),
        Some(token) => Ok(Credentials::new_with_token(key, secret, token)),
        None => Ok(Credentials::new(key, secret)),
    }
}

fn from_environment() -> Result<Option<Credentials>> {
    let Some(key) = variable("AWS_ACCESS_KEY_ID") else {
        return Ok(None);
    };
    let Some(secret) = variable("AWS_SECRET_ACCESS_KEY").map(Zeroizing::new) else {
        return Err(Error::argument(
            "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY",
        ));
    };
    let token = variable("AWS_SESSION_TOKEN").map(Zeroizing::new);
    make(&key, &secret, token.as_ref().map(|token| token.as_str())).map(Some)
}

fn from_file() -> Result<Option<Credentials>> {
    let named = variable("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
    let home = || Some(PathBuf::from(variable("HOME")?).join(".aws/credentials"));
    let Some(path) = named.or_else(home) else {
        return Ok(None);
    };
    let words = |error| Error::argument(format!("cannot read {}: {error}", path.display()));
    let file = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(words)?,
    };
    if !file.metadata().map_err(words)?.is_file() {
        return Err(Error::argument(format!("{} is not a file", path.display())));
    }
    // All the room at once: text that grows would leave copies of itself behind.
    let mut text = Zeroizing::new(String::with_capacity(LARGEST_FILE as usize));
    file.take(LARGEST_FILE)
        .read_to_string(&mut text)
        .map_err(words)?;
    let profile = variable("AWS_PROFILE");
    match in_profile(&text, profile.as_deref().unwrap_or("default")) {
        [Some(key), Some(secret), token] => make(key, secret, token).map(Some),
        [None, None, _] if profile.is_none() => Ok(None),
        _ => Err(Error::argument(format!(
            "{} has no credentials of the profile {:?}",
            path.display(),
            profile.as_deref().unwrap_or("default")
        ))),
    }
}

/// The ID, the secret and the token that a profile has.
fn in_profile<'a>(text: &'a str, profile: &str) -> [Option<&'a str>; 3] {
    const NAMES: [&str; 3] = [
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
    ];
    let mut found = [None; 3];
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            is_inside = name.strip_suffix(']').map(str::trim) == Some(profile);
        } else if let Some((name, value)) = line.split_once('=').filter(|_| is_inside) {
            let name = name.trim();
            let at = NAMES
                .iter()
                .position(|known| name.eq_ignore_ascii_case(known));
            if let Some(at) = at.filter(|_| !value.trim().is_empty()) {
                found[at] = Some(value.trim());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_profile_has() {
        let text = "# a comment = no value\n[other]\naws_access_key_id = A\n\
                    aws_secret_access_key = B\n[ default ]\naws_access_key_id=C=\n\
                    AWS_SECRET_ACCESS_KEY =  D\naws_session_token =\n";
        assert_eq!(in_profile(text, "default"), [Some("C="), Some("D"), None]);
        assert_eq!(in_profile(text, "other"), [Some("A"), Some("B"), None]);
        assert_eq!(in_profile(text, "none"), [None; 3]);
    }

    #[test]
    fn what_credentials_may_be() {
        for (key, secret) in [("", "s"), ("k", ""), ("k\n", "s"), ("k", "s\u{7f}")] {
            assert!(make(key, secret, None).is_err(), "{key:?} {secret:?}");
        }
        assert!(make("k", "s", Some("a b")).is_err());
        assert_eq!(make("k", "s", Some("")).unwrap().token(), None);
        assert_eq!(make("k", "s", Some("t")).unwrap().token(), Some("t"));
    }
}
