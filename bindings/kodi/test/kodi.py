"""Stands in for the modules of Kodi that the add-on imports; run() puts them there. Parameters and
rules are those of Kodi 20's documentation. What the user sees is printed, a line of JSON each;
what the user does comes from a table."""

import json
import os
import re
import sys
import threading
import types


def shown(kind, *words):
    sys.stdout.write(json.dumps([kind, *words]) + "\n")


class Kodi:
    def __init__(self, addon, settings, user, special):
        self.addon, self.settings, self.user, self.special = addon, settings, user, special
        path = "resources/language/resource.language.en_gb/strings.po"
        with open(os.path.join(addon, path), encoding="utf-8") as file:
            self.strings = {
                int(number): text for number, text in
                re.findall(r'msgctxt "#(\d+)"\nmsgid "(.*)"', file.read())
            }


def modules(kodi):
    class Addon:
        def getSetting(self, id):
            return kodi.settings.get(id, "")

        def getLocalizedString(self, id):
            return kodi.strings.get(id, "")

    class Monitor:
        def abortRequested(self):
            return kodi.user.get("abort", False)

    class DialogProgress:
        def __init__(self):
            self.thread = None

        def create(self, heading, message=""):
            self.thread = threading.get_ident()
            shown("progress", heading, message)

        def check(self):
            if self.thread != threading.get_ident():
                raise RuntimeError("the dialog is not open, or another thread's")

        def update(self, percent, message=""):
            self.check()
            if not isinstance(percent, int) or not 0 <= percent <= 100:
                raise TypeError("percent")
            shown("update", percent, message)

        def iscanceled(self):
            self.check()
            return kodi.user.get("cancel", False)

        def close(self):
            self.check()
            self.thread = None
            shown("close")

    class Dialog:
        def ok(self, heading, message):
            shown("ok", heading, message)
            return True

        def yesno(self, heading, message, nolabel="", yeslabel="", autoclose=0):
            shown("yesno", heading, message)
            return kodi.user.get("yes", False)

        def select(self, heading, list, autoclose=0, preselect=-1, useDetails=False):
            shown("select", heading, list)
            return kodi.user.get("select", -1)

        def notification(self, heading, message, icon="", time=5000, sound=True):
            shown("notification", heading, message)

    def translatePath(path):
        return path.replace("special://", kodi.special + "/")

    contents = {
        "xbmc": {"Monitor": Monitor}, "xbmcaddon": {"Addon": Addon},
        "xbmcgui": {"Dialog": Dialog, "DialogProgress": DialogProgress},
        "xbmcvfs": {"translatePath": translatePath},
    }
    for name, content in contents.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        yield name, module


def run(addon, settings, user, special, arguments):
    """Runs the add-on's script, as RunScript() does."""
    sys.modules.update(modules(Kodi(addon, settings, user, special)))
    script = os.path.join(addon, "default.py")
    sys.argv = [script, *arguments]
    with open(script, encoding="utf-8") as file:
        code = compile(file.read(), script, "exec")
    exec(code, {"__name__": "__main__", "__file__": script})
    threading._shutdown()
    sys.stdout.flush()
