"""A network in trouble, each counted by the emulated peripheral: no memory, a small mailbox, a busy board."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ossicle
from ossicle.emulator import Emulator
from ossicle.pattern import Pattern
from ossicle.proto import events
from ossicle.soak.record import Record

ROOT = Path(__file__).resolve().parent.parent.parent
FIRMWARE = ROOT / "firmware"
KEY = 17


class Probe:
    """The emulated UDP socket, without the firmware, and what its record says."""

    def __init__(self, micropython: str, folder: Path) -> None:
        self.micropython = micropython
        self.folder = folder

    def run(self, answers: list[list[bytes]], *, room: int = 4096, **troubles: Any) -> dict[str, Any]:
        """Each word of the probe is answered with the next of `answers`, then the probe reads."""
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host,
            tempfile.TemporaryFile() as file,
        ):
            host.bind(("127.0.0.1", 0))
            host.settimeout(20)
            task = {"port": host.getsockname()[1], "rounds": len(answers), "sleep_ms": 150, "room": room}
            settings = self.folder / "settings.json"
            settings.write_text(json.dumps({"record": file.fileno(), "config": task, **troubles}))
            answering = threading.Thread(target=self._answer, args=(host, answers), daemon=True)
            answering.start()
            done = subprocess.run(
                [self.micropython, "-X", "heapsize=1M", str(ROOT / "tests/device/socket_probe.py")],
                env={
                    **os.environ,
                    "MICROPYPATH": f"{FIRMWARE / 'boards/unix_shims'}:{FIRMWARE}:.frozen",
                    "OSSICLE_EMULATOR": str(settings),
                },
                capture_output=True,
                text=True,
                timeout=60,
                pass_fds=(file.fileno(),),
            )
            answering.join(20)
            assert (done.returncode, done.stderr) == (0, "")
            record = Record(file)
            record.poll()
        answer: dict[str, Any] = json.loads(done.stdout)
        return {**answer, "met": record.met}

    @staticmethod
    def _answer(host: socket.socket, answers: list[list[bytes]]) -> None:
        for datagrams in answers:
            _, there = host.recvfrom(100)
            for datagram in datagrams:
                host.sendto(datagram, there)


@pytest.fixture
def probe(micropython: str, tmp_path: Path) -> Probe:
    return Probe(micropython, tmp_path)


def test_the_seventh_datagram_is_lost(probe: Probe) -> None:
    """What came first is kept, and one reading takes all of it."""
    sent = [bytes([65 + i]) * (i + 1) for i in range(10)]
    said = probe.run([sent, sent[:6], sent[:3]], socket_mailbox=6)
    assert said["pieces"] == [b"".join(sent[:6]).hex(), b"".join(sent[:6]).hex(), b"".join(sent[:3]).hex()]
    assert said["met"] == {"mailbox_full": 4}


def test_a_datagram_that_does_not_fit_is_cut(probe: Probe) -> None:
    said = probe.run([[b"abcdef", b"ghijkl", b"mnop"]], room=8, socket_mailbox=6)
    assert said["pieces"] == [b"abcdefgh".hex(), b"mnop".hex()]
    assert said["met"] == {}


def test_without_a_size_the_mailbox_holds_what_comes(probe: Probe) -> None:
    sent = [bytes([65 + i]) for i in range(20)]
    said = probe.run([sent])
    assert said["pieces"] == [b"".join(sent).hex()]


def test_no_memory_for_a_while(probe: Probe) -> None:
    said = probe.run([[b"x"]], socket_full=[[0, 300]])
    assert said["met"] == {"no_memory": said["refused"]}
    assert said["refused"] > 1
    assert said["pieces"] == [b"x".hex()]


class Stream:
    """A board's stream of a pattern over a network, to its end."""

    def __init__(self, frames: int, link: str, **emulated: Any) -> None:
        self.gaps: list[events.Gap] = []
        audio = []
        with (
            tempfile.TemporaryFile() as file,
            ossicle.serve(f"{link}://127.0.0.1:0", plain=True) as server,
            Emulator(
                Pattern(frames, key=KEY),
                link=link,
                host_port=server.port,
                plain=True,
                record=file,
                **emulated,
            ) as emulator,
            server.accept(20) as mic,
        ):
            for event in mic.events():
                if isinstance(event, events.Audio):
                    audio.append(event.frames.reshape(-1))
                elif isinstance(event, events.Gap):
                    self.gaps.append(event)
            assert emulator.stderr == ""
            record = Record(file)
            record.poll()
        self.met = record.met
        self.data = np.concatenate(audio)
        self.whole = np.array_equal(self.data, Pattern(frames, key=KEY).part(0, frames).reshape(-1))


@pytest.mark.parametrize("link", ["udp", "ws"])
def test_writes_without_memory_cost_nothing(link: str) -> None:
    """Each seventh write, and all of them for half a second: the ring holds what cannot leave."""
    troubles = {"socket_enomem": 7, "socket_full": [[300, 500], [1000, 300]]}
    heard = Stream(100_000, link, speed="max", troubles=troubles)
    assert heard.met["no_memory"] > 20
    assert heard.gaps == []
    assert heard.whole


@pytest.mark.realtime
@pytest.mark.parametrize("link", ["udp", pytest.param("ws", marks=pytest.mark.soak)])
def test_no_memory_for_longer_than_the_ring(link: str) -> None:
    """What the ring could not hold is one gap of known length."""
    heard = Stream(60_000, link, troubles={"socket_full": [[300, 2800]]})
    assert heard.met["no_memory"] > 20
    assert [(gap.cause, gap.estimated) for gap in heard.gaps] == [("overwritten", False)]
    (gap,) = heard.gaps
    assert gap.stop is not None
    source = Pattern(60_000, key=KEY).part(0, 60_000).reshape(-1)
    assert np.array_equal(heard.data, np.delete(source, np.s_[gap.start : gap.stop]))


@pytest.mark.realtime
def test_a_busy_board_loses_what_the_host_said() -> None:
    """For 1.2 s its loop does not run: the mailbox runs over, and the protocol says it again."""
    heard = Stream(36_000, "udp", troubles={"socket_mailbox": 6, "held_up": [[400, 1200]]})
    assert heard.met["held_up"] == 1
    assert heard.met["mailbox_full"] >= 1
    assert heard.gaps == []
    assert heard.whole
