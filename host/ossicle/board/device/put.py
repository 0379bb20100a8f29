# What ../copy.py has the board do: parts of files arrive as base64 in the scripts that
# follow this one, each with calls of what is defined here. A mark in front of a number tells
# how many bytes of files are done. The slot in force is read, never written.
import binascii
import hashlib
import os

# Tests put a folder here.
ROOT = ""
done = 0


def told(n):
    global done
    done += n
    print("\n@done %d" % done)


def size(path):
    try:
        return os.stat(ROOT + path)[6]
    except OSError:
        return -1


def digest(path):
    h = hashlib.sha256()
    buf = memoryview(bytearray(1024))
    with open(ROOT + path, "rb") as file:
        while True:
            n = file.readinto(buf)
            if not n:
                return binascii.hexlify(h.digest()).decode()
            h.update(buf[:n])


# What is there instead of a file (of a folder: 0x4000) is the user's, and stays.
def clear(path, kind=0):
    try:
        found = os.stat(ROOT + path)[0] & 0x4000
    except OSError:
        return
    if found != kind:
        raise OSError("%s: in the way" % path)


def folders(path):
    clear(path)
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(ROOT + path[:at])
        except OSError:
            clear(path[:at], 0x4000)
        at = path.find("/", at + 1)


# The next part of a file; `at` is where it begins. Squeezed where the build can undo that.
def put(path, at, data, squeezed=False):
    if at == 0:
        folders(path)
    elif size(path) != at:
        raise OSError("%s: part at %d is not where the file ends" % (path, at))
    data = binascii.a2b_base64(data)
    if squeezed:
        from deflate import RAW, DeflateIO
        from io import BytesIO

        data = DeflateIO(BytesIO(data), RAW, 10).read()
    with open(ROOT + path, "ab" if at else "wb") as file:
        if file.write(data) != len(data):
            raise OSError(28)
    told(len(data))


# Read back what was written.
def check(path, want):
    if digest(path) != want:
        raise OSError("%s: reads back otherwise than it was written" % path)


# From the slot in force.
def copy(old, new):
    folders(new)
    buf = memoryview(bytearray(1024))
    with open(ROOT + old, "rb") as source:
        with open(ROOT + new, "wb") as file:
            while True:
                n = source.readinto(buf)
                if not n:
                    break
                file.write(buf[:n])
    check(new, digest(old))


# The whole new file takes the place of the old in one step: LittleFS does it so, and FAT
# renames after losing the old one.
def swap(new, path):
    clear(path)
    os.rename(ROOT + new, ROOT + path)


def remove(path):
    try:
        os.remove(ROOT + path)
    except OSError:
        pass


# Keep in a folder only what is wanted: {path below it: 1}.
def sweep(folder, wanted, below=""):
    try:
        entries = list(os.ilistdir(ROOT + folder + below))
    except OSError:
        return 0
    left = 0
    for entry in entries:
        path = below + "/" + entry[0]
        if entry[1] & 0x4000:
            if sweep(folder, wanted, path):
                left += 1
            else:
                os.rmdir(ROOT + folder + path)
        elif path[1:] in wanted:
            left += 1
        else:
            os.remove(ROOT + folder + path)
    return left
