# The REPL of the emulated chip, after shared/runtime/pyexec.c: friendly, paste and raw mode,
# raw-paste with its window. As there, Ctrl-C interrupts only while code runs; before that it
# is a character like any other.

import __main__
import builtins
import io
import sys

import line
from edit import Editor
from faces import raw

_WINDOW = 128  # half of the 256 bytes that a raw paste may have under way
_A, _B, _C, _D, _E = 1, 2, 3, 4, 5
_OPENS = (b"if", b"for", b"while", b"def", b"class", b"try", b"with", b"async", b"@")

FRIENDLY = "friendly"
RAW = "raw"

_globals = __main__.__dict__
_in = sys.stdin.buffer
_byte = bytearray(1)


class SoftReset(Exception):
    pass


def say(data):
    raw.write(data)


# The next character. KeyboardInterrupt may still come from what ran before.
def _read():
    while True:
        try:
            if not _in.readinto(_byte):
                raise SystemExit  # the supervisor is gone
            return _byte[0]
        except KeyboardInterrupt:
            pass


# Without the frames of this file, which the chip does not have.
def _report(error):
    text = io.StringIO()
    sys.print_exception(error, text)
    for row in text.getvalue().split("\n")[:-1]:
        if not row.startswith('  File "') or "unix_shims/chip/" not in row:
            print(row)


# Runs `what()` with Ctrl-C on. Raises SoftReset where it ends by SystemExit.
def _run(what, raw_mode=False):
    error = None
    try:
        line.interrupt(3)
        what()
    except BaseException as caught:
        error = caught
    line.quiet()
    if raw_mode:
        say(b"\x04")
    reset = isinstance(error, SystemExit)
    if error is not None and not reset:
        _report(error)
    error = None  # and with it what the code has left
    if raw_mode:
        say(b"\x04")
    if reset:
        raise SoftReset


def _source(source, kind="exec"):
    _run(lambda: exec(compile(source, "<stdin>", kind), _globals), kind == "exec")


def script(name):
    try:
        open(name).close()
    except OSError:
        return
    _run(lambda: builtins.execfile(name, _globals))


# ---- raw


# Until Ctrl-B. Raises SoftReset.
def _raw():
    say(b"raw REPL; CTRL-B to exit\r\n>")
    typed = bytearray()
    while True:
        c = _read()
        if c == _A:
            if len(typed) == 2 and typed[0] == _E:
                _paste(typed[1])
            else:
                say(b"raw REPL; CTRL-B to exit\r\n")
            say(b">")
        elif c == _B:
            say(b"\r\n")
            return
        elif c == _D:
            say(b"OK")
            if not typed:
                say(b"\r\n")
                raise SoftReset
            _source(bytes(typed))
            say(b">")
        elif c != _C:
            typed.append(c)
            continue
        typed = bytearray()


def _paste(command):
    if command != 65:
        say(b"R\x00")
        return
    say(b"R\x01")
    say(bytes((_WINDOW & 255, _WINDOW >> 8, 1)))
    typed = bytearray()
    left = _WINDOW
    while True:
        c = _read()
        if c in (_C, _D):
            break
        typed.append(c)
        left -= 1
        if not left:
            say(b"\x01")
            left = _WINDOW
    say(b"\x04")
    source = bytes(typed)
    del typed
    if c == _C:
        _run(_interrupted, True)
    else:
        _source(source)


def _interrupted():
    raise KeyboardInterrupt


# ---- friendly


def _friendly(banner):
    say(banner)
    editor = Editor(_read, say)
    while True:
        text, key = editor.line(b">>> ")
        if key == _A:
            return
        if key == _D:
            say(b"\r\n")
            raise SoftReset
        if key == _B:
            say(b"\r\n" + banner)
        elif key == _E:
            _typed(editor)
        elif key != _C and text:
            _one(editor, text)


# One statement, and the lines that go on with it.
def _one(editor, text):
    while _goes_on(text):
        more, key = editor.line(b"... ")
        if key == _C:
            return
        if not more.strip():
            break
        text += b"\n" + more
    _source(text + b"\n", "single")


def _goes_on(text):
    last = text.split(b"\n")[-1]
    first = text.split(b" ")[0].split(b":")[0].split(b"(")[0]  # what came may be no text
    if first in _OPENS or text.startswith(b"@") or last.endswith(b"\\"):
        return True
    depth = sum(text.count(c) for c in (b"(", b"[", b"{")) - sum(text.count(c) for c in (b")", b"]", b"}"))
    return depth > 0 or text.count(b'"""') % 2 == 1 or text.count(b"'''") % 2 == 1


# Ctrl-E: what is pasted, until Ctrl-D.
def _typed(editor):
    say(b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== ")
    typed = bytearray()
    while True:
        c = _read()
        if c == _C:
            say(b"\r\n")
            return
        if c == _D:
            say(b"\r\n")
            source = bytes(typed)
            _run(lambda: exec(compile(source, "<stdin>", "exec"), _globals))
            return
        if c == 13:
            typed.append(10)
            say(b"\r\n=== ")
        else:
            typed.append(c)
            say(bytes((c,)))


# boot.py, main.py where the mode is friendly, and the REPL, until a soft reset. Returns the
# mode that is in force then.
def run(mode, banner):
    try:
        script("boot.py")
        if mode == FRIENDLY:
            script("main.py")
        while True:
            if mode == RAW:
                _raw()
                mode = FRIENDLY
            _friendly(banner)
            say(b"\r\n")
            mode = RAW
    except SoftReset:
        return mode
