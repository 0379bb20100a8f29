# The modules `sys`, `os`, `vfs` and `micropython` as the chip shows them. They are put among
# the loaded modules, where an import looks first.

import io
import micropython
import os
import sys
import utime
import vfs
from collections import namedtuple

import line
from emulation import settings

_Implementation = namedtuple("Implementation", ("name", "version", "_machine", "_mpy", "_build"))
_Name = namedtuple("Name", ("sysname", "nodename", "release", "version", "machine"))
_FIFO = 128
_BYTE_US = 87
VERSION = "%d.%d.%d" % sys.implementation.version[:3]


class _Module:
    def __init__(self, origin, names):
        for name in names:
            setattr(self, name, getattr(origin, name))


# What is written here is not cooked; print() and sys.stdout.write() are.
class _Raw(io.IOBase):
    def __init__(self):
        self._busy_us = utime.ticks_us()  # when UART0 has said the last byte, where it says all

    def write(self, buf, off=None, n=None):
        if n is None:
            n, off = len(buf) if off is None else off, 0
        if settings["uart0_mirror"]:
            self._wait(n)
        left = n
        while left:
            count = min(left, line.PAYLOAD)
            line.send(line.RAW, buf, off, count)
            off += count
            left -= count
        return n

    # Until UART0's FIFO has taken so many bytes, at 115200 baud.
    def _wait(self, n):
        now_us = utime.ticks_us()
        if utime.ticks_diff(self._busy_us, now_us) < 0:
            self._busy_us = now_us
        self._busy_us = utime.ticks_add(self._busy_us, n * _BYTE_US)
        utime.sleep_us(max(0, utime.ticks_diff(self._busy_us, now_us) - _FIFO * _BYTE_US))

    def flush(self):
        pass


class _Stdout(io.IOBase):
    def __init__(self):
        self._text = sys.stdout
        self.buffer = _Raw()

    def write(self, data):
        return self._text.write(data)

    def flush(self):
        pass


raw = _Raw()
_terminals = [None]


def _sys():
    names = "argv byteorder exit maxsize modules path print_exception ps1 ps2 stdin stderr version"
    face = _Module(sys, (names + " version_info").split())
    face.__name__ = "sys"
    face.platform = "esp32"
    true = sys.implementation
    face.implementation = _Implementation(
        true.name, true.version, settings["machine"], true._mpy, settings["build"]
    )
    face.stdout = _Stdout()
    return face


# The first terminal besides the REPL's own. What it holds when it is told of is what the
# REPL reads next; it is written to by nobody.
def _dupterm(stream=None, index=0):
    old = _terminals[0]
    _terminals[0] = stream
    return old


def _dupterm_notify(_):
    byte = bytearray(1)
    came = b""
    while _terminals[0] is not None and _terminals[0].readinto(byte):
        came += byte
    if came:
        line.tell(line.STDIN, came)


def _uname():
    return _Name("esp32", "esp32", VERSION, "v%s" % VERSION, settings["machine"])


def _os():
    names = "VfsFat VfsLfs2 chdir getcwd ilistdir listdir mkdir mount remove rename rmdir sep stat statvfs"
    face = _Module(os, (names + " umount unlink urandom").split())
    face.__name__ = "os"
    face.dupterm = _dupterm
    face.dupterm_notify = _dupterm_notify
    face.uname = _uname
    face.sync = lambda: None
    return face


def _vfs():
    return _Module(vfs, ("VfsFat", "VfsLfs2", "mount", "umount"))


# What it prints by itself comes behind all that was said before.
def _in_turn(function):
    def call(*args):
        line.ask(line.SYNC)
        function(*args)
        line.ask(line.SYNC)

    return call


def _micropython():
    names = "RingIO const heap_lock heap_unlock opt_level schedule stack_use"
    face = _Module(micropython, [name for name in names.split() if hasattr(micropython, name)])
    face.__name__ = "micropython"
    face.kbd_intr = line.interrupt
    face.mem_info = _in_turn(micropython.mem_info)
    face.qstr_info = _in_turn(micropython.qstr_info)
    face.alloc_emergency_exception_buf = lambda size: None
    face.heap_locked = lambda: 0
    return face


def put(modules):
    modules["sys"] = _sys()
    modules["os"] = _os()
    modules["vfs"] = _vfs()
    modules["micropython"] = _micropython()
    for name in ("ffi", "jni", "termios"):  # which would lead out of the folder
        modules[name] = _Module(None, ())
