//! The requests of S3 that backups need.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use instant_xml::FromXml;
use rusty_s3::actions::{CompleteMultipartUpload, CreateMultipartUpload, ListObjectsV2, ListParts};
use rusty_s3::{Credentials, Method};

use crate::credentials;
use crate::error::{self, Error, Result};
use crate::http::{Answer, Client, Failure, LARGEST_TEXT, Request, Token};
use crate::place::Place;
use crate::publish::{Condition, Event};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A bucket, and who asks.
pub struct Store {
    pub place: Place,
    client: Client,
    credentials: Mutex<Who>,
}

#[derive(Clone)]
enum Who {
    /// Not looked for yet.
    Unknown,
    Known(Option<Arc<Credentials>>),
}

/// An object as a list tells of it.
#[derive(Debug)]
pub struct Listed {
    pub key: String,
    pub size: u64,
    /// Unix seconds.
    pub modified: i64,
}

/// A multipart upload that was neither completed nor aborted.
#[derive(Debug, FromXml)]
#[xml(rename = "Upload", ns(NAMESPACE))]
pub struct Unfinished {
    #[xml(rename = "Key")]
    pub key: String,
    #[xml(rename = "UploadId")]
    pub id: String,
    #[xml(rename = "Initiated")]
    initiated: String,
}

impl Unfinished {
    /// When it was begun, in Unix seconds.
    pub fn initiated(&self) -> Option<i64> {
        seconds(&self.initiated)
    }
}

#[derive(FromXml)]
#[xml(rename = "ListMultipartUploadsResult", ns(NAMESPACE))]
struct UnfinishedList {
    uploads: Vec<Unfinished>,
    #[xml(rename = "NextKeyMarker")]
    next_key: Option<String>,
    #[xml(rename = "NextUploadIdMarker")]
    next_id: Option<String>,
    #[xml(rename = "IsTruncated")]
    is_truncated: Option<bool>,
}

fn seconds(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_second())
}

impl Store {
    pub fn new(place: Place) -> Result<Self> {
        Ok(Store {
            client: Client::new(&place)?,
            place,
            credentials: Mutex::new(Who::Unknown),
        })
    }

    pub fn set_credentials(&self, credentials: Option<Credentials>) {
        let who = credentials.map_or(Who::Unknown, |found| Who::Known(Some(Arc::new(found))));
        *self
            .credentials
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = who;
    }

    fn credentials(&self) -> Result<Option<Arc<Credentials>>> {
        let mut who = self
            .credentials
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Who::Known(credentials) = &*who {
            return Ok(credentials.clone());
        }
        let found = credentials::find()?.map(Arc::new);
        *who = Who::Known(found.clone());
        Ok(found)
    }

    /// Sends until there is an answer, which is one of those that are expected.
    fn send(&self, request: &Request<'_>, token: &Token, expected: &[u16]) -> Result<Answer> {
        let credentials = self.credentials()?;
        let answer = self
            .client
            .send(&self.place, credentials.as_deref(), request, token)?;
        if expected.contains(&answer.status) {
            Ok(answer)
        } else {
            Err(answer.error())
        }
    }

    fn once(&self, request: &Request<'_>, token: &Token) -> std::result::Result<Answer, Failure> {
        let credentials = self.credentials().map_err(Failure::Final)?;
        self.client
            .once(&self.place, credentials.as_deref(), request, token)
    }

