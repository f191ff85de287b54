//! Set-top boxes with RDK: what the configuration of Thunder's plugin for content decryption says.
//! (rdkcentral/rdkservices OpenCDMi/OCDM.config and OCDM.conf.in)

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::folder::Folder;
use super::found::Store;
use super::place::Place;

/// What is read of a configuration.
const LONGEST_CONFIGURATION: u64 = 1 << 20;

#[derive(Deserialize)]
struct Plugin {
    configuration: Configuration,
}

#[derive(Deserialize)]
struct Configuration {
    systems: Vec<System>,
}

#[derive(Deserialize)]
struct System {
    name: String,
    #[serde(default)]
    configuration: Locations,
}

#[derive(Default, Deserialize)]
struct Locations {
    /// PlayReady's, a file.
    #[serde(rename = "store-location")]
    file: Option<PathBuf>,
    /// Widevine's, a folder.
    #[serde(rename = "storagelocation")]
    folder: Option<PathBuf>,
}

/// The stores that the configuration names, by the names of their DRM systems.
pub fn find(_: &Place, plugins: &Path) -> Vec<Store> {
    let plugins = Folder::open(plugins);
    let text = plugins.and_then(|plugins| plugins.read("OCDM.json", LONGEST_CONFIGURATION));
    let folders = text.map(|text| parse(&text)).unwrap_or_default();
    let stores = folders.into_iter().filter_map(|(player, path)| {
        let store = Store::directory(&Folder::open(&path)?)?;
        let player = Some(player);
        Some(Store { player, ..store })
    });
    stores.collect()
}

/// The folders with licenses.
fn parse(text: &[u8]) -> Vec<(String, PathBuf)> {
    let Ok(plugin) = serde_json::from_slice::<Plugin>(text) else {
        return Vec::new();
    };
    let systems = plugin.configuration.systems.into_iter();
    let folders = systems.filter_map(|system| {
        let Locations { file, folder } = system.configuration;
        let of_file = || Some(file?.parent()?.to_owned());
        Some((system.name, folder.or_else(of_file)?))
    });
    folders.filter(|(_, path)| path.is_absolute()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations() {
        let systems = |systems: &str| {
            let plugin = format!(r#"{{"configuration":{{"root":{{}},"systems":[{systems}]}}}}"#);
            parse(plugin.as_bytes())
        };
        let found = systems(concat!(
            r#"{"name":"ClearKey","designators":["org.w3.clearkey"]},"#,
            r#"{"name":"PlayReady","configuration":{"read-dir":"/a","store-location":"/a/b/c"}},"#,
            r#"{"name":"WideVine","configuration":{"keybox":"/k","storagelocation":"/w"}},"#,
            r#"{"name":"Relative","configuration":{"storagelocation":"w"}},"#,
            r#"{"name":"Empty","configuration":{"store-location":""}}"#,
        ));
        let expected = [("PlayReady", "/a/b"), ("WideVine", "/w")];
        assert_eq!(
            found,
            expected.map(|(name, path)| (name.into(), path.into()))
        );
        for text in [
            "",
            "{}",
            r#"{"configuration":{}}"#,
            r#"{"configuration":{"systems":5}}"#,
        ] {
            assert_eq!(parse(text.as_bytes()), []);
        }
        assert_eq!(systems(""), []);
    }
}
