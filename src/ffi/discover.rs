//! The license stores of players.

use std::ffi::{CStr, CString, c_char, c_void};

use super::guard::{self, entry};
use crate::error::Error;
use crate::hresult::{WMLB_S_OK, wmlb_hresult};
use crate::store::discover::{self, FoundStore, Kind, Running};

/// A license store of a player. The pointers are valid during the call only.
#[repr(C)]
pub struct wmlb_store_info {
    /// The size of this struct in bytes, as the library knows it. Read no field beyond it.
    pub struct_size: usize,
    /// The player: "Chromium", "Chrome", "Brave", "Edge", "Vivaldi", "Opera", each also with a
    /// channel after it ("Chrome Beta", "Edge Dev"), "Firefox", "Kodi", "Thorium", "PlayReady" (on
    /// a set-top box with RDK), or "wmlb": the store at $WMLB_STORE_PATH, and the default of the
    /// property StorePath. Other names may be added. A snap or flatpak has the same name. Any other
    /// program that is made with Electron or from Chromium has the name of its folder, and a DRM
    /// system of a set-top box that of its configuration: untrusted data, which may contain control
    /// characters.
    pub player: *const c_char,
    /// The player's profile: the name of its folder; for Firefox, its name in profiles.ini if it
    /// has one there. "" if the player has no profiles, and for the main profile of Kodi. One
    /// profile may have several stores.
    pub profile: *const c_char,
    /// "directory": path is a folder, and the files in it are the licenses. "sqlite": path is a
    /// database file, which holds them.
    pub kind: *const c_char,
    /// The absolute path of the store, as the property StorePath takes it.
    pub path: *const c_char,
    /// Whether the player is running, judged by its lock files at the time of the search: 1
    /// probably, 0 certainly not, -1 unknown (always so for Kodi, PlayReady and "wmlb"). A running
    /// player may overwrite what is restored: close it first.
    pub running: i32,
}

/// The function that receives stores, one call for each.
///
/// Parameters:
/// - store: valid during the call only.
/// - user_data: as it was passed to wmlb_discover_stores().
///
/// Returns: WMLB_S_OK, or anything else that is not negative, to go on; a negative value to stop.
///
/// Threads: it is called on the thread that called wmlb_discover_stores(). During the call, every
/// function of this library may be called.
///
/// The function must return normally. An exception or pthread_exit() that leaves it ends the
/// process with SIGABRT, and nothing is printed; the effect of a longjmp() that leaves it is
/// undefined. (In this version, the memory that the call held is lost then.)
pub type wmlb_store_callback = Option<
    unsafe extern "C-unwind" fn(
        store: *const wmlb_store_info,
        user_data: *mut c_void,
    ) -> wmlb_hresult,
>;

/// Finds the license stores that players have made for this user: calls callback for each, and
/// returns at the end of the list. It needs no restorer, and changes nothing. To back up a store,
/// set its path as the property StorePath.
///
/// It looks at the places where browsers made from Chromium, programs made with Electron, Firefox,
/// Kodi, Thorium, and PlayReady on RDK keep their stores by default: below $HOME (if that is not
/// set, the user's home in the password database), and where $XDG_CONFIG_HOME, $XDG_DATA_HOME,
/// $CHROME_CONFIG_HOME, $CHROME_USER_DATA_DIR, $KODI_DATA and $WMLB_STORE_PATH point. It does not
/// know a place that was chosen on the command line of a player. It reads names, links and small
/// files of settings, and no license. Below such a place it follows no links, except where a player
/// or its users have them. wmlb_discover_places() lists the places.
///
/// The order is always the same: by player, then by profile. A store that several paths reach is
/// listed once. Stores that cannot be read are left out, and so are those whose path is not UTF-8,
/// since StorePath cannot name them.
///
/// Parameters:
/// - callback: receives the stores; see wmlb_store_callback.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns:
/// - WMLB_S_OK, also if there is no store
/// - the negative value that callback returned
/// - WMLB_E_INVALIDARG: callback is NULL
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_discover_stores(
    callback: wmlb_store_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    entry(|| {
        let function = callback.ok_or(Error::NoCallback)?;
        let stores = discover::find_stores();
        let mut answers = stores
            .iter()
            .map(|store| tell_store(function, store, user_data));
        Ok(answers.find(|&answer| answer < 0).unwrap_or(WMLB_S_OK))
    })
}

/// Lists the places at which wmlb_discover_stores() looks for stores, whether there is one or not:
/// calls callback for each, and returns at the end of the list. In a place only player and path are
/// known: player is "" if every program's data is looked for there, profile and kind are "", and
/// running is -1. In path, U+FFFD stands for what is not UTF-8.
///
/// Parameters:
/// - callback: receives the places; see wmlb_store_callback.
/// - user_data: is passed to callback, and not touched otherwise.
///
/// Returns:
/// - WMLB_S_OK
/// - the negative value that callback returned
/// - WMLB_E_INVALIDARG: callback is NULL
///
/// Threads: any, also in a callback.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn wmlb_discover_places(
    callback: wmlb_store_callback,
    user_data: *mut c_void,
) -> wmlb_hresult {
    entry(|| {
        let function = callback.ok_or(Error::NoCallback)?;
        let places = discover::searched_places();
        let mut answers = places.iter().map(|(player, path)| {
            let texts = [player, "", &*path.to_string_lossy()];
            tell(function, texts, c"", -1, user_data)
        });
        Ok(answers.find(|&answer| answer < 0).unwrap_or(WMLB_S_OK))
    })
}

fn tell_store(function: Function, store: &FoundStore, user_data: *mut c_void) -> wmlb_hresult {
    let kind = match store.kind {
        Kind::Sqlite => c"sqlite",
        Kind::Directory => c"directory",
    };
    let running = match store.running {
        Running::Yes => 1,
        Running::No => 0,
        Running::Unknown => -1,
    };
    let texts = [&*store.player, &*store.profile, &*store.path];
    tell(function, texts, kind, running, user_data)
}

/// A callback that was given.
type Function = unsafe extern "C-unwind" fn(*const wmlb_store_info, *mut c_void) -> wmlb_hresult;

fn tell(
    function: Function,
    texts: [&str; 3],
    kind: &CStr,
    running: i32,
    user_data: *mut c_void,
) -> wmlb_hresult {
    // Paths of a file system have no NUL, but a name in a crafted profiles.ini may have one.
    let text = |text: &str| CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
    let [player, profile, path] = texts.map(text);
    let info = wmlb_store_info {
        struct_size: size_of::<wmlb_store_info>(),
        player: player.as_ptr(),
        profile: profile.as_ptr(),
        kind: kind.as_ptr(),
        path: path.as_ptr(),
        running,
    };
    // SAFETY: the host gave the function to be called like this; what the struct points to
    // outlives the call.
    guard::host(|| unsafe { function(&info, user_data) })
}
