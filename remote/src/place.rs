//! What a URL says: `s3://bucket/prefix?endpoint=...&region=...`.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use rusty_s3::{Bucket, UrlStyle};
use url::{Host, Url};

use crate::error::{Error, Result};

/// Keys have at most 1,024 bytes, of which devices and generations need their part.
const LONGEST_PREFIX: usize = 512;
const DEFAULT_DEADLINE: u64 = 60;
const LONGEST_DEADLINE: u64 = 24 * 60 * 60;

/// Where backups are kept, and how to get there.
#[derive(Debug)]
pub struct Place {
    pub bucket: Bucket,
    /// What comes before the device in a key: "" or "some/thing/".
    pub prefix: String,
    /// A file of certificates to trust in place of the system's.
    pub roots: Option<PathBuf>,
    /// How long a request is tried for.
    pub deadline: Duration,
}

impl Place {
    pub fn parse(text: &str) -> Result<Self> {
        let url = Url::parse(text).map_err(|error| Error::argument(format!("the URL: {error}")))?;
        if url.scheme() != "s3" {
            return Err(Error::argument("the URL does not begin with s3://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::argument(
                "the URL has credentials, which are never taken from one",
            ));
        }
        let name = url.host_str().unwrap_or_default();
        if !is_bucket(name) || url.port().is_some() || url.fragment().is_some() {
            return Err(Error::argument("the URL is not s3://bucket/prefix?..."));
        }
        let settings = Settings::read(&url)?;
        let region = settings.region.unwrap_or_else(|| {
            ["AWS_REGION", "AWS_DEFAULT_REGION"]
                .into_iter()
                .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
                .unwrap_or_else(|| "us-east-1".to_owned())
        });
        if !is_word(&region) {
            return Err(Error::argument("the region is not one"));
        }
        let (endpoint, usual) = match settings.endpoint {
            Some(endpoint) => (parse_endpoint(&endpoint)?, UrlStyle::Path),
            None => {
                let endpoint = format!("https://s3.{region}.amazonaws.com");
                // Certificates of the service have one level of names.
                let usual = if name.contains('.') {
                    UrlStyle::Path
                } else {
                    UrlStyle::VirtualHost
                };
                (parse_endpoint(&endpoint)?, usual)
            }
        };
        if endpoint.scheme() == "http" && !settings.insecure && !is_loopback(&endpoint) {
            return Err(Error::argument(
                "the endpoint is not https, and the URL does not say insecure=1",
            ));
        }
        let style = settings.style.unwrap_or(usual);
        let bucket = Bucket::new(endpoint, style, name.to_owned(), region)
            .map_err(|error| Error::argument(format!("the endpoint: {error}")))?;
        Ok(Place {
            bucket,
            prefix: parse_prefix(&url)?,
            roots: settings.roots,
            deadline: settings.deadline,
        })
    }
}

#[derive(Default)]
struct Settings {
    endpoint: Option<String>,
    region: Option<String>,
    style: Option<UrlStyle>,
    roots: Option<PathBuf>,
    insecure: bool,
    deadline: Duration,
}

impl Settings {
    fn read(url: &Url) -> Result<Self> {
        let mut settings = Settings {
            deadline: Duration::from_secs(DEFAULT_DEADLINE),
            ..Settings::default()
        };
        let mut seen = Vec::new();
        for (name, value) in url.query_pairs() {
            let wrong = || Error::argument(format!("the URL's {name} is not one: {value:?}"));
            if seen.contains(&name) {
                return Err(Error::argument(format!("the URL has {name} twice")));
            }
            match (&*name, &*value) {
                ("endpoint", value) => settings.endpoint = Some(value.to_owned()),
                ("region", value) => settings.region = Some(value.to_owned()),
                ("style", "path") => settings.style = Some(UrlStyle::Path),
                ("style", "host") => settings.style = Some(UrlStyle::VirtualHost),
                ("roots", value) if !value.is_empty() => settings.roots = Some(value.into()),
                ("insecure", "0" | "1") => settings.insecure = value == "1",
                ("deadline", value) => {
                    let seconds = value.parse().ok();
                    let seconds =
                        seconds.filter(|seconds| (1..=LONGEST_DEADLINE).contains(seconds));
                    settings.deadline = Duration::from_secs(seconds.ok_or_else(wrong)?);
                }
                ("style" | "roots" | "insecure", _) => return Err(wrong()),
                _ => return Err(Error::argument(format!("the URL's {name:?} is not known"))),
            }
            seen.push(name);
        }
        Ok(settings)
    }
}

