//! The stores of players.

use std::ffi::{CString, c_char, c_void};

use super::guard::{self, call};
use crate::error::Error;
use crate::hresult::{WMLB_S_OK, wmlb_hresult};
use crate::store::discover::{self, FoundStore, Kind, Running};

/// A store of licenses that a player has. The pointers are valid during the call only.
#[repr(C)]
pub struct wmlb_store_info {
    /// Size of this struct in bytes, as the library knows it. Read no field that lies
    /// beyond.
    pub struct_size: usize,
    /// Whose it is: "Chromium", "Chrome", "Brave", "Edge", "Vivaldi", "Opera", each also
    /// with a channel after it ("Chrome Beta", "Edge Dev"), "Firefox", "Kodi", "Thorium",
    /// "PlayReady" (of a set-top box with RDK), or "wmlb": the store at $WMLB_STORE_PATH,
    /// and the default of the property StorePath. Other names may be added. Whether it was
    /// installed as a snap or flatpak is not told.
    pub player: *const c_char,
    /// The player's profile: the name of its folder; of Firefox, its name in profiles.ini,
    /// if it has one there. "" where the player has no profiles, and for the main one of
    /// Kodi. One profile may have several stores.
    pub profile: *const c_char,
    /// "directory": path is a folder, and the files in it are the licenses. "sqlite": path
    /// is a database file, which holds them.
    pub kind: *const c_char,
    /// Where it is: an absolute path, as the property StorePath takes it.
    pub path: *const c_char,
    /// Whether the player has the store in use, by the locks that it leaves: 1: it seems
    /// so; 0: no; -1: that cannot be told, as always of Kodi, PlayReady and "wmlb". It is
    /// what was so when the search was made. A player that runs may overwrite what is
    /// restored: close it first.
    pub running: i32,
}

/// The function that is told of stores, one call for each.
///
/// store: valid during the call only. user_data: as it was passed. Return WMLB_S_OK (or
/// anything that is not negative) to go on, a negative value to stop.
///
/// It is called on the thread that called wmlb_discover_stores(). Every function of this
/// library may be called in it. It must return normally: an exception or pthread_exit that
/// leaves it ends the process with SIGABRT, and nothing is printed; a longjmp that leaves it
/// is undefined. (As this version is made, the memory that the call held is lost then.)
pub type wmlb_store_callback = Option<
    unsafe extern "C-unwind" fn(
        store: *const wmlb_store_info,
        user_data: *mut c_void,
    ) -> wmlb_hresult,
>;

/// Finds the stores of licenses that players have made for this user, and calls callback
/// for each, on this thread; returns when all were told. It needs no restorer and changes
/// nothing. To back one up, set its path as the property StorePath.
///
/// It looks where browsers made from Chromium, Firefox, Kodi, Thorium and PlayReady on RDK
/// keep them by default, below $HOME (without it: the user's home in the password
/// database), and where $XDG_CONFIG_HOME, $XDG_DATA_HOME, $CHROME_CONFIG_HOME,
/// $CHROME_USER_DATA_DIR, $KODI_DATA and $WMLB_STORE_PATH point to. A place that was chosen
/// on a player's command line is not known to it. Names, links and small files of settings
/// are all it reads, and no license.
///
/// The order is always the same: by player, then by profile. A store that is reached by
/// several paths is told once. What cannot be read is passed over, and so is a store whose
/// path is not UTF-8, as StorePath cannot name it.
///
/// callback: see wmlb_store_callback. user_data: passed to callback, and not touched
/// otherwise.
///
/// Returns WMLB_S_OK, also when there is no store; the negative value that callback
/// returned; or WMLB_E_INVALIDARG (callback is NULL).
/// Any thread; also in a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_discover_stores(
    callback: wmlb_store_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    call(|| {
        let function = callback.ok_or_else(|| Error::Argument("callback is NULL".to_owned()))?;
        let stores = discover::find_stores();
        let mut answers = stores.iter().map(|store| tell(function, store, user_data));
        Ok(answers.find(|&answer| answer < 0).unwrap_or(WMLB_S_OK))
    })
}

/// A callback that was given.
type Function = unsafe extern "C-unwind" fn(*const wmlb_store_info, *mut c_void) -> wmlb_hresult;

fn tell(function: Function, store: &FoundStore, user_data: *mut c_void) -> wmlb_hresult {
    // No path of a file system has a NUL in it; a name in a crafted profiles.ini may.
    let text = |text: &str| CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
    let (player, profile) = (text(&store.player), text(&store.profile));
    let path = text(&store.path);
    let info = wmlb_store_info {
        struct_size: size_of::<wmlb_store_info>(),
        player: player.as_ptr(),
        profile: profile.as_ptr(),
        kind: match store.kind {
            Kind::Sqlite => c"sqlite".as_ptr(),
            Kind::Directory => c"directory".as_ptr(),
        },
        path: path.as_ptr(),
        running: match store.running {
            Running::Yes => 1,
            Running::No => 0,
            Running::Unknown => -1,
        },
    };
    // SAFETY: the host gave the function to be called like this; what the struct points to
    // outlives the call.
    guard::host(|| unsafe { function(&info, user_data) })
}
