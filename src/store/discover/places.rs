//! Where players keep their licenses: one table, each row with its source.

use super::place::{Base, Find, Place};
use super::{applications, chromium, firefox, folders, thorium, thunder};

const fn row(player: &'static str, base: Base, path: &'static str, find: Find) -> Place {
    Place {
        player,
        base,
        path,
        find,
    }
}

const fn chromium(player: &'static str, base: Base, path: &'static str) -> Place {
    row(player, base, path, chromium::find)
}

const fn firefox(base: Base, path: &'static str) -> Place {
    row("Firefox", base, path, firefox::find)
}

#[rustfmt::skip]
pub const PLACES: &[Place] = &[
    // chromium/chromium docs/user_data_dir.md and chrome/common/chrome_paths_linux.cc
    chromium("Chromium", Base::ChromeConfig, "chromium"),
    // thewh1teagle/rookie rookie-rs/src/linux/config.rs
    chromium("Chromium", Base::SnapCommon("chromium"), "chromium"),
    // Earlier revisions of the snap: kolide/launcher pkg/osquery/table/chrome_user_profiles.go
    chromium("Chromium", Base::SnapHome("chromium"), ".config/chromium"),
    // flathub/org.chromium.Chromium chromium.sh: $XDG_CONFIG_HOME/chromium
    chromium("Chromium", Base::Flatpak("org.chromium.Chromium"), "config/chromium"),

    // chromium/chromium docs/user_data_dir.md and chrome/common/chrome_paths_linux.cc
    chromium("Chrome", Base::ChromeConfig, "google-chrome"),
    chromium("Chrome Beta", Base::ChromeConfig, "google-chrome-beta"),
    chromium("Chrome Dev", Base::ChromeConfig, "google-chrome-unstable"),
    // thewh1teagle/rookie rookie-rs/src/linux/config.rs; there is no snap
    chromium("Chrome", Base::Flatpak("com.google.Chrome"), "config/google-chrome"),

    // brave/brave-core chromium_src/chrome/common/chrome_paths_linux.cc
    chromium("Brave", Base::Config, "BraveSoftware/Brave-Browser"),
    // borisbabic/browser_cookie3 browser_cookie3/__init__.py
    chromium("Brave Beta", Base::Config, "BraveSoftware/Brave-Browser-Beta"),
    chromium("Brave Dev", Base::Config, "BraveSoftware/Brave-Browser-Dev"),
    chromium("Brave Nightly", Base::Config, "BraveSoftware/Brave-Browser-Nightly"),
    // thewh1teagle/rookie rookie-rs/src/linux/config.rs
    chromium("Brave", Base::SnapHome("brave"), ".config/BraveSoftware/Brave-Browser"),
    chromium("Brave", Base::Flatpak("com.brave.Browser"), "config/BraveSoftware/Brave-Browser"),

    // yt-dlp/yt-dlp yt_dlp/cookies.py; thewh1teagle/rookie rookie-rs/src/linux/config.rs
    chromium("Edge", Base::Config, "microsoft-edge"),
    // borisbabic/browser_cookie3 browser_cookie3/__init__.py
    chromium("Edge Beta", Base::Config, "microsoft-edge-beta"),
    chromium("Edge Dev", Base::Config, "microsoft-edge-dev"),
    // thewh1teagle/rookie rookie-rs/src/linux/config.rs
    chromium("Edge", Base::Flatpak("com.microsoft.Edge"), "config/microsoft-edge"),

    // yt-dlp/yt-dlp yt_dlp/cookies.py; thewh1teagle/rookie rookie-rs/src/linux/config.rs
    chromium("Vivaldi", Base::Config, "vivaldi"),
    chromium("Vivaldi Snapshot", Base::Config, "vivaldi-snapshot"),
    // thewh1teagle/rookie rookie-rs/src/linux/config.rs
    chromium("Vivaldi", Base::Flatpak("com.vivaldi.Vivaldi"), "config/vivaldi"),

    // yt-dlp/yt-dlp yt_dlp/cookies.py; thewh1teagle/rookie rookie-rs/src/linux/config.rs.
    // Earlier versions have their one profile in this folder itself
    chromium("Opera", Base::Config, "opera"),
    chromium("Opera Beta", Base::Config, "opera-beta"),
    chromium("Opera Developer", Base::Config, "opera-developer"),
    // thewh1teagle/rookie rookie-rs/src/linux/config.rs
    chromium("Opera", Base::SnapHome("opera"), ".config/opera"),
    chromium("Opera Beta", Base::SnapHome("opera-beta"), ".config/opera"),
    chromium("Opera Developer", Base::SnapHome("opera-developer"), ".config/opera"),
    // https://github.com/thewh1teagle/rookie/issues/38
    chromium("Opera Developer", Base::SnapHome("opera-developer"), ".config/opera-developer"),
    // https://github.com/thewh1teagle/rookie/issues/38
    chromium("Opera", Base::Flatpak("com.opera.Opera"), "config/opera"),

    // chromium/chromium docs/user_data_dir.md. Chrome takes it too: after the rows that
    // know which of the two it is
    chromium("Chromium", Base::Variable("CHROME_USER_DATA_DIR"), ""),

    // mozilla/gecko-dev toolkit/xre/nsXREDirProvider.cpp
    firefox(Base::Home, ".mozilla/firefox"),
    // The same of Firefox 147 and later, where ~/.mozilla is not there (as its test
    // XDGDefaultAppUserDir has it)
    firefox(Base::Config, "mozilla/firefox"),
    // thewh1teagle/rookie rookie-rs/src/linux/config.rs
    firefox(Base::SnapCommon("firefox"), ".mozilla/firefox"),
    // saadtazi/firefox-profile-js lib/profile_finder.js, 4.6.0
    firefox(Base::SnapCommon("firefox"), ".config/mozilla/firefox"),
    // $XDG_CONFIG_HOME of a snap: canonical/snapcraft extensions/desktop/common/desktop-exports
    firefox(Base::SnapHome("firefox"), ".config/mozilla/firefox"),
    // thewh1teagle/rookie rookie-rs/src/linux/config.rs
    firefox(Base::Flatpak("org.mozilla.firefox"), ".mozilla/firefox"),
    // $XDG_CONFIG_HOME of a flatpak: see Base::Flatpak
    firefox(Base::Flatpak("org.mozilla.firefox"), "config/mozilla/firefox"),
    // saadtazi/firefox-profile-js lib/profile_finder.js, 4.6.0
    firefox(Base::Flatpak("org.mozilla.firefox"), ".config/mozilla/firefox"),

    // xbmc/xbmc xbmc/settings/SettingsComponent.cpp, InitDirectoriesLinux. ($KODI_HOME is
    // where its program lies.)
    row("Kodi", Base::Variable("KODI_DATA"), "", folders::find_kodi),
    row("Kodi", Base::Home, ".kodi", folders::find_kodi),
    // adriebaselmans/xstreamflex, its table of userdata paths
    row("Kodi", Base::Flatpak("tv.kodi.Kodi"), "data", folders::find_kodi),

    // edrlab/thorium-reader package.json (the name) and src/main/di.ts; electron/electron
    // docs/api/app.md (where userData is)
    row("Thorium", Base::Config, "EDRLab.ThoriumReader", thorium::find),
    // $XDG_CONFIG_HOME of a snap and of a flatpak, as above, whatever the name of these is
    row("Thorium", Base::EverySnapHome, ".config/EDRLab.ThoriumReader", thorium::find),
    row("Thorium", Base::EveryFlatpak, "config/EDRLab.ThoriumReader", thorium::find),

    // rdkcentral/OCDM-Playready DRM system: <persistent path>/playready/storage/drmstore;
    // rdkcentral/Thunder Source/WPEFramework/GenericConfig.cmake: /root;
    // WebPlatformForEmbedded/meta-wpe wpeframework-ocdm-playready_git.bb: OCDM
    row("PlayReady", Base::Root, "root/OCDM/playready/storage", folders::find_playready),
    // The same, where the plugin's path has "playready" already (another version of it)
    row("PlayReady", Base::Root, "root/OCDM/playready/playready/storage", folders::find_playready),
    // The same with the persistent paths of rdkcentral/meta-rdk-video
    // recipes-extended/wpe-framework/wpeframework-ocdm-playready-rdk_git.bb
    row("PlayReady", Base::Root, "opt/persistent/rdkservices/OCDM/playready/storage", folders::find_playready),
    row("PlayReady", Base::Root, "data/persistent/OCDM/playready/storage", folders::find_playready),
    // rdkcmf/rdk-aamp drm/playreadydrmsession.cpp
    row("PlayReady", Base::Root, "opt/drm/playready", folders::find_playready),
    // Where a box's maker has put them: rdkcentral/rdkservices OpenCDMi/OCDM.config. The folder is
    // that of Thunder's plugins (rdkcentral/Thunder docs/introduction/config.md), under Thunder's
    // earlier name and its present one
    row("PlayReady", Base::Root, "etc/WPEFramework/plugins", thunder::find),
    row("PlayReady", Base::Root, "etc/Thunder/plugins", thunder::find),

    // Any other program made with Electron or from Chromium, by the name of its folder
    row("", Base::Config, "", applications::find),
    row("", Base::EverySnapHome, ".config", applications::find),
    row("", Base::EveryFlatpak, "config", applications::find),

    row("wmlb", Base::StorePath, "", folders::find_store),
    // The default of StorePath
    row("wmlb", Base::Data, "wmlb/licenses", folders::find_store),
];
