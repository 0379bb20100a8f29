# Makes a MicroPython of the unix port into the emulated chip, and runs what a chip runs.
# The supervisor (host/ossicle/chip) starts it anew for every reset, soft ones too.

import __main__
import esp  # noqa: F401
import esp32  # noqa: F401
import faces
import gc
import line
import machine  # noqa: F401
import network  # noqa: F401
import repl
import socket  # noqa: F401
import sys
import vfs
from emulation import settings
from folder import Folder
from soc import gone

_CHIPS = ("machine", "network", "socket", "esp32", "esp")
_SPARE_BYTES = 64


# From here on imports find what is in the folder, and open() does.
def _enter():
    vfs.umount("/")
    vfs.mount(Folder(settings["files"], settings["blocks"]), "/")
    sys.path[:] = ["", ".frozen", "/lib"]
    for name in list(sys.modules):
        if name not in _CHIPS:
            del sys.modules[name]
    faces.put(sys.modules)


# So much is taken away that what is free is what is free on the chip.
def _ballast():
    gc.collect()
    over = gc.mem_free() - settings["heap"] - _SPARE_BYTES
    return bytearray(over) if over > 0 else None


def main():
    tie = open(settings["tie"], "rb", buffering=0)  # the session's terminal: its end is this process's
    _enter()
    banner = 'MicroPython v%s on %s; %s\r\nType "help()" for more information.\r\n' % (
        faces.VERSION, settings["build"], settings["machine"],
    )  # fmt: skip
    names = __main__.__dict__
    for name in list(names):
        if name != "__name__":
            del names[name]
    held = _ballast()
    line.tell(line.UP)
    gone(b"r" if repl.run(settings["mode"], banner.encode()) == repl.RAW else b"s")
    return tie, held
