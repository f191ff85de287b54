//! How one request is sent: again if it has to be, not beyond its deadline, and ended within a
//! moment when it is canceled.

mod token;
mod transport;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusty_s3::{Credentials, Method, signing};
use ureq::http::{Request as HttpRequest, Response as HttpResponse};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::{Connector, RustlsConnector};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use crate::error::{self, Error, Result};
use crate::place::Place;
pub use token::{Calls, Token};

/// How long a signature is good for.
const EXPIRES: u64 = 600;
/// The pauses between tries: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// No answer but an object's content is larger.
pub const LARGEST_TEXT: u64 = 8 << 20;

/// A request to a bucket, or to an object in it.
pub struct Request<'a> {
    pub method: Method,
    /// None: the bucket.
    pub key: Option<&'a str>,
    /// In the order of their names.
    pub query: &'a [(&'a str, &'a str)],
    /// Likewise, in small letters. They are signed too.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    /// An answer with more bytes is an error.
    pub largest: u64,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub tag: String,
    pub length: Option<u64>,
    /// The server's time, in Unix seconds.
    pub time: Option<i64>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> Result<&str> {
        str::from_utf8(&self.body)
            .map_err(|_| Error::new(error::FAIL, "an answer that is not text"))
    }

    /// The code in the body of an answer that tells of an error.
    pub fn code(&self) -> &str {
        let text = str::from_utf8(&self.body).unwrap_or_default();
        let code = text
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split_once("</Code>"))
            .map_or("", |(code, _)| code);
        let is_plain = code.len() < 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_plain { code } else { "" }
    }

    /// The tag in the body of an answer that tells of a copied part.
    pub fn copied_tag(&self) -> Option<String> {
        let text = str::from_utf8(&self.body).ok()?;
        let (_, rest) = text.split_once("<ETag>")?;
        let (tag, _) = rest.split_once("</ETag>")?;
        let tag = tag.replace("&quot;", "\"").replace("&#34;", "\"");
        (!tag.is_empty() && !tag.contains(['<', '&'])).then_some(tag)
    }

    /// What an answer means that is not the one that was asked for.
    pub fn error(&self) -> Error {
        let code = self.code();
        let said = match code {
            "" => format!("the server answered {}", self.status),
            code => format!("the server answered {} {code}", self.status),
        };
        match (self.status, code) {
            (_, "RequestTimeTooSkewed") => Error::new(
                error::CLOCK,
                format!("{said}: the clock here and the server's differ too much"),
            ),
            (404, "NoSuchBucket") => Error::new(error::NO_BUCKET, said),
            (404, _) => Error::new(error::NO_BACKUP, said),
            (401 | 403, _) => Error::new(error::ACCESS_DENIED, said),
            (301 | 307 | 308, _) => Error::new(
                error::FAIL,
                format!("{said}: the bucket is in another region or at another endpoint"),
            ),
            (501, _) => Error::new(error::NOT_IMPLEMENTED, said),
            _ => Error::new(error::FAIL, said),
        }
    }
}

/// Why there is no answer. Whether the server has done what it was asked is not known.
pub enum Failure {
    /// Another try may have one.
    Passing(Error),
    Final(Error),
}

pub struct Client {
    agent: Agent,
}

impl Client {
    pub fn new(place: &Place) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let is_secure = place.bucket.base_url().scheme() == "https";
        let roots = if is_secure { roots(place)? } else { Vec::new() };
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::new_with_certs(&roots))
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("wmlb-remote/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .max_idle_connections_per_host(32)
            .max_idle_connections(32)
            .tls_config(tls)
            .build();
        let connector = ().chain(transport::Tcp).chain(RustlsConnector::default());
        Ok(Client {
            agent: Agent::with_parts(config, connector, transport::Names),
        })
    }

    /// Sends a request until there is an answer that another try would not change.
    pub fn send(
        &self,
        place: &Place,
        credentials: Option<&Credentials>,
        request: &Request<'_>,
        token: &Token,
    ) -> Result<Answer> {
        let mut tries = Tries::new(place.deadline);
        loop {
            let again = match self.once(place, credentials, request, token) {
                Ok(answer) if !is_passing(answer.status) => return Ok(answer),
                Ok(answer) => answer.error(),
                Err(Failure::Passing(error)) => error,
                Err(Failure::Final(error)) => return Err(error),
            };
            tries.pause(again, token)?;
        }
    }

    /// Sends a request one time.
    pub fn once(
        &self,
        place: &Place,
        credentials: Option<&Credentials>,
        request: &Request<'_>,
        token: &Token,
    ) -> std::result::Result<Answer, Failure> {
        token.check().map_err(Failure::Final)?;
        let url = sign(place, credentials, request).map_err(Failure::Final)?;
        let mut http = HttpRequest::builder()
            .method(request.method.to_str())
            .uri(url.as_str());
        for (name, value) in request.headers {
            http = http.header(*name, *value);
        }
        let told = |_| Failure::Final(Error::argument("a request that cannot be made"));
        let answered = token.during(|| match request.method {
            Method::Put | Method::Post => self
                .agent
                .run(http.body(request.body).map_err(told)?)
                .map_err(|error| failure(&error, token)),
            _ => self
                .agent
                .run(http.body(()).map_err(told)?)
                .map_err(|error| failure(&error, token)),
        })?;
        let read = token.during(|| read(answered, request.largest));
        read.map_err(|error| failure(&error, token))
    }
}

fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The tries of one thing: the pauses between them grow, and are nowhere the same.
pub struct Tries {
    end: Instant,
    pause: Duration,
}

impl Tries {
    pub fn new(deadline: Duration) -> Self {
        Tries {
            end: Instant::now() + deadline,
            pause: FIRST_PAUSE,
        }
    }

    /// Waits before the next try; an error if there is to be none.
    pub fn pause(&mut self, because: Error, token: &Token) -> Result<()> {
        let share = f64::from(u32::from_le_bytes(random())) / f64::from(u32::MAX);
        let pause = self.pause.mul_f64(0.5 + share / 2.0);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if Instant::now() + pause > self.end {
            let words = format!("no answer before the deadline: {}", because.words);
            return Err(Error::new(error::TIMEOUT, words));
        }
        token.sleep(pause)
    }
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> [u8; N] {
    use rustix::rand::{GetRandomFlags, getrandom};
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            // No kernel that Rust runs on lacks it.
            Err(_) => thread::yield_now(),
        }
    }
    bytes
}

/// The URL of a request, with its signature.
fn sign(
    place: &Place,
    credentials: Option<&Credentials>,
    request: &Request<'_>,
) -> Result<Zeroizing<String>> {
    let url = match request.key {
        Some(key) => place.bucket.object_url(key),
        None => Ok(place.bucket.base_url().clone()),
    };
    let mut url = url.map_err(|error| Error::argument(error.to_string()))?;
    let Some(credentials) = credentials else {
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        return Ok(Zeroizing::new(url.into()));
    };
    let signed = signing::sign(
        &jiff::Timestamp::now(),
        request.method,
        url,
        credentials.key(),
        credentials.secret(),
        credentials.token(),
        place.bucket.region(),
        EXPIRES,
        request.query.iter().copied(),
        request.headers.iter().copied(),
    );
    Ok(Zeroizing::new(signed.into()))
}

fn read(answer: HttpResponse<Body>, largest: u64) -> std::result::Result<Answer, ureq::Error> {
    let (parts, mut body) = answer.into_parts();
    let header = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let largest = if parts.status.is_success() {
        largest
    } else {
        LARGEST_TEXT
    };
    Ok(Answer {
        status: parts.status.as_u16(),
        tag: header("etag").unwrap_or_default().to_owned(),
        length: header("content-length").and_then(|length| length.parse().ok()),
        time: header("date").and_then(|date| {
            let date = jiff::fmt::rfc2822::parse(date).ok()?;
            Some(date.timestamp().as_second())
        }),
        body: body.with_config().limit(largest).read_to_vec()?,
    })
}

/// What a failure means. Its own words may have the URL in them, which is signed.
fn failure(error: &ureq::Error, token: &Token) -> Failure {
    if let Err(canceled) = token.check() {
        return Failure::Final(canceled);
    }
    let unreachable = |words: String| Failure::Passing(Error::new(error::FAIL, words));
    match error {
        ureq::Error::Io(error) => {
            // The handshake's failures come in here, too.
            match error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            {
                Some(error) => distrust(error),
                None => unreachable(format!("the server cannot be reached: {error}")),
            }
        }
        ureq::Error::Rustls(error) => distrust(error),
        ureq::Error::HostNotFound => unreachable("the server's name is not known".to_owned()),
        ureq::Error::ConnectionFailed => unreachable("the server cannot be reached".to_owned()),
        ureq::Error::Timeout(_) => unreachable("the server does not answer".to_owned()),
        ureq::Error::BodyExceedsLimit(_) => Failure::Final(Error::new(
            error::FAIL,
            "the server's answer is larger than what was asked for",
        )),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            Failure::Final(Error::argument("a request that cannot be made"))
        }
        _ => unreachable("the server's answer is not one of HTTP, or not whole".to_owned()),
    }
}

fn distrust(error: &rustls::Error) -> Failure {
    let words = format!("the server is not trusted: {error}");
    match error {
        rustls::Error::InvalidCertificate(_) => {
            Failure::Final(Error::new(error::ACCESS_DENIED, words))
        }
        _ => Failure::Passing(Error::new(error::FAIL, words)),
    }
}

/// The certificates to trust: those of the file that the URL names, or the system's.
fn roots(place: &Place) -> Result<Vec<Certificate<'static>>> {
    let Some(path) = &place.roots else {
        let found = rustls_native_certs::load_native_certs();
        let roots = found.certs.iter();
        return Ok(roots
            .map(|root| Certificate::from_der(root).to_owned())
            .collect());
    };
    let words = |problem: String| Error::argument(format!("roots: {}: {problem}", path.display()));
    let text = std::fs::read(path).map_err(|error| words(error.to_string()))?;
    let mut roots = Vec::new();
    for item in parse_pem(&text) {
        match item {
            Ok(PemItem::Certificate(root)) => roots.push(root),
            Ok(_) => {}
            Err(_) => return Err(words("not certificates in PEM".to_owned())),
        }
    }
    if roots.is_empty() {
        return Err(words("no certificate".to_owned()));
    }
    Ok(roots)
}
