# A chip for loader.py and boot.py: `machine`, a folder in place of the file system, and a board
# whose starts are counted. argv[1] is the folder.
import os
import sys

from fakes import Board
from ossicle import boot, loader, settled

FOLDER = sys.argv[1]


class Machine:
    PWRON_RESET = 1
    HARD_RESET = 2
    WDT_RESET = 3
    cause = 2
    resets = 0
    dogs = []

    def WDT(timeout):
        Machine.dogs.append(timeout)

    def reset_cause():
        return Machine.cause

    def reset():
        Machine.resets += 1


class Chip:
    platform = "esp32"
    path = []
    modules = sys.modules
    print_exception = sys.print_exception


# A board with nothing on it but versions, as loader.py finds it.
def board(slot="", *versions):
    for name in ("/firmware/slot", loader.LOG, loader.STARTS):
        loader.write(name, "")
    for version in "ab":
        forget("/firmware/%s/manifest.json" % version)
    for version in versions:
        loader.write("/firmware/%s/manifest.json" % version, "{}")
    loader.write("/firmware/slot", slot)
    Chip.path = []
    Machine.cause = Machine.HARD_RESET
    Machine.resets = 0


def forget(path):
    try:
        os.remove(FOLDER + path)
    except OSError:
        pass


def slot():
    return loader.read("/firmware/slot")


def starts():
    return loader.read(loader.STARTS)


def log():
    return loader.read(loader.LOG)


class Counted(Board):
    counted = True
    calmed = 0
    left = None

    def settle(self):
        settled.keep(FOLDER)

    def watch(self):
        pass

    @staticmethod
    def calm():
        Counted.calmed += 1

    def leave(self, link):
        Counted.left = bytes(link.rest_bytes[: link.rest])


# The module is dropped behind its work: the test's is put back.
def kept():
    for name, module in (("boot", boot), ("loader", loader)):
        sys.modules["ossicle." + name] = module
        setattr(sys.modules["ossicle"], name, module)


def loaded(found):
    try:
        return loader.load(found)
    finally:
        kept()


def lived(a):
    try:
        a.live()
    finally:
        kept()


def app(made=None):
    Counted.left = None
    return boot.start(loader.tell, made or Counted)


def idle(a, seconds, error):
    until_ms = a.clock.now_ms + 1000 * seconds

    def idle():
        a.clock.pass_ms(1000)
        if a.clock.now_ms > until_ms:
            raise error

    a.clock.idle = idle


def main_of(cases):
    sys.modules["machine"] = Machine
    loader.ROOT = FOLDER
    loader.sys = Chip
    for folder in ("", "/a", "/b"):
        os.mkdir(FOLDER + "/firmware" + folder)
    for name in sorted(n for n in cases if n.startswith("case_")):
        try:
            cases[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)
