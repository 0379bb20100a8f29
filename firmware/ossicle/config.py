# What a board is told by /ossicle.json. A value that is wrong falls back to the default,
# and `notes` says so; HELLO carries the notes to the host.
import json

from micropython import const

from ossicle._keys import TEXT
from ossicle._wire import KEY_MAX_BYTES, KEY_MIN_BYTES
from ossicle.modules import drop
from ossicle.settings import LINE, Settings

drop("ossicle._keys")  # its text is this module's alone, and goes with it
_FILE_MAX = const(8192)  # characters; what the host puts there is shorter
_BRACKETS_MAX = const(200)  # lists in lists in lists take the memory that the ring needs


# `values` is a dict; an unknown key, or a value of the wrong type or size, becomes a note.
def read(values):
    made = Settings()
    if not isinstance(values, dict):
        made.note("the configuration is no JSON object")
        values = {}
    made.has_ring = "ring_samples" in values  # it was given, and is no default
    told = json.loads(TEXT)
    rows = told["keys"]
    for name in values:
        if name not in rows:
            made.note("unknown key: " + str(name))
    for name in rows:
        value = values.get(name, rows[name][0])
        if not _fits(value, rows[name]):
            shown = "its value" if name in told["secret"] else value
            value = rows[name][0]
            made.note("%s: %s is refused, %s taken" % (name, shown, value))
        setattr(made, name, value)
    if made.link != LINE:
        if not made.host:
            made.refuse_link("there is no host in the configuration")
        for name in told["wifi"]:
            if name not in values:
                setattr(made, name, told["wifi"][name])
    if made.key and not _is_key(made.key):
        made.note("key: its value is refused: it has to be 32 to 64 hex digits")
        made.key = ""
    return made


# A row has the default, and behind it the limits of an int, or the choices or the longest of a text.
def _fits(value, row):
    if type(value) is not type(row[0]):
        return False
    if len(row) == 3:
        return row[1] <= value <= row[2]
    if len(row) == 1:
        return True
    return value in row[1] if type(row[1]) is list else len(value.encode()) <= row[1]


def _is_key(text):
    n = len(text) // 2
    if len(text) != 2 * n or not KEY_MIN_BYTES <= n <= KEY_MAX_BYTES:
        return False
    return all(c in "0123456789abcdefABCDEF" for c in text)


def load(path="/ossicle.json"):
    try:
        with open(path) as file:
            text = file.read(_FILE_MAX + 1)
        if len(text) > _FILE_MAX or text.count("[") + text.count("{") > _BRACKETS_MAX:
            raise ValueError
        if not text.rstrip().endswith("}"):  # MicroPython takes an object that was cut off for a whole one
            raise ValueError
        values = json.loads(text)
    except OSError:
        values = {}
    except (ValueError, MemoryError):
        values = None
    return read(values)
