//! Programs made with Electron, or from Chromium by anybody, under whatever name. castLabs' builds
//! of Electron have a CDM that keeps licenses.
//!
//! A program keeps its data in a folder of its name (electron/electron docs/api/app.md, userData),
//! and that of a session with a name of its own in `Partitions` (docs/api/session.md,
//! fromPartition).

use std::path::Path;

use super::chromium;
use super::folder::Folder;
use super::found::Store;
use super::place::Place;

/// The stores of all programs below a folder for settings.
pub fn find(place: &Place, config: &Path) -> Vec<Store> {
    let has_own_processes = place.base.has_own_processes();
    let Some(config) = Folder::open(config) else {
        return Vec::new();
    };
    let mut stores = Vec::new();
    for folder in config.folders() {
        // A name as npm has it: "@scope/program".
        if folder.name().as_encoded_bytes().starts_with(b"@") {
            let programs = folder.folders();
            stores.extend(programs.flat_map(|program| of_program(&program, has_own_processes)));
        } else {
            stores.extend(of_program(&folder, has_own_processes));
        }
    }
    stores
}

fn of_program(user_data: &Folder, has_own_processes: bool) -> Vec<Store> {
    let partitions = user_data.folder("Partitions");
    let partitions = partitions.iter().flat_map(Folder::folders);
    let of_partitions = partitions.flat_map(|partition| {
        let stores = chromium::databases(&partition).into_iter();
        stores.map(move |store| store.of_profile(partition.name()))
    });
    let of_partitions =
        chromium::with_running(of_partitions.collect(), user_data, has_own_processes);
    let mut stores = chromium::stores(user_data, has_own_processes);
    stores.extend(of_partitions);
    for store in &mut stores {
        store.player = Some(user_data.name().to_string_lossy().into_owned());
    }
    stores
}