    /// A small object and its tag, if it is there.
    pub fn get(&self, key: &str, largest: u64, token: &Token) -> Result<Option<(Vec<u8>, String)>> {
        let request = Request {
            method: Method::Get,
            key: Some(key),
            query: &[],
            headers: &[],
            body: &[],
            largest,
        };
        match self.send(&request, token, &[200]) {
            Ok(answer) => Ok(Some((answer.body, answer.tag))),
            Err(error) if error.code == error::NO_BACKUP => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The bytes of an object from `from` to before `to`, which are all there.
    pub fn read(&self, key: &str, from: u64, to: u64, token: &Token) -> Result<Vec<u8>> {
        let range = format!("bytes={from}-{}", to - 1);
        let request = Request {
            method: Method::Get,
            key: Some(key),
            query: &[],
            headers: &[("range", &range)],
            body: &[],
            largest: to - from,
        };
        // There are servers that say 200 of a part, too.
        let answer = self.send(&request, token, &[200, 206])?;
        if answer.body.len() as u64 != to - from {
            return Err(Error::corrupt(format!("{key} is shorter than it was")));
        }
        Ok(answer.body)
    }

    /// The size of an object, if it is there.
    pub fn size(&self, key: &str, token: &Token) -> Result<Option<u64>> {
        let request = Request {
            method: Method::Head,
            key: Some(key),
            query: &[],
            headers: &[],
            body: &[],
            largest: 0,
        };
        let answer = self.send(&request, token, &[200, 404])?;
        match (answer.status, answer.length) {
            (404, _) => Ok(None),
            (_, Some(length)) => Ok(Some(length)),
            (_, None) => Err(Error::new(error::FAIL, "the server tells no sizes")),
        }
    }

    pub fn put(&self, key: &str, body: &[u8], token: &Token) -> Result<()> {
        self.send(&put(key, body, &[]), token, &[200]).map(drop)
    }

    /// Writes an object under a condition, one time, and says what came of it.
    pub fn put_if(
        &self,
        key: &str,
        body: &[u8],
        condition: &Condition,
        token: &Token,
    ) -> Result<Event> {
        let header;
        let headers: &[(&str, &str)] = match condition {
            Condition::Absent => &[("if-none-match", "*")],
            Condition::Tag(tag) => {
                header = [("if-match", tag.as_str())];
                &header
            }
            Condition::Nothing => &[],
        };
        match self.once(&put(key, body, headers), token) {
            Ok(answer) => match answer.status {
                200 => Ok(Event::Written),
                412 => Ok(Event::Refused),
                404 if answer.code() != "NoSuchBucket"
                    && matches!(condition, Condition::Tag(_)) =>
                {
                    Ok(Event::Refused)
                }
                409 => Ok(Event::Conflict),
                501 if *condition != Condition::Nothing => Ok(Event::Unsupported),
                408 | 429 | 500..=599 => Ok(Event::Unclear),
                _ => Err(answer.error()),
            },
            Err(Failure::Passing(_)) => Ok(Event::Unclear),
            Err(Failure::Final(error)) => Err(error),
        }
    }

    /// Removes an object. One that is not there is removed already.
    pub fn delete(&self, key: &str, token: &Token) -> Result<()> {
        let request = Request {
            method: Method::Delete,
            key: Some(key),
            query: &[],
            headers: &[],
            body: &[],
            largest: LARGEST_TEXT,
        };
        self.send(&request, token, &[200, 204, 404]).map(drop)
    }

    pub fn begin_parts(&self, key: &str, token: &Token) -> Result<String> {
        let request = Request {
            method: Method::Post,
            key: Some(key),
            query: &[("uploads", "")],
            headers: &[],
            body: &[],
            largest: LARGEST_TEXT,
        };
        let answer = self.send(&request, token, &[200])?;
        let parsed = CreateMultipartUpload::parse_response(answer.text()?);
        let parsed = parsed.map_err(|error| strange("a begun upload", &error))?;
        Ok(parsed.upload_id().to_owned())
    }

    /// Uploads a part, and gives its tag.
    pub fn put_part(
        &self,
        key: &str,
        id: &str,
        number: u16,
        body: &[u8],
        token: &Token,
    ) -> Result<String> {
        let number = number.to_string();
        let request = Request {
            query: &[("partNumber", &number), ("uploadId", id)],
            ..put(key, body, &[])
        };
        let answer = self.send(&request, token, &[200])?;
        if answer.tag.is_empty() {
            return Err(Error::new(error::FAIL, "the server tells no tags of parts"));
        }
        Ok(answer.tag)
    }

    /// Has the server copy bytes of another object as a part, and gives its tag; None: it does not
    /// copy.
    pub fn copy_part(
        &self,
        key: &str,
        id: &str,
        number: u16,
        from: &str,
        bytes: &Range<u64>,
        token: &Token,
    ) -> Result<Option<String>> {
        let number = number.to_string();
        // Names of buckets and keys have no character that needs an escape.
        let source = format!("/{}/{from}", self.place.bucket.name());
        let range = format!("bytes={}-{}", bytes.start, bytes.end - 1);
        let headers = [
            ("x-amz-copy-source", source.as_str()),
            ("x-amz-copy-source-range", range.as_str()),
        ];
        let request = Request {
            query: &[("partNumber", &number), ("uploadId", id)],
            ..put(key, &[], &headers)
        };
        match self.send(&request, token, &[200]) {
            // A failure that comes late comes in the body, and there is no tag then.
            Ok(answer) => Ok(answer.copied_tag()),
            Err(error) if matches!(error.code, error::NOT_IMPLEMENTED | error::FAIL) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an object of parts, one time; false: nobody knows whether it did.
    pub fn complete(&self, key: &str, id: &str, tags: &[String], token: &Token) -> Result<bool> {
        let tags = tags.iter().map(String::as_str);
        let bucket = &self.place.bucket;
        let body = CompleteMultipartUpload::new(bucket, None, key, id, tags).body();
        let request = Request {
            method: Method::Post,
            key: Some(key),
            query: &[("uploadId", id)],
            headers: &[],
            body: body.as_bytes(),
            largest: LARGEST_TEXT,
        };
        match self.once(&request, token) {
            // A failure that comes late comes in the body.
            Ok(answer) if answer.status == 200 => Ok(answer.code().is_empty()),
            // Of an upload that was completed before, there is nothing left.
            Ok(answer) if matches!(answer.status, 404 | 408 | 409 | 429 | 500..=599) => Ok(false),
            Ok(answer) => Err(answer.error()),
            Err(Failure::Passing(_)) => Ok(false),
            Err(Failure::Final(error)) => Err(error),
        }
    }

    pub fn abort(&self, key: &str, id: &str, token: &Token) -> Result<()> {
        let request = Request {
            method: Method::Delete,
            key: Some(key),
            query: &[("uploadId", id)],
            headers: &[],
            body: &[],
            largest: LARGEST_TEXT,
        };
        self.send(&request, token, &[200, 204, 404]).map(drop)
    }

    /// Tells of each object whose key begins with the prefix and has no other `/` after it, and of
    /// each beginning of keys up to such a `/`. Gives the server's time.
    pub fn list(
        &self,
        prefix: &str,
        token: &Token,
        mut object: impl FnMut(Listed),
        mut folder: impl FnMut(String),
    ) -> Result<Option<i64>> {
        let mut next: Option<String> = None;
        loop {
            let mut query = Vec::new();
            query.extend(next.as_deref().map(|next| ("continuation-token", next)));
            query.push(("delimiter", "/"));
            query.push(("encoding-type", "url"));
            query.push(("list-type", "2"));
            query.push(("prefix", prefix));
            let answer = self.send(&list_of_bucket(&query), token, &[200])?;
            let parsed = ListObjectsV2::parse_response(answer.text()?);
            let parsed = parsed.map_err(|error| strange("a list", &error))?;
            for listed in parsed.contents {
                object(Listed {
                    key: listed.key,
                    size: listed.size,
                    modified: seconds(&listed.last_modified).unwrap_or(i64::MAX),
                });
            }
            parsed
                .common_prefixes
                .into_iter()
                .for_each(|found| folder(found.prefix));
            match parsed
                .next_continuation_token
                .filter(|token| !token.is_empty())
            {
                // One that comes again would come for ever.
                Some(token) if next.as_ref() != Some(&token) => next = Some(token),
                _ => return Ok(answer.time),
            }
        }
    }

    /// The numbers and tags of the parts of an upload; None: there is no such upload.
    pub fn parts(&self, key: &str, id: &str, token: &Token) -> Result<Option<Vec<(u16, String)>>> {
        let mut found = Vec::new();
        let mut next: Option<u16> = None;
        loop {
            let marker = next.map(|next| next.to_string());
            let mut query = Vec::new();
            query.extend(
                marker
                    .as_deref()
                    .map(|marker| ("part-number-marker", marker)),
            );
            query.push(("uploadId", id));
            let request = Request {
                key: Some(key),
                ..list_of_bucket(&query)
            };
            let answer = self.send(&request, token, &[200, 404])?;
            if answer.status == 404 {
                return Ok(None);
            }
            let parsed = ListParts::parse_response(answer.text()?)
                .map_err(|error| strange("a list of parts", &error))?;
            found.extend(
                parsed
                    .parts
                    .into_iter()
                    .map(|part| (part.number, part.etag)),
            );
            match parsed.next_part_number_marker {
                Some(marker) if next.is_none_or(|next| next < marker) => next = Some(marker),
                _ => return Ok(Some(found)),
            }
        }
    }

    /// The uploads to keys with this prefix that have no end yet. A server that does not know what
    /// is asked of it has none.
    pub fn unfinished(&self, prefix: &str, token: &Token) -> Result<Vec<Unfinished>> {
        let mut found = Vec::new();
        let mut next: Option<(String, String)> = None;
        loop {
            let mut query = Vec::new();
            query.extend(next.as_ref().map(|(key, _)| ("key-marker", key.as_str())));
            query.push(("prefix", prefix));
            query.extend(
                next.as_ref()
                    .map(|(_, id)| ("upload-id-marker", id.as_str())),
            );
            query.push(("uploads", ""));
            let answer = self.send(&list_of_bucket(&query), token, &[200, 404, 405, 501])?;
            match answer.status {
                200 => {}
                _ if answer.code() == "NoSuchBucket" => return Err(answer.error()),
                _ => return Ok(found),
            }
            let parsed: UnfinishedList = instant_xml::from_str(answer.text()?)
                .map_err(|error| strange("a list of uploads", &error))?;
            // Some servers do not look at the prefix.
            let ours = parsed
                .uploads
                .into_iter()
                .filter(|upload| upload.key.starts_with(prefix));
            found.extend(ours);
            let markers = parsed.next_key.zip(parsed.next_id);
            if parsed.is_truncated != Some(true) || markers.is_none() || markers == next {
                return Ok(found);
            }
            next = markers;
        }
    }
}

fn put<'a>(key: &'a str, body: &'a [u8], headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
    Request {
        method: Method::Put,
        key: Some(key),
        query: &[],
        headers,
        body,
        largest: LARGEST_TEXT,
    }
}

fn list_of_bucket<'a>(query: &'a [(&'a str, &'a str)]) -> Request<'a> {
    Request {
        method: Method::Get,
        key: None,
        query,
        headers: &[],
        body: &[],
        largest: LARGEST_TEXT,
    }
}

fn strange(what: &str, error: &instant_xml::Error) -> Error {
    Error::new(
        error::FAIL,
        format!("the server's answer is not {what}: {error}"),
    )
}
