//! A place where players keep licenses, and where that is for this user.

use std::path::{Path, PathBuf};

use super::folder::Folder;
use super::found::Store;
use crate::sys::xdg;

/// What a row's path counts from. A variable adds to the usual place and does not replace it: the
/// host's environment need not be the player's.
#[derive(Clone, Copy)]
pub enum Base {
    Root,
    Home,
    /// `$XDG_CONFIG_HOME` and `~/.config`.
    Config,
    /// The same, and `$CHROME_CONFIG_HOME`.
    ChromeConfig,
    /// `$XDG_DATA_HOME` and `~/.local/share`.
    Data,
    /// A variable that holds an absolute path.
    Variable(&'static str),
    /// `$WMLB_STORE_PATH`, which may be relative, as StorePath may be.
    StorePath,
    /// A snap's folder of all its revisions: <https://snapcraft.io/docs/data-locations>.
    SnapCommon(&'static str),
    /// The home folder that a snap sees, of the revision in use: the same source.
    SnapHome(&'static str),
    /// That of every snap.
    EverySnapHome,
    /// A flatpak's own folder, in which are `config` and `data`, its XDG folders:
    /// <https://docs.flatpak.org/en/latest/conventions.html#xdg-base-directories>.
    Flatpak(&'static str),
    /// That of every flatpak.
    EveryFlatpak,
}

pub struct Place {
    pub player: &'static str,
    pub base: Base,
    pub path: &'static str,
    /// Finds the stores at the row's path.
    pub find: Find,
}

pub type Find = fn(&Place, &Path) -> Vec<Store>;

/// The environment as far as the table needs it.
pub struct Environment {
    home: Option<PathBuf>,
}

impl Environment {
    pub fn read() -> Self {
        Environment {
            home: xdg::home_or_account(),
        }
    }

    /// Where a row's player may have its data.
    pub fn paths(&self, place: &Place) -> Vec<PathBuf> {
        let home = |path: &str| Some(join(self.home.as_ref()?, path));
        let config = || [xdg::absolute("XDG_CONFIG_HOME"), home(".config")];
        let bases = match place.base {
            Base::Root => vec![Some("/".into())],
            Base::Home => vec![home("")],
            Base::Config => config().to_vec(),
            Base::ChromeConfig => {
                let [first, second] = config();
                vec![xdg::absolute("CHROME_CONFIG_HOME"), first, second]
            }
            Base::Data => vec![xdg::absolute("XDG_DATA_HOME"), home(".local/share")],
            Base::Variable(name) => vec![xdg::absolute(name)],
            Base::StorePath => {
                vec![
                    xdg::variable("WMLB_STORE_PATH")
                        .and_then(|path| std::path::absolute(path).ok()),
                ]
            }
            Base::SnapCommon(name) => vec![home(&format!("snap/{name}/common"))],
            Base::SnapHome(name) => vec![home(&format!("snap/{name}/current"))],
            Base::EverySnapHome => {
                let snaps = folders_in(home("snap")).into_iter();
                snaps.map(|snap| Some(snap.join("current"))).collect()
            }
            Base::Flatpak(name) => vec![home(&format!(".var/app/{name}"))],
            Base::EveryFlatpak => {
                let flatpaks = folders_in(home(".var/app")).into_iter();
                flatpaks.map(Some).collect()
            }
        };
        let bases = bases.into_iter().flatten();
        bases.map(|base| join(&base, place.path)).collect()
    }
}

impl Base {
    /// Whether the player sees other process numbers than the rest of the system.
    pub fn has_own_processes(self) -> bool {
        matches!(self, Base::Flatpak(_) | Base::EveryFlatpak)
    }
}

/// The paths of the folders in a folder.
fn folders_in(path: Option<PathBuf>) -> Vec<PathBuf> {
    let Some(folder) = path.and_then(|path| Folder::open(&path)) else {
        return Vec::new();
    };
    folder.folders().map(|it| it.path().to_owned()).collect()
}

/// As [`Path::join`], without a needless slash at the end.
fn join(base: &Path, path: &str) -> PathBuf {
    if path.is_empty() {
        base.to_owned()
    } else {
        base.join(path)
    }
}
