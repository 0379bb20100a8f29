# What is on the board, as one line of JSON behind a mark. Sent by ../survey.py and run by
# mpremote: lines of comment do not travel. Nothing here changes a file.
import binascii
import gc
import hashlib
import json
import os
import sys

# Tests put a folder here.
ROOT = ""


def digest(path):
    h = hashlib.sha256()
    buf = memoryview(bytearray(1024))
    with open(ROOT + path, "rb") as file:
        while True:
            n = file.readinto(buf)
            if not n:
                return binascii.hexlify(h.digest()).decode()
            h.update(buf[:n])


def names(path):
    try:
        return sorted([(e[0], e[1]) for e in os.ilistdir(ROOT + path)])
    except OSError:
        return []


# {path below `folder`: the beginning of its hash}
def tree(folder, below="", found=None):
    found = {} if found is None else found
    for name, kind in names(folder + below):
        path = below + "/" + name
        if kind & 0x4000:
            tree(folder, path, found)
        else:
            found[path[1:]] = digest(folder + path)[:16]
    return found


def read(path, most):
    try:
        with open(ROOT + path, "rb") as file:
            return file.read(most)
    except OSError:
        return None


# base64 in pieces: a heap that has holes may have no room for it in one. None where there is no file.
def text(path, most):
    parts = []
    try:
        with open(ROOT + path, "rb") as file:
            while most > 0:
                data = file.read(min(most, 768))
                if not data:
                    break
                most -= len(data)
                parts.append(binascii.b2a_base64(data).decode().strip())
    except OSError:
        return None
    return parts


def chip_id():
    try:
        import machine

        return binascii.hexlify(machine.unique_id()).decode()
    except (ImportError, AttributeError):
        return ""


def has(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False


def free():
    try:
        s = os.statvfs(ROOT or "/")
        return s[1] * s[3]
    except (AttributeError, OSError):
        return -1


# Builds for some chips have none.
def i2s():
    try:
        import machine

        return hasattr(machine, "I2S")
    except ImportError:
        return False


def look():
    gc.collect()
    found = {
        "platform": sys.platform,
        "version": list(sys.implementation.version)[:3],
        "machine": getattr(sys.implementation, "_machine", ""),
        "mpy": getattr(sys.implementation, "_mpy", 0),
        "id": chip_id(),
        "free": free(),
        "deflate": has("deflate"),
        "i2s": i2s(),
        "heap": gc.mem_free(),
        "slot": text("/firmware/slot", 8),
        "a": tree("/firmware/a"),
        "b": tree("/firmware/b"),
        "main": "" if read("/main.py", 1) is None else digest("/main.py"),
        "ours": b"Ossicle" in (read("/main.py", 100) or b""),
        "loose": [name for name, kind in names("/") if name in ("ossicle", "boards")],
        "config": text("/ossicle.json", 8192),
        "log": text("/ossicle.log", 4096),
    }
    print("\n@ossicle ", end="")
    json.dump(found, sys.stdout)
    print()
