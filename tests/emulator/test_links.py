"""The firmware on each of its links, as a user opens them: every sample, sealed or plain, no key anywhere."""

from __future__ import annotations

import traceback
from pathlib import Path

import numpy as np
import pytest
import soundfile

import ossicle
from ossicle.emulator import Emulator
from ossicle.errors import KeyMissingError, LinkError, RefusedError
from ossicle.proto._wire import Reason

NETWORK = pytest.mark.parametrize("link", ["udp", "ws"])
KEY = bytes(range(32))


@pytest.mark.parametrize(
    "options", ["link=udp", "link=ws", "link=udp&plain=1", "link=ws&plain=1", "link=serial&sealed=1"]
)
def test_each_link_gives_the_recording(speech: Path, options: str) -> None:
    played, rate = soundfile.read(speech, dtype="int16")
    with ossicle.open(f"emulator:{speech}?speed=max&{options}", rate=rate) as mic:
        blocks = list(mic.blocks(4096))
    assert [gap for block in blocks for gap in block.gaps] == []
    assert np.array_equal(np.concatenate([block.data for block in blocks]), played)


@NETWORK
def test_in_real_time(speech: Path, link: str) -> None:
    with ossicle.open(f"emulator:{speech}?link={link}") as mic:
        block = mic.read(8000)
    assert (block.start, len(block), block.gaps) == (0, 8000, ())


@NETWORK
def test_two_boards_on_one_port_by_their_ids(speech: Path, link: str) -> None:
    with ossicle.serve(f"{link}://127.0.0.1:0", plain=True) as server:
        options = {"link": link, "host_port": server.port, "plain": True, "speed": "max"}
        with Emulator(speech, **options) as one, Emulator(speech, **options) as two:
            heard = {}
            for _ in range(2):
                with server.accept(20) as mic:
                    heard[mic.device] = sum(len(block) for block in mic.blocks())
    assert heard == {one.device: one.frames, two.device: two.frames}


def on_board(speech: Path, *, key: bytes | None, plain: bool, **more: object) -> ossicle.Microphone:
    """Open a board that has `KEY`, with this key."""
    with ossicle.serve("udp://127.0.0.1:0", plain=True) as taken:
        port = taken.port
    with Emulator(speech, link="udp", host_port=port, key=KEY) as emulator:
        assert emulator.pid is not None
        process = Path(f"/proc/{emulator.pid}")
        for name in ("cmdline", "environ"):
            assert KEY.hex().encode() not in (process / name).read_bytes()
        keys = None if key is None else {emulator.device: key}
        with ossicle.open(f"udp://127.0.0.1:{port}", keys=keys, plain=plain, timeout=4.0) as mic:
            return mic


def test_the_right_key_opens(speech: Path) -> None:
    assert on_board(speech, key=KEY, plain=False).started.rate == 16000


def test_a_wrong_key_is_told_and_not_printed(speech: Path) -> None:
    wrong = bytes(32)
    with pytest.raises(KeyMissingError, match="another key") as caught:
        on_board(speech, key=wrong, plain=False)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    for key in (KEY, wrong):
        assert key.hex() not in told
        assert repr(key) not in told


def test_a_board_that_seals_starts_nothing_plain(speech: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        on_board(speech, key=None, plain=True)
    assert caught.value.reason == Reason.SEALED


def test_the_url_of_a_board(speech: Path) -> None:
    plain = Emulator(speech, link="ws", host_port=4750, plain=True, device="kitchen")
    assert plain.url == f"ws://127.0.0.1:4750?device={plain.device}&plain=1"
    named = Emulator(speech, link="ws", host_port=4750, plain=True, config={"device": "attic"})
    assert named.url == "ws://127.0.0.1:4750?device=attic&plain=1"
    sealed = Emulator(speech, link="udp")
    assert sealed.url == f"udp://127.0.0.1:4747?device={sealed.device}"
    assert sealed.key is not None
    with pytest.raises(ValueError, match="serial, udp, ws"):
        Emulator(speech, link="tcp")
    with pytest.raises(LinkError, match="did not come up"):
        ossicle.open(f"emulator:{speech}?link=udp&heapsize=1K", timeout=2.0)
