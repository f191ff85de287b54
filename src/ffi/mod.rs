//! The C boundary: every exported function and every raw pointer, and nothing else.
//!
//! The comments on exported items become the header `include/wmlb.h`, so they are written
//! for its readers.

#![allow(non_camel_case_types)]
// What a caller must see to stands in those comments, in words for C.
#![allow(clippy::missing_safety_doc)]

mod authorizer;
mod callback;
mod default;
mod discover;
mod guard;
mod licenses;
mod names;
mod operations;
mod pointer;
mod properties;
mod restorer;
mod rights;
mod store;

pub use crate::backup::{WMLB_BACKUP_OVERWRITE, WMLB_BACKUP_PARTIAL, WMLB_BACKUP_VERIFY};
pub use crate::hresult::*;
pub use crate::restore::{WMLB_ALLOW_CLEAR, WMLB_RESTORE_INDIVIDUALIZE, WMLB_RESTORE_OVERWRITE};
pub use crate::status::{
    WMLB_STATUS_BACKUPRESTORE_BEGIN, WMLB_STATUS_BACKUPRESTORE_CONNECTING,
    WMLB_STATUS_BACKUPRESTORE_DISCONNECTING, WMLB_STATUS_BACKUPRESTORE_END, WMLB_STATUS_ERROR,
    WMLB_STATUS_ERROR_WITHURL, WMLB_STATUS_LICENSE_SKIPPED, WMLB_STATUS_PROGRESS,
    WMLB_STATUS_RESTRICTED_LICENSE, WMLB_TYPE_BINARY, WMLB_TYPE_BOOL, WMLB_TYPE_DWORD,
    WMLB_TYPE_GUID, WMLB_TYPE_QWORD, WMLB_TYPE_STRING, WMLB_TYPE_WORD, wmlb_progress,
};
pub use authorizer::*;
pub use callback::wmlb_status_callback;
pub use default::*;
pub use discover::*;
pub use licenses::*;
pub use names::*;
pub use operations::*;
pub use properties::*;
pub use restorer::*;
pub use rights::*;
pub use store::*;
