"""What the tests of discovery share: a home to lay out, and where players keep what."""

import os

import support
import wmlb_ctypes as w


VARIABLES = (
    "HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "CHROME_CONFIG_HOME", "CHROME_USER_DATA_DIR",
    "KODI_DATA", "KODI_HOME", "WMLB_STORE_PATH",
)
SQLITE = b"SQLite format 3\0" + bytes(84)
OLD = "WebStorage/%s/Media Licenses/Media Licenses.db"

# The folder of all profiles, below the home.
CHROMIUM = [
    ("Chromium", ".config/chromium"),
    ("Chromium", "snap/chromium/common/chromium"),
    ("Chromium", "snap/chromium/current/.config/chromium"),
    ("Chromium", ".var/app/org.chromium.Chromium/config/chromium"),
    ("Chrome", ".config/google-chrome"),
    ("Chrome Beta", ".config/google-chrome-beta"),
    ("Chrome Dev", ".config/google-chrome-unstable"),
    ("Chrome", ".var/app/com.google.Chrome/config/google-chrome"),
    ("Brave", ".config/BraveSoftware/Brave-Browser"),
    ("Brave Beta", ".config/BraveSoftware/Brave-Browser-Beta"),
    ("Brave Dev", ".config/BraveSoftware/Brave-Browser-Dev"),
    ("Brave Nightly", ".config/BraveSoftware/Brave-Browser-Nightly"),
    ("Brave", "snap/brave/current/.config/BraveSoftware/Brave-Browser"),
    ("Brave", ".var/app/com.brave.Browser/config/BraveSoftware/Brave-Browser"),
    ("Edge", ".config/microsoft-edge"),
    ("Edge Beta", ".config/microsoft-edge-beta"),
    ("Edge Dev", ".config/microsoft-edge-dev"),
    ("Edge", ".var/app/com.microsoft.Edge/config/microsoft-edge"),
    ("Vivaldi", ".config/vivaldi"),
    ("Vivaldi Snapshot", ".config/vivaldi-snapshot"),
    ("Vivaldi", ".var/app/com.vivaldi.Vivaldi/config/vivaldi"),
    ("Opera", ".config/opera"),
    ("Opera Beta", ".config/opera-beta"),
    ("Opera Developer", ".config/opera-developer"),
    ("Opera", "snap/opera/current/.config/opera"),
    ("Opera Beta", "snap/opera-beta/current/.config/opera"),
    ("Opera Developer", "snap/opera-developer/current/.config/opera"),
    ("Opera Developer", "snap/opera-developer/current/.config/opera-developer"),
    ("Opera", ".var/app/com.opera.Opera/config/opera"),
]
FIREFOX = [
    ".mozilla/firefox",
    ".config/mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    "snap/firefox/common/.config/mozilla/firefox",
    "snap/firefox/current/.config/mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/config/mozilla/firefox",
    ".var/app/org.mozilla.firefox/.config/mozilla/firefox",
]
KODI = [".kodi", ".var/app/tv.kodi.Kodi/data"]
GMP = "gmp/Linux_x86_64-gcc3/gmp-widevinecdm"
ADAPTIVE = "addon_data/inputstream.adaptive"
THORIUM = ".config/EDRLab.ThoriumReader"


class HomeCase(support.StoreCase):
    def setUp(self):
        super().setUp()
        self.home = os.path.join(self.root, "home")
        os.mkdir(self.home)

    def at(self, *parts):
        return os.path.join(self.home, *parts)

    def put(self, *parts, content=b"x"):
        path = self.at(*parts)
        support.write(path, content)
        return path

    def put_gmp(self, *parts, what=("id", "storage")):
        """A store as Firefox has it; its path."""
        path = self.at(*parts, GMP)
        files = {"id": "id/123/salt", "storage": "storage/abc/456"}
        for each in what:
            support.write(os.path.join(path, files[each]), b"x")
        return path

    def discover(self, user=None, on_store=None, before=None, **environment):
        """What a process with this home is told."""

        def body():
            for name in VARIABLES:
                os.environ.pop(name, None)
            os.environ["HOME"] = self.home
            for name, value in environment.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
            if before:
                before()
            return w.discover(on_store)

        hr, stores = support.in_child(body, user)
        self.assert_hr(hr, w.S_OK)
        for store in stores:
            self.assertEqual(store.struct_size, w.ctypes.sizeof(w.StoreInfo))
            self.assertTrue(os.path.isabs(store.path), store)
        return stores

    def told(self, **arguments):
        """The same, without the size of the struct and whether the player runs."""
        return [store[1:5] for store in self.discover(**arguments)]

    def paths(self, **arguments):
        return [store.path for store in self.discover(**arguments)]
