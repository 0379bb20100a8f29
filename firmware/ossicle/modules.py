# Modules that are needed once, and leave memory again.
import sys


# A module that has done its work, by its whole name: its code is garbage then. One that the
# build has put into another is not there.
def drop(name):
    if name not in sys.modules:
        return
    package, _, last = name.rpartition(".")
    delattr(sys.modules[package], last)
    del sys.modules[name]
