//! Thorium Reader, an Electron program.

use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use serde::Deserialize;

use super::folder::Folder;
use super::found::Store;
use super::place::Place;
use crate::store::player;

/// What is read of a file of settings.
const LONGEST_SETTINGS: u64 = 64 << 10;

/// Where publications are, with the folder of the settings; those of builds for testing, too.
/// (edrlab/thorium-reader src/main/di.ts)
const FOLDERS: [[&str; 2]; 2] = [
    ["publications", "config-data-json"],
    ["publications-dev", "config-data-json-dev"],
];

/// The publications of Thorium in its own folder, and in one that the user has chosen.
pub fn find(place: &Place, user_data: &Path) -> Vec<Store> {
    let Some(user_data) = Folder::open(user_data) else {
        return Vec::new();
    };
    let mut stores = Vec::new();
    for [publications, settings] in FOLDERS {
        // It may be a link: before there was a setting, that was how to have them elsewhere
        // (https://github.com/edrlab/thorium-reader/issues/1404).
        stores.push(user_data.path().join(publications));
        let settings = user_data.folder(settings);
        stores.extend(settings.and_then(|settings| chosen_folder(&settings)));
    }
    let running = || player::by_singleton(user_data.descriptor(), place.base.has_own_processes());
    let stores = stores.iter().filter_map(|path| Folder::open(path));
    let stores = stores.filter_map(|folder| Store::directory(&folder));
    stores.map(|store| store.with_running(running())).collect()
}

#[derive(Deserialize)]
struct Settings {
    /// "vault" while the setting was new.
    #[serde(alias = "vault")]
    directory: Vec<PathBuf>,
}

/// The folder that the user has chosen for new publications: the first of a list, in a file of
/// its own. (edrlab/thorium-reader src/main/storage/publication-directory.ts, which does not name
/// the file: it is known by what is in it.)
fn chosen_folder(settings: &Folder) -> Option<PathBuf> {
    let names = settings.names(FileType::RegularFile);
    let mut names = names
        .iter()
        .filter(|name| Path::new(name).extension().is_some_and(|it| it == "json"));
    names.find_map(|name| parse(&settings.read(name, LONGEST_SETTINGS)?))
}

fn parse(settings: &[u8]) -> Option<PathBuf> {
    let Settings { directory } = serde_json::from_slice(settings).ok()?;
    directory
        .into_iter()
        .next()
        .filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings() {
        for (text, expected) in [
            (r#"{"directory":["/a/b"]}"#, Some("/a/b")),
            (
                "{\n    \"directory\": [\n        \"/a\",\n        \"/b\"\n    ]\n}",
                Some("/a"),
            ),
            (r#"{"vault":["/a"],"more":1}"#, Some("/a")),
            (r#"{"directory":[]}"#, None),
            (r#"{"directory":["a"]}"#, None),
            (r#"{"directory":[""]}"#, None),
            (r#"{"directory":"/a"}"#, None),
            (r#"{"directory":[5]}"#, None),
            (r#"{"other":["/a"]}"#, None),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(
                parse(text.as_bytes()),
                expected.map(PathBuf::from),
                "{text}"
            );
        }
    }
}
