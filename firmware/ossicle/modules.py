# Modules that are needed once, and leave memory again.
import sys


kept = {}  # the group of functions (rare.py) that this turn of the loop called last; the app clears it


# The module of a group, until the end of the turn: its code is garbage then.
def once(group):
    module = kept.get(group)
    if module is None:
        kept.clear()  # one at a time, and those that are calling
        name = "ossicle." + group
        __import__(name)
        kept[group] = module = sys.modules[name]
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
