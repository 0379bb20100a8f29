"""The line and its ends: speeds, buffers, pins that two UARTs share, and what USB-Serial/JTAG throws away."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from line import Line
from onchip import Remote

from ossicle.chip import Chip
from ossicle.chip.line import garble
from ossicle.chip.pins import Pins

OPEN = (
    "from machine import UART\nimport time\n"
    "u = UART(1, {baud}, tx=1, rx=3, txbuf={txbuf}, rxbuf=256, timeout=50)\n"
)
TAKES_OVER = "import micropython\nmicropython.kbd_intr(-1)\n" + OPEN
GIVES_BACK = (
    "u.flush()\nu.deinit()\nimport machine\nfor r in (0x3FF49088, 0x3FF49084):\n"
    " machine.mem32[r] = machine.mem32[r] & ~(7 << 12)\nmicropython.kbd_intr(3)\n"
)


def written(files: Path, program: str) -> None:
    files.mkdir(exist_ok=True)
    (files / "main.py").write_text(program)


def read_until(line: Line, text: bytes, timeout_s: float = 20.0) -> bytes:
    seen = b""
    deadline = time.monotonic() + timeout_s
    while text not in seen:
        assert time.monotonic() < deadline, seen
        seen += line.read(0.2)
    return seen


def test_a_paced_line_carries_what_its_speed_does(files: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 8000)
    with Chip(files=files) as chip:
        before = time.monotonic()
        Remote(chip)("fs", "cp", str(tmp_path / "a"), ":a")
        took_s = time.monotonic() - before
        assert chip.bytes_in > 8000
        assert took_s > chip.bytes_in / 11520
        assert (files / "a").read_bytes() == b"x" * 8000
        assert (chip.lost_in, chip.garbled) == (0, 0)


def test_another_speed_garbles_both_ways(files: Path) -> None:
    with Chip(files=files) as chip, Line(chip.port) as line:
        chip.wait(">>> ")
        line.read(0.1)
        prompts, before = chip.said.count(">>> "), len(chip.said)
        line.speed(9600)
        line.write(b"\r")
        heard = line.read(5)
        time.sleep(0.1)  # the rest, if there is any
        heard += line.read(0)
        said = chip.said[before:].encode()
        assert chip.said.count(">>> ") == prompts  # what came was no Enter
        assert heard == garble(said)
        assert len(heard) > 0
        line.speed(115200)
        line.write(b"\r\r")
        read_until(line, b">>> ")
    assert garble(garble(b"abc")) == b"abc" != garble(b"abc")


def test_a_uart_has_the_pins_and_gives_them_back(files: Path) -> None:
    """What UART0 says meanwhile is lost, and Ctrl-C is a byte like any other; then the REPL is back."""
    program = TAKES_OVER.format(baud=460800, txbuf=4096) + (
        "print('nobody hears this')\nd = b''\nwhile not d.endswith(b'!'):\n d += u.read(1) or b''\n"
        "u.write(d)\n" + GIVES_BACK + "print('back', len(d))\n"
    )
    written(files, program)
    with Chip(files=files) as chip, Line(chip.port) as line:
        chip.wait("nobody hears this")
        line.speed(460800)
        sent = bytes(range(1, 33)) + b"!"
        line.write(sent)
        assert sent in read_until(line, sent)
        line.speed(115200)
        seen = read_until(line, b">>> ")
        assert b"back 33" in seen
        assert b"nobody" not in seen
        line.write(b"print(1 + 4)\r")
        read_until(line, b"\n5")
        assert chip.boots == [1]


def test_pins_that_are_not_given_back_are_nobodys(files: Path) -> None:
    """After deinit() alone the REPL is there, but neither heard nor reached, until a reset."""
    written(files, TAKES_OVER.format(baud=115200, txbuf=256) + "u.deinit()\nprint('unheard')\n")
    with Chip(files=files) as chip, Line(chip.port) as line:
        chip.wait("unheard\r\nMicroPython")
        line.write(b"\x04")
        time.sleep(0.2)
        assert b"unheard" not in line.read(0)
        assert (chip.boots, chip.lost_in) == ([1], 1)
        (files / "main.py").write_text("")
        chip.reset()
        read_until(line, b">>> ")


def test_a_uart_that_moves_leaves_its_pins() -> None:
    pins = Pins(1, 3)
    sizes = (460800).to_bytes(4, "little") + (512).to_bytes(4, "little")
    pins.set_up(bytes((1, 1, 1, 3)) + sizes)
    assert (pins.sender, pins.receiver, pins.baud(1), pins.baud(0), pins.size(1)) == (
        1,
        1,
        460800,
        115200,
        512,
    )
    pins.set_up(bytes((1, 1, 5, 3)) + sizes)
    assert (pins.sender, pins.receiver) == (None, 1)
    pins.give_back(1)
    assert (pins.sender, pins.receiver) == (0, 1)
    pins.set_up(bytes((1, 0, 5, 3)) + sizes)
    assert (pins.sender, pins.receiver) == (0, None)


def test_a_write_blocks_until_all_fits(files: Path) -> None:
    """2000 bytes at 115200 baud take 174 ms; a buffer of 256 and the hardware's take 33 ms of that."""
    program = (
        "def ms(u):\n t = time.ticks_ms()\n assert u.write(bytes(2000)) == 2000\n"
        " return time.ticks_diff(time.ticks_ms(), t), u.txdone()\n"
    )
    with Chip(files=files) as chip:
        remote = Remote(chip)
        pins = OPEN.replace("tx=1, rx=3", "tx=5, rx=4")
        for txbuf, least in ((4096, 0), (256, 120)):
            said = remote("exec", pins.format(baud=115200, txbuf=txbuf) + program + "print(ms(u))")
            took, done = said.strip("()\n").split(", ")
            assert int(took) >= least
            assert done == "False"
        assert remote("exec", pins.format(baud=115200, txbuf=256) + "print(u.read(3), u.any())") == "None 0\n"


