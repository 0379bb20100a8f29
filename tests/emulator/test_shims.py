"""The emulated peripherals against what is known of the chip's: the firmware must meet the same troubles."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent.parent
FIRMWARE = ROOT / "firmware"
DEVICE = ROOT / "tests" / "device"


def run(micropython: str, script: str, settings: Path, fds: tuple[int, ...] = ()) -> dict[str, Any]:
    done = subprocess.run(
        [micropython, "-X", "heapsize=1M", str(DEVICE / script)],
        env={
            **os.environ,
            "MICROPYPATH": f"{FIRMWARE / 'boards/unix_shims'}:{FIRMWARE}:.frozen",
            "OSSICLE_EMULATOR": str(settings),
        },
        capture_output=True,
        text=True,
        timeout=60,
        pass_fds=fds,
    )
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


class I2S:
    """A file of slots, each of which tells its place, and the probe that plays it."""

    def __init__(self, folder: Path, micropython: str) -> None:
        self.folder = folder
        self.micropython = micropython

    def play(
        self,
        frames: int,
        *,
        file_channels: int = 1,
        channels: int = 1,
        task: dict[str, Any] | None = None,
        **more: Any,
    ) -> tuple[dict[str, Any], NDArray[np.int32]]:
        slots = np.random.default_rng(frames).integers(-(2**31), 2**31, (frames, file_channels), np.int32)
        slots[:, 0] = np.arange(frames)
        self.slots = slots
        (self.folder / "slots").write_bytes(slots.astype("<i4").tobytes())
        settings = {
            "slots": str(self.folder / "slots"),
            "channels": file_channels,
            "rate": 16000,
            "speed": "max",
            "config": {"channels": channels, "out": str(self.folder / "out"), **(task or {})},
            **more,
        }
        (self.folder / "settings.json").write_text(json.dumps(settings))
        answer = run(self.micropython, "i2s_probe.py", self.folder / "settings.json")
        return answer, np.fromfile(self.folder / "out", "<i4").reshape(-1, channels)


@pytest.fixture
def i2s(tmp_path: Path, micropython: str) -> I2S:
    return I2S(tmp_path, micropython)


@pytest.mark.parametrize("frames", [1, 255, 256, 257, 10 * 256, 40_001])
def test_every_slot_comes_once_to_the_last(i2s: I2S, frames: int) -> None:
    answer, got = i2s.play(frames)
    assert np.array_equal(got, i2s.slots)
    assert answer == {
        "callbacks": -(-frames // 256),
        "dropped": 0,
        "lost": 0,
        "us": pytest.approx(frames * 62.5, abs=1),
        "ended": True,
    }


@pytest.mark.parametrize(("file_channels", "channels"), [(2, 2), (2, 1), (1, 2)])
def test_the_left_slot_is_mono_and_a_missing_one_is_silent(
    i2s: I2S, file_channels: int, channels: int
) -> None:
    _, got = i2s.play(3000, file_channels=file_channels, channels=channels)
    assert np.array_equal(got[:, 0], i2s.slots[:, 0])
    if channels == 2:
        assert np.array_equal(got[:, 1], i2s.slots[:, 1] if file_channels == 2 else np.zeros(3000))


@pytest.mark.parametrize(("ibuf", "buffers"), [(4096, 2), (100, 2), (8192, 4), (40960, 20)])
@pytest.mark.parametrize("stall", [300, 5_000, 10_000])
def test_a_stall_drops_the_oldest_without_a_word(i2s: I2S, ibuf: int, buffers: int, stall: int) -> None:
    """The buffer that is out is filled at once, then DMA fills: one buffer fewer than it has waits full."""
    answer, got = i2s.play(30_000, ibuf=ibuf, stalls=[[4000, stall]])
    begin = -(-4000 // 256) * 256
    captured = -(-stall // 256) * 256
    dropped = max(0, captured - 256 - (buffers - 1) * 256)
    expected = np.delete(i2s.slots, np.s_[begin + 256 : begin + 256 + dropped], axis=0)
    assert np.array_equal(got, expected)
    assert answer["dropped"] == dropped
    assert answer["us"] == pytest.approx(30_000 * 62.5, abs=1), "lost audio takes its time all the same"


def test_one_is_worked_on_one_waits_the_rest_are_dropped(i2s: I2S) -> None:
    """A readinto beyond that returns its length as if nothing were."""
    answer, _ = i2s.play(10_000, task={"arm": 5})
    assert answer["lengths"] == 5 * 1024
    # The second may come before the first is taken from the queue.
    assert answer["handed_out"] in (256, 512)


def test_a_lost_callback_is_lost(i2s: I2S) -> None:
    answer, got = i2s.play(10_000, lost_callbacks=[7])
    assert (answer["callbacks"], answer["lost"], answer["ended"]) == (7, 1, False)
    assert np.array_equal(got, i2s.slots[: 7 * 256])


def test_in_real_time_the_source_does_not_wait(i2s: I2S) -> None:
    """A firmware that comes late loses what DMA cannot hold."""
    answer, got = i2s.play(8000, speed="realtime", ibuf=4096, task={"starve_ms": 250})
    assert answer["dropped"] >= 256
    assert answer["ended"]
    assert len(got) == 8000 - answer["dropped"]
    assert np.array_equal(got[:, 0], np.sort(got[:, 0]))
    assert got[-1, 0] == 7999


class Uart:
    """A pty, and the probe on its master."""

    def __init__(self, folder: Path, micropython: str) -> None:
        self.folder = folder
        self.micropython = micropython
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.heard = b""

    def speed(self, code: int) -> None:
        attributes = termios.tcgetattr(self.slave)
        attributes[4] = attributes[5] = code
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)

    def run(self, *, pace: bool = True, read: bool = True, **task: Any) -> dict[str, Any]:
        task = {"baud": 115200, "bytes": 0, "for_ms": 20000, **task}
        settings = {"fd": self.master, "pace": pace, "config": task}
        (self.folder / "settings.json").write_text(json.dumps(settings))
        reader = threading.Thread(target=self._read, args=(task["bytes"],), daemon=True)
        if read:
            reader.start()
        answer = run(self.micropython, "uart_probe.py", self.folder / "settings.json", (self.master,))
        if read:
            reader.join(20)
        return answer

    def _read(self, wanted: int) -> None:
        with contextlib.suppress(OSError):  # the probe is gone
            while len(self.heard) < wanted:
                self.heard += os.read(self.slave, 65536)


@pytest.fixture
def uart(tmp_path: Path, micropython: str) -> Iterator[Uart]:
    made = Uart(tmp_path, micropython)
    yield made
    for fd in (made.master, made.slave):
        with contextlib.suppress(OSError):
            os.close(fd)


def test_bytes_take_the_time_of_the_line(uart: Uart) -> None:
    uart.speed(termios.B115200)
    answer = uart.run(bytes=5120)
    assert uart.heard == bytes(range(256)) * 20
    assert answer["us"] > 0.8 * 5120 * 10 / 115200 * 1e6
    assert (answer["lost"], answer["garbled"]) == (0, 0)


def test_an_unpaced_line_has_no_speed(uart: Uart) -> None:
    uart.speed(termios.B9600)
    answer = uart.run(bytes=512 * 256, pace=False)
    assert uart.heard == bytes(range(256)) * 512
    assert answer["garbled"] == 0


def test_at_another_speed_both_sides_hear_noise(uart: Uart) -> None:
    uart.speed(termios.B921600)
    os.write(uart.slave, b"hello")
    answer = uart.run(bytes=512, receive=5)
    assert len(uart.heard) == 512
    assert not any(a == b for a, b in zip(uart.heard, bytes(range(256)) * 2, strict=True))
    assert len(answer["got"]) == 5
    assert bytes(answer["got"]) != b"hello"
    assert answer["garbled"] == 517


def test_at_the_same_speed_both_sides_hear(uart: Uart) -> None:
    uart.speed(termios.B921600)
    os.write(uart.slave, b"hello")
    answer = uart.run(baud=921600, bytes=512, receive=5)
    assert bytes(answer["got"]) == b"hello"
    assert uart.heard == bytes(range(256)) * 2


def test_what_nobody_reads_is_lost_and_nothing_blocks(uart: Uart) -> None:
    uart.speed(termios.B115200)
    answer = uart.run(bytes=256 * 1024, pace=False, read=False, for_ms=2500)
    assert answer["lost"] > 0


def test_what_nobody_reads_waits_where_cts_is_wired(uart: Uart) -> None:
    uart.speed(termios.B115200)
    answer = uart.run(bytes=256 * 1024, pace=False, read=False, for_ms=2500, flow=2)
    assert answer["lost"] == 0
    assert answer["wrote"] < 256 * 1024
