//! What differs between a store and a backup.

use std::ffi::c_void;
use std::ptr;

use super::guard::{self, entry_on};
use super::licenses::{Description, wmlb_license_info};
use super::wmlb_restorer;
use crate::compare::{self, Difference, Set};
use crate::error::Error;
use crate::hresult::wmlb_hresult;
use crate::status::{WMLB_DIFFERENCE_ADDED, WMLB_DIFFERENCE_CHANGED, WMLB_DIFFERENCE_REMOVED};

/// A license that differs between a backup and a store. The pointers are valid during the call
/// only.
#[repr(C)]
pub struct wmlb_difference {
    /// The size of this struct in bytes, as the library knows it. Read no field beyond it.
    pub struct_size: usize,
    /// WMLB_DIFFERENCE_*.
    pub kind: i32,
    /// The license as it is in the backup; NULL for WMLB_DIFFERENCE_ADDED.
    pub in_backup: *const wmlb_license_info,
    /// The license as it is in the store; NULL for WMLB_DIFFERENCE_REMOVED. For a database, size
    /// and modified are those that a backup of it would have.
    pub in_store: *const wmlb_license_info,
}

/// The function that receives differences, one call for each license that differs.
///
/// Parameters:
/// - difference: valid during the call only.
/// - user_data: as it was passed to the comparison.
///
/// Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to stop.
///
/// Threads: it is called on the thread that called the comparison. During the call, every function
/// of this library may be called.
///
/// The function must return normally. An exception or pthread_exit() that leaves it ends the
/// process with SIGABRT, and nothing is printed; the effect of a longjmp() that leaves it is
/// undefined. (In this version, what the call held is lost then: memory and open files.)
pub type wmlb_difference_callback = Option<
    unsafe extern "C-unwind" fn(
        difference: *const wmlb_difference,
        user_data: *mut c_void,
    ) -> wmlb_hresult,
>;

/// A callback that was given.
type Function = unsafe extern "C-unwind" fn(*const wmlb_difference, *mut c_void) -> wmlb_hresult;

fn tell(function: Function, difference: &Difference<'_>, user_data: *mut c_void) -> wmlb_hresult {
    let Difference {
        in_backup,
        in_store,
    } = difference;
    let texts = [in_backup, in_store].map(|license| license.as_ref().map(Description::new));
    let info = |at: usize, license| texts[at].as_ref().zip(license);
    let in_backup = info(0, in_backup.as_ref()).map(|(texts, license)| texts.info(license));
    let in_store = info(1, in_store.as_ref()).map(|(texts, license)| texts.info(license));
    let pointer =
        |info: &Option<wmlb_license_info>| info.as_ref().map_or(ptr::null(), ptr::from_ref);
    let told = wmlb_difference {
        struct_size: size_of::<wmlb_difference>(),
        kind: match (&in_backup, &in_store) {
            (None, _) => WMLB_DIFFERENCE_ADDED,
            (_, None) => WMLB_DIFFERENCE_REMOVED,
            _ => WMLB_DIFFERENCE_CHANGED,
        },
        in_backup: pointer(&in_backup),
        in_store: pointer(&in_store),
    };
    // SAFETY: the host gave the function to be called like this; what the struct points to
    // outlives the call.
    guard::host(|| unsafe { function(&told, user_data) })
}

/// Compares the store (property StorePath, or the store set with wmlb_restorer_set_store()) with
/// the backup file (property RestorePath, or the target): calls callback for each license that
/// differs, in the order of their names, and returns when it has gone through both. Nothing is
/// written to either.
///
/// - Contents are compared; equal sizes and times prove nothing. Licenses with the same content do
///   not differ, whatever their times: a restore leaves them alone, too.
/// - A license of the store that a backup would leave out (its owner forbids backup, according to
///   the license, the function set with wmlb_restorer_set_rights() or the property UnstatedRights)
///   is not reported as added. A license that the backup has is compared like any other.
/// - A database is one license, and its content is what a backup would have of it now, without the
///   counters that SQLite changes whenever it writes. If StorePath is a database and the backup is
///   of one, they are compared whatever their names.
/// - After a database of Chromium that differs come the rows of it that differ: those that one of
///   both lacks, and those whose license is another. Their names are those that
///   wmlb_restorer_enumerate_store() gives them, and so is what is known of them. Rows that share a
///   name differ if their licenses do, whatever their order. If no row differs, something else in
///   the database does.
/// - Links and special files are no licenses; nor are the backup file itself and its generations,
///   in the folder BackupPath, or that of the backup file if BackupPath is not set.
/// - The property Only and the filter choose among the licenses that differ: by what is in the
///   backup, or by what is in the store if the backup does not have the license. If Only names
///   licenses by their names alone, only their parts of the backup file are read. The rows of a
///   database come with it.
///
/// The file is checked on the way: when damage is found, callback has received the differences
/// before it. A host's store is copied first, up to 16 MiB in memory and the rest to a file without
/// a name in the folder $XDG_CACHE_HOME/wmlb; its functions are called on this thread, before
/// callback.
///
/// Parameters:
/// - restorer: the handle.
/// - callback: receives the differences; see wmlb_difference_callback.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns:
/// - WMLB_S_OK: callback was called for each license that differs
/// - WMLB_S_FALSE: nothing differs
/// - the negative value that callback returned
/// - WMLB_NS_E_DRM_OPERATION_CANCELED: wmlb_restorer_cancel() was called
/// - WMLB_E_HANDLE
/// - WMLB_E_INVALIDARG: callback is NULL
/// - WMLB_NS_E_DRM_NOT_CONFIGURED: RestorePath is not set, or StorePath is not set and has no
///   default
/// - about the backup file, as wmlb_restorer_enumerate_backup()
/// - about the store, as wmlb_restorer_enumerate_store()
/// - the negative value that the filter returned
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_restorer_compare(
    restorer: *mut wmlb_restorer,
    callback: wmlb_difference_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    entry_on(restorer, |restorer| {
        let function = callback.ok_or(Error::NoCallback)?;
        let set = Set {
            store: restorer.store(),
            target: restorer.target(),
            filter: restorer.filter(),
            rights: restorer.rights(),
        };
        let listener = &mut |difference: &Difference<'_>| tell(function, difference, user_data);
        restorer.list(|control| compare::compare(&restorer.properties(), set, listener, control))
    })
}