def test_what_no_buffer_holds_is_lost(files: Path) -> None:
    """256 of the driver and 128 of the hardware; the driver's is read as far as there is something."""
    program = TAKES_OVER.format(baud=115200, txbuf=256) + (
        "print('on')\ntime.sleep_ms(700)\nn = 0\nwhile u.any(): n += len(u.read(u.any()))\n"
        + GIVES_BACK
        + "print('got', n)\n"
    )
    written(files, program)
    with Chip(files=files) as chip, Line(chip.port) as line:
        chip.wait("on\r\n")
        line.write(b"z" * 1000)
        chip.wait("got 384\r\n")
        assert chip.lost_in == 1000 - 384


def test_uarts_that_cannot_be_had(files: Path) -> None:
    with Chip(files=files, pace=False) as chip:
        remote = Remote(chip)
        for number, error in ((0, "ESP_ERR_INVALID_STATE"), (3, "UART(3) does not exist")):
            done = remote.run("exec", f"from machine import UART\nUART({number})")
            assert done.stdout.rstrip().endswith(error) or error in done.stdout


def test_what_nobody_listens_to_is_lost_and_known(files: Path) -> None:
    written(files, "print('into the air')\n")
    with Chip(files=files) as chip:
        chip.wait("into the air")
        chip.wait(">>> ")
        assert chip.lost_out > 0
        assert chip.bytes_out == 0
        with Line(chip.port) as line:
            assert b"air" not in line.read(0.1)


@pytest.mark.parametrize("kind", ["esp32c3", "esp32s3"])
def test_usb_discards_what_a_stalled_host_does_not_take(files: Path, kind: str) -> None:
    """After 200 ms, and says that all is written; then it works as before."""
    count = 40000
    program = (
        "import sys, time\nfor i in range(200):\n"
        f" n = sys.stdout.buffer.write(bytes((65 + i % 26,)) * {count // 200})\n assert n == {count // 200}\n"
        "print('all written')\n"
    )
    written(files, "")
    with Chip(kind, files=files) as chip, Line(chip.port) as line:
        chip.wait(">>> ")
        line.write(b"\x05" + program.replace("\n", "\r").encode())
        read_until(line, b"=== print('all written')")
        line.write(b"\x04")
        before = time.monotonic()
        chip.wait("all written\r\n")  # the host reads nothing meanwhile
        assert time.monotonic() - before >= 0.2
        came = b""
        while part := line.read(0.3):
            came += part
        assert chip.lost_out > 0
        assert len(came) < count
        line.write(b"print(2 + 3)\r")
        read_until(line, b"\n5\r\n")
        assert chip.garbled == 0
        line.speed(9600)  # is nothing to it
        line.write(b"print(3 + 3)\r")
        read_until(line, b"\n6\r\n")


def test_usb_waits_where_a_uart_loses(files: Path) -> None:
    written(files, "import sys, time\nprint('on')\ntime.sleep(0.5)\nprint(len(sys.stdin.read(3000)))\n")
    with Chip("esp32c3", files=files) as chip:
        with Line(chip.port) as line:
            chip.wait("on\r\n")
            line.write(b"y" * 3000)
            chip.wait("3000\r\n")
        assert chip.lost_in == 0


def test_a_bridge_loses_what_its_host_does_not_read_for_a_second(files: Path) -> None:
    written(files, "print('on')\n")
    with Chip(files=files, pace=False) as chip, Line(chip.port) as line:
        chip.wait(">>> ")
        line.write(b"for i in range(400): print('%0100d' % i)\r\r")
        chip.wait("399\r\n")
        assert chip.lost_out > 0
        os.read(line.fd, 65536)
        line.write(b"print(2 + 3)\r")
        read_until(line, b"\n5\r\n")
