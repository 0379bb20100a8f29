# Modules that are needed once, and leave memory again.
import sys


# A module for one call: its code is garbage behind that.
def once(group):
    name = "ossicle." + group
    __import__(name)
    module = sys.modules[name]
    drop(name)
    return module


# A module that has done its work, by its whole name. In a build whose constants are literals it
# may never have been imported. What is deleted from a dictionary stays in its slot, where the
# collector finds it, until another takes the place: so None takes it first.
def drop(name):
    if name not in sys.modules:
        return
    package, _, last = name.rpartition(".")
    if package:
        setattr(sys.modules[package], last, None)
        delattr(sys.modules[package], last)
    sys.modules[name] = None
    del sys.modules[name]
