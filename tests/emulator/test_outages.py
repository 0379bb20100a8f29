"""The firmware on a network that fails: no Wi-Fi for a while, no memory for a write, a host that is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import ossicle
from ossicle.emulator import Emulator
from ossicle.proto import events

RATE = 16000
RING = 33_280  # frames
NETWORK = pytest.mark.parametrize("link", ["udp", "ws"])


def noise(folder: Path, seconds: float) -> tuple[Path, NDArray[np.int16]]:
    data = np.random.default_rng(7).integers(-32768, 32768, int(seconds * RATE), dtype=np.int16)
    soundfile.write(folder / "noise.wav", data, RATE, subtype="PCM_16")
    return folder / "noise.wav", data


class Heard:
    """What a board's stream gave: audio, gaps as (start, stop, cause), the device's log."""

    def __init__(self, path: Path, link: str, **emulated: Any) -> None:
        audio = []
        self.gaps: list[tuple[int, int | None, str]] = []
        self.logs: list[str] = []
        with (
            ossicle.serve(f"{link}://127.0.0.1:0", plain=True) as server,
            Emulator(path, link=link, host_port=server.port, plain=True, **emulated) as emulator,
            server.accept(20) as mic,
        ):
            for event in mic.events():
                if isinstance(event, events.Audio):
                    audio.append(event.frames.reshape(-1))
                elif isinstance(event, events.Gap):
                    self.gaps.append((event.start, event.stop, event.cause))
                elif isinstance(event, events.Log):
                    self.logs.append(event.text)
            self.stats = mic.stats
            self.said = emulator.stderr
        self.data = np.concatenate(audio)


@NETWORK
def test_a_second_and_a_half_without_a_word_costs_nothing(link: str, tmp_path: Path) -> None:
    path, data = noise(tmp_path, 2.6)
    heard = Heard(path, link, troubles={"wifi_outages": [[500, 1500]]})
    assert heard.gaps == []
    assert np.array_equal(heard.data, data)
    assert heard.stats.link.device is not None
    assert heard.stats.link.device.bad_packets == 0, "several datagrams in one piece are told apart (W-5)"
    assert heard.said == ""


@pytest.mark.parametrize("link", ["udp", pytest.param("ws", marks=pytest.mark.soak)])
def test_thrown_out_of_the_wifi_it_joins_again(link: str, tmp_path: Path) -> None:
    """Lost is what the ring could not hold, in one gap; the device's log says why."""
    path, data = noise(tmp_path, 5.0)
    troubles = {"wifi_outages": [[500, 3000]], "wifi_beacon_ms": 500, "wifi_try_ms": 1000}
    heard = Heard(path, link, troubles=troubles)
    assert [cause for _, _, cause in heard.gaps] == ["overwritten"]
    start, stop, _ = heard.gaps[0]
    assert stop is not None
    assert start <= 0.6 * RATE
    assert 3.4 * RATE - RING <= stop <= 4.7 * RATE - RING
    assert np.array_equal(heard.data, np.delete(data, np.s_[start:stop]))
    assert any("Wi-Fi was away for 3" in text for text in heard.logs), heard.logs
    assert heard.said == ""


@NETWORK
def test_no_memory_for_a_write_costs_nothing(link: str, tmp_path: Path) -> None:
    path, data = noise(tmp_path, 10.0)
    heard = Heard(path, link, speed="max", troubles={"socket_enomem": 7})
    assert heard.gaps == []
    assert np.array_equal(heard.data, data)
    assert heard.stats.link.host.malformed == 0
    assert heard.said == ""
