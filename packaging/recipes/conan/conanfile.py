"""packaging/release.sh fills in the version and the checksum. cargo has to be there, as a compiler
has to be; the crates are in the source."""
import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, get, rmdir


class Wmlb(ConanFile):
    name = "wmlb"
    version = "@VERSION@"
    description = "Backs up and restores the media licenses that a player holds"
    license = "MIT OR Apache-2.0"
    homepage = url = "https://wmlb.example.org"
    topics = ("license", "backup", "drm", "media")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("libwmlb is built and tested on Linux")

    def source(self):
        get(self, f"{self.homepage}/releases/libwmlb-{self.version}.tar.xz", sha256="@SHA256@",
            strip_root=True)

    def build(self):
        self.run("CARGO_NET_OFFLINE=true make", cwd=self.source_folder)

    def package(self):
        self.run(f"make install PREFIX='{self.package_folder}'", cwd=self.source_folder)
        for text in ("LICENSE-*", "THIRD-PARTY.txt"):
            copy(self, text, self.source_folder, os.path.join(self.package_folder, "licenses"))
        rmdir(self, os.path.join(self.package_folder, "lib/systemd"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "wmlb")
        self.cpp_info.set_property("cmake_target_name", "wmlb::wmlb")
        self.cpp_info.set_property("pkg_config_name", "wmlb")
        self.cpp_info.libs = ["wmlb"] if self.options.shared else [":libwmlb.a"]
        self.cpp_info.system_libs = ["pthread", "m", "dl", "rt", "util"]
