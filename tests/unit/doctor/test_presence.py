"""What is behind a port on which no firmware answers, each played by the other end of a pty."""

from __future__ import annotations

import os
import pty
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ossicle.doctor.presence import explain, listen, of_error, of_port
from ossicle.errors import (
    KeyMissingError,
    LinkError,
    OssicleError,
    ProtocolVersionError,
    RefusedError,
    SilentError,
)
from ossicle.proto._wire import Reason

BANNER = (
    b"\r\nMicroPython v1.25.0 on 2025-04-15; Generic ESP32 module with ESP32\r\n"
    b'Type "help()" for more information.\r\n>>> '
)
EMPTY = b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET)\r\ninvalid header: 0xffffffff\r\n" * 3
DOWNLOAD = b"boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))\r\nwaiting for download\r\n"
BROWNOUT = b"\r\nBrownout detector was triggered\r\n\r\nets Jul 29 2019 12:21:46\r\n"


@contextmanager
def port(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A port that says what `answer` makes of what it is sent."""
    master, slave = pty.openpty()
    tty.setraw(slave)

    def run() -> None:
        while True:
            try:
                data = os.read(master, 4096)
            except OSError:
                return
            if data == b"end":
                return
            os.write(master, answer(data))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.write(slave, b"end")
        thread.join(5)
        os.close(slave)
        os.close(master)


def repl(data: bytes) -> bytes:
    return BANNER if b"\x02" in data else b"\r\n>>> " * data.count(b"\r")


def test_a_repl_tells_its_version_and_board() -> None:
    with port(repl) as name:
        found = of_port(name)
    assert found.name == "repl"
    assert "v1.25.0" in found.text
    assert "Generic ESP32 module with ESP32" in found.text
    assert f"ossicle install {name}" in found.cure


def test_a_raw_repl_is_left() -> None:
    """mpremote that was killed leaves one: it answers no empty line, but Ctrl-B."""
    with port(lambda data: BANNER if b"\x02" in data else b"") as name:
        assert of_port(name).name == "repl"


@pytest.mark.parametrize(
    ("heard", "name"),
    [
        (b"", "no_answer"),
        (EMPTY, "empty"),
        (DOWNLOAD, "download"),
        (BROWNOUT, "brownout"),
        (b"temperature 21.4\r\n" * 4, "stranger"),
    ],
)
def test_what_else_there_is(heard: bytes, name: str) -> None:
    found = explain("/dev/ttyUSB7", heard)
    assert (found.name, found.severity) == (name, "fault")
    assert "/dev/ttyUSB7" in found.text
    assert found.cure


def test_a_port_is_heard_out_and_no_longer() -> None:
    with port(lambda data: b"x" * 3000) as name:
        assert listen(name) == b"x" * 3000


def test_no_text_of_a_stranger_reaches_the_terminal_as_it_is() -> None:
    found = explain("p", b"MicroPython v1\x1b[31m on x; a\x1b]0;title\x07\r\n>>> ")
    assert found.text.isprintable()


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (LinkError("/dev/none: there is no such port"), "port"),
        (RefusedError(Reason.MICROPHONE, "the microphone does not start: 12"), "microphone"),
        (RefusedError(Reason.RATE, "rate"), "refused"),
        (KeyMissingError("kitchen", "host"), "key"),
        (ProtocolVersionError(2, 1), "version"),
        (SilentError("nothing was heard", 10), "no_answer"),
    ],
)
def test_what_open_raises_is_a_finding(error: OssicleError, name: str) -> None:
    found = of_error(error, "udp://0.0.0.0:4747" if name == "no_answer" else "")
    assert (found.name, found.severity) == (name, "fault")
    assert str(error) in found.text
    assert found.cure


def test_a_port_that_is_silent_is_looked_into() -> None:
    with port(repl) as name:
        assert of_error(SilentError("nothing was heard", 10), name).name == "repl"
