"""mpremote's other commands at the REPL, and what a terminal shows there."""

from __future__ import annotations

import functools
import http.server
import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from onchip import Remote

from ossicle.chip import Chip

INTO_A_LOOP = ("exec", "--no-follow", "print('on')\nwhile True: pass")


@pytest.fixture
def package(tmp_path: Path) -> Iterator[str]:
    """The URL of a package.json with one module."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "hello.py").write_text("X = 5\n" * 300)
    (folder / "package.json").write_text(json.dumps({"version": "1", "urls": [["hello.py", "hello.py"]]}))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/package.json"
        server.shutdown()


def test_exec_eval_and_run(remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text("import sys\nprint(sys.platform, __name__)\n")
    assert remote("exec", "print('a\\nb')") == "a\nb\n"
    assert remote("eval", "1 + 2", "run", str(tmp_path / "r.py")) == "3\nesp32 __main__\n"


def test_what_fails_is_told_as_on_a_chip(remote: Remote) -> None:
    done = remote.run("exec", "def f():\n 1/0\nf()")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "Traceback (most recent call last):",
        '  File "<stdin>", line 3, in <module>',
        '  File "<stdin>", line 2, in f',
        "ZeroDivisionError: divide by zero",
    ]


def test_mip_installs_into_lib(remote: Remote, package: str, files: Path) -> None:
    remote("mip", "install", package)
    assert (files / "lib/hello.py").exists()
    assert remote("exec", "import hello\nprint(hello.X, hello.__file__)") == "5 /lib/hello.py\n"


def test_a_mounted_folder_is_read_written_and_imported_from(remote: Remote, tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    (folder / "big.py").write_text("Y = 1\n" * 500 + "print('imported')\n")
    data = bytes(range(256)) * 4  # with the character that interrupts in it
    (folder / "data").write_bytes(data)
    said = remote(
        *("mount", str(folder), "exec"),
        "import os\nprint(os.getcwd(), sorted(os.listdir()))\nimport big\nd = open('data', 'rb').read()\n"
        "print(d == bytes(range(256)) * 4)\nwith open('back', 'wb') as f:\n f.write(d)",
    )
    assert said.splitlines()[1:] == ["/remote ['big.py', 'data']", "imported", "True"]
    assert (folder / "back").read_bytes() == data


def test_what_runs_is_interrupted(remote: Remote, chip: Chip) -> None:
    remote(*INTO_A_LOOP)
    chip.wait("on\r\n")
    assert remote("exec", "print(3)") == "3\n"
    assert "KeyboardInterrupt" in chip.said


def test_resets_run_what_they_run(remote: Remote, chip: Chip, files: Path) -> None:
    (files / "boot.py").write_text("print('boot')\n")
    (files / "main.py").write_text("import machine\nprint('main', machine.reset_cause())\nx = 7\n")
    remote("reset")
    chip.wait("boot\r\nmain 2\r\n")
    assert 'Type "help()"' in chip.wait(">>> ")
    assert remote("resume", "exec", "print(x)") == "7\n"  # main.py's names are the REPL's
    before = chip.said.count("main 5")
    remote("soft-reset")  # from the raw REPL: boot.py alone
    assert chip.said.count("main 5") == before
    assert chip.boots == [1, 5, 2, 5]


def test_a_terminal_is_a_repl(chip: Chip) -> None:
    with open(os.open(chip.port, os.O_RDWR | os.O_NOCTTY), "r+b", buffering=0) as port:
        port.write(b"\r\n1 +\x081\x7f- 3\r")
        chip.wait("\n-2\r\n>>> ")
        port.write(b"for i in range(2):\r    print('n', i)\r\r")
        chip.wait("n 0\r\nn 1\r\n>>> ")
        port.write(b"\x05x = 1\rprint(x + 40)\r\x04")
        chip.wait("41\r\n>>> ")
        port.write(b"7 * 6\r\x1b[A\r")
        chip.wait("42\r\n>>> \x1b[K7 * 6\r\n42\r\n")
        port.write(b"while 1: pass\r\r")
        time.sleep(0.1)
        port.write(b"\x03")
        chip.wait("KeyboardInterrupt")
        port.write(b"abc\x03")  # at the prompt it is a character
        chip.wait(">>> abc\r\n>>> ")
        port.write(b"\x01")
        chip.wait("raw REPL; CTRL-B to exit\r\n>")
        port.write(b"print(6 * 9)\x04")
        chip.wait("OK54\r\n\x04\x04>")
        port.write(b"\x02\x04")
        chip.wait("MPY: soft reboot\r\n")


def test_mpremotes_own_terminal(chip: Chip) -> None:
    person, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "mpremote", "connect", chip.port, "repl"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as mpremote:
        os.close(terminal)
        seen = b""
        while b"Ctrl-]" not in seen:
            seen += os.read(person, 4096)
        os.write(person, b"print(20 + 3)\r")
        while b"\n23" not in seen:
            seen += os.read(person, 4096)
        os.write(person, b"\x1d")
        assert mpremote.wait(20) == 0
    os.close(person)
