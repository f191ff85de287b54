"""What properties do: the default store, and that a running operation keeps its values."""

import os
import shutil
import subprocess
import tempfile
import unittest

import archive
import support
import wmlb_ctypes as w


class DefaultStore(unittest.TestCase):
    """Where the store is when nobody said it; the environment is that of a child."""

    def store_path(self, **variables):
        def body():
            for name in ("WMLB_STORE_PATH", "XDG_DATA_HOME", "HOME"):
                os.environ.pop(name, None)
            os.environ.update(variables)
            return w.default_restorer().get("StorePath")

        return support.in_child(body)

    def assert_path(self, path, **variables):
        self.assertEqual(self.store_path(**variables), (w.S_OK, w.TYPE_STRING, path))

    def test_home(self):
        self.assert_path("/h/.local/share/wmlb/licenses", HOME="/h")

    def test_data_home_goes_before_home(self):
        self.assert_path("/d/wmlb/licenses", HOME="/h", XDG_DATA_HOME="/d")

    def test_the_variable_of_our_own_goes_before_both(self):
        self.assert_path("/s", HOME="/h", XDG_DATA_HOME="/d", WMLB_STORE_PATH="/s")

    def test_a_relative_data_home_is_ignored(self):
        self.assert_path("/h/.local/share/wmlb/licenses", HOME="/h", XDG_DATA_HOME="d/e")

    def test_an_empty_variable_is_none(self):
        variables = {"HOME": "/h", "XDG_DATA_HOME": "", "WMLB_STORE_PATH": ""}
        self.assert_path("/h/.local/share/wmlb/licenses", **variables)

    def test_no_variable_at_all(self):
        # A home below the working directory is none.
        for variables in ({}, {"HOME": ""}, {"HOME": "h"}, {"HOME": "", "XDG_DATA_HOME": "d"}):
            hr, _, value = self.store_path(**variables)
            self.assertEqual((hr, value), (w.S_FALSE, None), variables)

    def test_a_path_that_no_property_can_hold_is_not_passed_over(self):
        # The user named a store; another one must not be taken for it.
        hr, _, value = self.store_path(HOME="/h", WMLB_STORE_PATH=os.fsdecode(b"/s/\xff"))
        self.assertNotEqual((hr, value), (w.S_OK, "/h/.local/share/wmlb/licenses"))

    def test_what_is_set_goes_before_the_environment(self):
        def body():
            os.environ["WMLB_STORE_PATH"] = "/s"
            restorer = w.default_restorer()
            restorer.set("StorePath", "/set")
            before = restorer.get("StorePath")[2]
            restorer.remove_prop(b"StorePath")
            return before, restorer.get("StorePath")[2], restorer.count()

        self.assertEqual(support.in_child(body), ("/set", "/s", 0))


class Privileges(unittest.TestCase):
    """A program with more rights than its user does not believe that user's environment."""

    PROGRAM = """
    #include <stdio.h>
    #include "wmlb.h"
    static wmlb_hresult found(const wmlb_store_info *store, void *user_data)
    {
        puts(store->path);
        return *(wmlb_hresult *)user_data;
    }
    int main(void)
    {
        char path[4096] = "none";
        size_t size = sizeof path;
        int32_t type;
        wmlb_hresult go_on = WMLB_S_OK;
        if (wmlb_get_prop_by_name(WMLB_PROP_STORE_PATH, &type, (uint8_t *)path, &size) < 0)
            return 1;
        puts(path);
        return wmlb_discover_stores(found, &go_on) < 0;
    }
    """

    def test_set_user_id(self):
        support.need_root()
        folder = tempfile.mkdtemp(prefix="wmlb-privileges-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        if os.statvfs(folder).f_flag & os.ST_NOSUID:
            raise unittest.SkipTest("programs in %s get no other rights" % folder)
        shutil.copy(w.LIBRARY, folder + "/libwmlb.so.1")
        program, store = folder + "/program", folder + "/home/.local/share/wmlb/licenses"
        os.makedirs(store)
        subprocess.run(
            ["cc", "-x", "c", "-", "-x", "none", "-I" + w.ROOT + "/include", "-o", program,
             folder + "/libwmlb.so.1", "-Wl,-rpath," + folder],
            input=self.PROGRAM.encode(), check=True)
        environment = {"HOME": folder + "/home", "WMLB_STORE_PATH": "/chosen"}
        for mode, expected in ((0o755, ["/chosen", store]), (0o4755, ["none"])):
            os.chmod(program, mode)
            said = subprocess.run([program], env=environment, user=65534, group=65534,
                                  extra_groups=[], check=True, capture_output=True, text=True)
            self.assertEqual(said.stdout.splitlines(), expected, oct(mode))


class Compression(support.StoreCase):
    def test_levels(self):
        """Plain tools open the file at any level; the highest makes it smaller than the lowest."""
        lines = (b"<LICENSE %d of %d>" % (number * number, number) for number in range(200_000))
        made = {b"large": b"".join(lines), b"random": os.urandom(1 << 20)}
        made.update(self.fill(200))
        for name in (b"large", b"random"):
            with open(os.path.join(os.fsencode(self.store), name), "wb") as file:
                file.write(made[name])
        sizes = {}
        for level in (1, 3, 9, 10, 14, 19):
            restorer = self.new_restorer(CompressionLevel=level)
            self.assert_ends(restorer.backup(w.OVERWRITE | w.VERIFY))
            backup = archive.Backup(self.target)
            self.assertEqual(backup.files(), made, level)
            sizes[level] = len(backup.data)
        self.assertLess(sizes[19], sizes[1])


class DuringAnOperation(support.StoreCase):
    def test_a_store_from_the_environment_is_backed_up(self):
        made = self.fill(3)

        def body():
            os.environ["WMLB_STORE_PATH"] = self.store
            restorer = w.default_restorer()
            restorer.set("BackupPath", self.backups)
            return restorer.backup()[0]

        self.assertEqual(support.in_child(body), w.S_OK)
        self.assertEqual(archive.Backup(self.target).files(), made)

    def test_changes_do_not_reach_the_operation_that_runs(self):
        made = self.fill(3)
        elsewhere = os.path.join(self.root, "elsewhere")
        changes = {
            "StorePath": os.path.join(self.root, "no-store"),
            "BackupPath": elsewhere,
            "UnstatedRights": "deny",
            "Threads": 7,
            "Niceness": 19,
            "CompressionLevel": 3,
        }

        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                for name, value in changes.items():
                    self.assertEqual(self.restorer.set(name, value), w.S_OK)
                    self.assertEqual(self.restorer.get(name)[2], value)

        events = self.assert_ends(self.restorer.backup(0, on_event))
        self.assertEqual(events[-1].text, self.target)
        self.assertEqual(archive.Backup(self.target).files(), made)
        self.assertFalse(os.path.exists(elsewhere))
        # They hold from the next operation on.
        self.assert_fails(self.restorer.backup(), w.UNABLE_TO_OPEN_DATA_STORE, "no-store")

    def test_removing_them_all_does_not_either(self):
        self.fill(3)

        def on_event(event):
            if event.status == w.STATUS_BEGIN:
                self.assertEqual(self.restorer.remove_all_props(), w.S_OK)

        self.assert_ends(self.restorer.backup(0, on_event))
        self.assert_refused(self.restorer.backup(w.OVERWRITE), w.NOT_CONFIGURED)


if __name__ == "__main__":
    unittest.main()
