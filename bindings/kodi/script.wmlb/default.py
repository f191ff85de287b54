"""Backs up and restores the licenses that Kodi holds: from the add-on's settings, which run this
with "backup" or "restore", or, started by itself, after a question which."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "resources", "lib"))

import xbmc
import xbmcaddon
import xbmcgui
import xbmcvfs

import wmlb

# Of resources/language.
TITLE, BACK_UP, RESTORE, NO_FOLDER, NO_STORE, WHICH, SURE, SAVED, BROUGHT_BACK, COUNT = range(
    32000, 32010
)

addon = xbmcaddon.Addon()


def say(number, *values):
    return addon.getLocalizedString(number).format(*values)


class Screen:
    """The dialog that shows how far an operation is, and cancels it: when the user does, and when
    Kodi or the add-on is to end."""

    def __init__(self, restorer, words):
        self.restorer = restorer
        self.words = words
        self.monitor = xbmc.Monitor()
        self.dialog = xbmcgui.DialogProgress()

    def __enter__(self):
        self.dialog.create(say(TITLE), self.words)
        return self

    def __exit__(self, *_):
        self.dialog.close()

    def show(self, now):
        total = now.licenses_total or now.licenses_done
        percent = 100 * now.licenses_done // total if total else 0
        self.dialog.update(percent, self.words + "\n" + say(COUNT, now.licenses_done))
        if self.dialog.iscanceled() or self.monitor.abortRequested():
            self.restorer.cancel()


def store():
    """The store in the settings, or that of Kodi which is found; the user chooses among several.
    None where there is none, or none was chosen."""
    path = addon.getSetting("store")
    if path:
        return xbmcvfs.translatePath(path)
    found = [one for one in wmlb.stores() if one.player == "Kodi"]
    if len(found) < 2:
        return found[0] if found else None
    names = [one.profile or str(one.path) for one in found]
    number = xbmcgui.Dialog().select(say(WHICH), names)
    return found[number] if number >= 0 else None


def run(action):
    folder = addon.getSetting("folder")
    chosen = store() if folder else None
    if chosen is None:
        xbmcgui.Dialog().ok(say(TITLE), say(NO_STORE if folder else NO_FOLDER))
        return
    folder = xbmcvfs.translatePath(folder)
    if action == "restore" and not xbmcgui.Dialog().yesno(say(TITLE), say(SURE)):
        return
    secret = addon.getSetting("passphrase") or None
    keep = addon.getSetting("keep") or None
    try:
        with wmlb.Restorer(chosen, passphrase=secret, keep=keep) as restorer:
            with Screen(restorer, say(BACK_UP if action == "backup" else RESTORE)) as screen:
                # What is called, is called on this thread, in the add-on's own interpreter.
                if action == "backup":
                    done = restorer.backup(
                        folder, overwrite=True, partial=True, on_progress=screen.show
                    )
                else:
                    done = restorer.restore(folder, overwrite=True, on_progress=screen.show)
    except wmlb.CanceledError:
        return
    except wmlb.WmlbError as failure:
        xbmcgui.Dialog().ok(say(TITLE), str(failure))
        return
    words = say(SAVED if action == "backup" else BROUGHT_BACK, done.licenses)
    xbmcgui.Dialog().notification(say(TITLE), words)


def main(arguments):
    if arguments:
        run(arguments[0])
        return
    actions = ["backup", "restore"]
    number = xbmcgui.Dialog().select(say(TITLE), [say(BACK_UP), say(RESTORE)])
    if number >= 0:
        run(actions[number])


main(sys.argv[1:])
