"""Random histories of generations, compared with what the model in generations_support says:
clocks that jump, equal seconds, foreign files beside, generations removed by hand.

WMLB_FULL=1 takes many more.
"""

import os
import random
import shutil
import time

import archive_forge
import generations_support as g
import support
import wmlb_ctypes as w

FULL = os.environ.get("WMLB_FULL") == "1"
LISTED = 100000 if FULL else 100
BACKED_UP = 2000 if FULL else 15
JUMPS = [0, 0, 1, 3600, 86400, 7 * 86400, 31 * 86400, 365 * 86400]
FOREIGN = ["notes", "licenses-x.wmlb", "licenses-20200101T000000Z.wmlb~",
           "licenses-20200101T000000Z-1.wmlb"]


def random_time(chance):
    return chance.randrange(0, 4 * 10 ** 9)


def random_rule(chance):
    words = chance.sample(["last", "daily", "weekly", "monthly", "yearly"],
                          chance.randrange(1, 6))
    return " ".join("%s=%d" % (word, chance.randrange(1, 9)) for word in words)


def fill_folder(folder, names):
    os.mkdir(folder)
    for name in names:
        open(os.path.join(folder, name), "wb").close()


class Histories(support.StoreCase):
    def files_of_a_history(self, chance):
        """Times and numbers of generations as backups would have left them, the newest first."""
        files = set()
        clock = random_time(chance)
        for _ in range(chance.randrange(1, 30)):
            clock = random_time(chance) if chance.random() < 0.1 else clock + chance.choice(JUMPS)
            files.add((clock, g.next_number(files, clock)))
            if chance.random() < 0.1:
                files.remove(chance.choice(sorted(files)))
        return sorted(files, reverse=True)

    def test_what_is_forgotten(self):
        chance = random.Random(22)
        folder = os.path.join(self.root, "history")
        restorer = self.new_restorer(RestorePath=folder)
        for _ in range(LISTED):
            files = self.files_of_a_history(chance)
            names = [g.name_of(*one) for one in files]
            foreign = chance.sample(FOREIGN, chance.randrange(len(FOREIGN)))
            fill_folder(folder, names + foreign)
            rule = random_rule(chance)
            self.assert_hr(restorer.set("Keep", rule), w.S_OK)
            flags = g.wanted(rule, [time for time, _ in files])
            hr, told = g.forget(restorer)
            message = "%s of %s" % (rule, files)
            self.assert_hr(hr, w.S_OK, message)
            self.assertEqual([os.path.basename(os.fsdecode(one.path)) for one in told], names,
                             message)
            self.assertEqual([one.kept_by for one in told], flags, message)
            stay = {name for name, flag in zip(names, flags) if flag}
            self.assertEqual(set(os.listdir(folder)), stay | set(foreign), message)
            shutil.rmtree(folder)

    def step(self, chance, restorer, rule, files):
        """One backup over one that was made at any time; files as they should be then."""
        jump = chance.choice(JUMPS) * chance.choice((-1, 1))
        clock = random_time(chance) if chance.random() < 0.3 else int(time.time()) + jump
        content = archive_forge.small({b"a": b"%d" % chance.getrandbits(64)}, created=clock)
        support.write(self.target, content)
        if files and chance.random() < 0.2:
            gone = chance.choice(sorted(files))
            os.unlink(os.path.join(self.backups, g.name_of(*gone)))
            del files[gone]
        support.write(os.path.join(self.store, "a"), b"%d" % chance.getrandbits(64))
        self.assert_ends(restorer.backup(w.OVERWRITE))
        files[clock, g.next_number(files, clock)] = content
        return g.left(rule, files, self.opened().info["created"])

    def test_backups(self):
        chance = random.Random(14)
        for name in FOREIGN:
            support.write(os.path.join(self.backups, name), b"foreign")
        for _ in range(BACKED_UP):
            rule, files = random_rule(chance), {}
            restorer = self.new_restorer(Keep=rule)
            for _ in range(chance.randrange(1, 25)):
                files = self.step(chance, restorer, rule, files)
                expected = {g.name_of(*one): content for one, content in files.items()}
                found = {name: support.read(os.path.join(self.backups, name))
                         for name in os.listdir(self.backups) if g.NAME.fullmatch(name)}
                for name in FOREIGN:
                    found.pop(name, None)
                self.assertEqual(found, expected, rule)
            for name in expected:
                os.unlink(os.path.join(self.backups, name))
            restorer.release()
            self.restorers.remove(restorer)
        self.assertEqual(sorted(os.listdir(self.backups)), sorted(FOREIGN + [w.BACKUP_NAME]))