fn parse_endpoint(text: &str) -> Result<Url> {
    let url =
        Url::parse(text).map_err(|error| Error::argument(format!("the endpoint: {error}")))?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if is_plain {
        Ok(url)
    } else {
        Err(Error::argument(
            "the endpoint is not https://host or https://host:port",
        ))
    }
}

fn parse_prefix(url: &Url) -> Result<String> {
    let path = url.path().trim_matches('/');
    if path.is_empty() {
        return Ok(String::new());
    }
    // What needs no escape has no two spellings, in keys, signatures and lists.
    let is_good = path.split('/').all(is_key_part) && path.len() <= LONGEST_PREFIX;
    if is_good {
        Ok(format!("{path}/"))
    } else {
        Err(Error::argument(
            "the prefix has other characters than letters, digits, - _ . and /, a part that is \
             empty or begins with a dot, or more than 512 bytes",
        ))
    }
}

/// Whether a part of a key may be called this.
pub fn is_key_part(text: &str) -> bool {
    is_word(text) && !text.starts_with('.')
}

fn is_word(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.bytes().all(good)
}

fn is_bucket(name: &str) -> bool {
    (1..=255).contains(&name.len()) && is_key_part(name)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_urls_say() {
        for (url, base, prefix) in [
            (
                "s3://bucket/a/b?region=eu-west-1",
                "https://bucket.s3.eu-west-1.amazonaws.com/",
                "a/b/",
            ),
            (
                "s3://b.example/?region=x",
                "https://s3.x.amazonaws.com/b.example/",
                "",
            ),
            (
                "s3://b?endpoint=http://127.0.0.1:9000",
                "http://127.0.0.1:9000/b/",
                "",
            ),
            (
                "s3://b?endpoint=http://[::1]:9000",
                "http://[::1]:9000/b/",
                "",
            ),
            (
                "s3://b?endpoint=http://host.example&insecure=1&style=host",
                "http://b.host.example/",
                "",
            ),
        ] {
            let place = Place::parse(url).unwrap_or_else(|error| panic!("{url}: {error:?}"));
            assert_eq!(place.bucket.base_url().as_str(), base, "{url}");
            assert_eq!(place.prefix, prefix, "{url}");
        }
    }

    #[test]
    fn what_urls_may_not_say() {
        for url in [
            "",
            "https://bucket/",
            "s3://",
            "s3://id:secret@bucket/",
            "s3://bucket:80/",
            "s3://bucket/#x",
            "s3://bucket/a//b",
            "s3://bucket/.a",
            "s3://bucket/a%20b",
            "s3://bucket?endpoint=http://host.example",
            "s3://bucket?endpoint=http://127.0.0.1.example&insecure=0",
            "s3://bucket?endpoint=ftp://127.0.0.1",
            "s3://bucket?endpoint=https://id:secret@host.example",
            "s3://bucket?endpoint=https://host.example/path",
            "s3://bucket?insecure=yes",
            "s3://bucket?region=a&region=b",
            "s3://bucket?region=a/b",
            "s3://bucket?deadline=0",
            "s3://bucket?secret=x",
        ] {
            let parsed = Place::parse(url);
            assert_eq!(
                parsed.map_err(|error| error.code).err(),
                Some(crate::error::ARGUMENT),
                "{url}"
            );
        }
    }
}
