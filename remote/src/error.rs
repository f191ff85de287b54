//! Failures: words for people, and a result code for programs.

use std::fmt::Display;

pub const S_OK: i32 = 0;
pub const S_FALSE: i32 = 1;
pub const NOT_IMPLEMENTED: i32 = 0x8000_4001_u32 as i32;
pub const POINTER: i32 = 0x8000_4003_u32 as i32;
pub const FAIL: i32 = 0x8000_4005_u32 as i32;
pub const UNEXPECTED: i32 = 0x8000_FFFF_u32 as i32;
pub const ACCESS_DENIED: i32 = 0x8007_0005_u32 as i32;
pub const HANDLE: i32 = 0x8007_0006_u32 as i32;
pub const ARGUMENT: i32 = 0x8007_0057_u32 as i32;
pub const SMALL_BUFFER: i32 = 0x8007_007A_u32 as i32;
pub const TIMEOUT: i32 = 0x8007_0102_u32 as i32;
/// ERROR_FILE_NOT_FOUND and ERROR_PATH_NOT_FOUND: no such backup, no such bucket.
pub const NO_BACKUP: i32 = 0x8007_0002_u32 as i32;
pub const NO_BUCKET: i32 = 0x8007_0003_u32 as i32;
/// ERROR_TIME_SKEW.
pub const CLOCK: i32 = 0x8007_0576_u32 as i32;
/// NS_E_DRM_BACKUP_EXISTS, NS_E_DRM_BACKUP_CORRUPT, NS_E_DRM_BACKUPRESTORE_BUSY and
/// NS_E_DRM_OPERATION_CANCELED.
pub const EXISTS: i32 = 0xC00D_2742_u32 as i32;
pub const CORRUPT: i32 = 0xC00D_2743_u32 as i32;
pub const BUSY: i32 = 0xC00D_2744_u32 as i32;
pub const CANCELED: i32 = 0xC00D_2768_u32 as i32;

pub type Result<T> = std::result::Result<T, Error>;

/// A failure. No secret and no signed URL is ever part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: i32,
    pub words: String,
}

impl Error {
    pub fn new(code: i32, words: impl Into<String>) -> Self {
        Error {
            code,
            words: words.into(),
        }
    }

    pub fn argument(words: impl Into<String>) -> Self {
        Error::new(ARGUMENT, words)
    }

    pub fn null(name: &str) -> Self {
        Error::new(POINTER, format!("{name} is NULL"))
    }

    pub fn canceled() -> Self {
        Error::new(CANCELED, "the operation was canceled")
    }

    pub fn corrupt(words: impl Into<String>) -> Self {
        Error::new(CORRUPT, words)
    }

    /// The same failure, with what was being done before its words.
    pub fn during(self, action: impl Display) -> Self {
        let words = format!("{action}: {}", self.words);
        Error { words, ..self }
    }
}
