"""How a microphone sounds, judged after the board's own conversion; clean speech is never complained of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slots
import soundfile
from conftest import public_recordings
from slots import Slots

from ossicle.doctor.collect import listen, read
from ossicle.doctor.evidence import Evidence, Sound
from ossicle.doctor.examine import examine
from ossicle.doctor.finding import Finding
from ossicle.emulator import Emulator

ROOT = Path(__file__).resolve().parent.parent.parent
CLEAN = [
    ROOT / "host/ossicle/assets/speech.flac",
    ROOT / "host/ossicle/assets/clean.flac",
    ROOT / "tests/data/stereo.flac",
    *(path for path in public_recordings() if path.name.startswith(("speech_", "meeting_"))),
]
NOISES = [path for path in public_recordings() if path.name.startswith("noise_")]


def found(of: Slots, **options: Any) -> list[Finding]:
    return examine(slots.hear(of, **options))


def mains(count: int, hz: float, level_db: float) -> Slots:
    """Hum at a level (dBFS after the conversion): the line and its next two odd multiples."""
    time = np.arange(count) / slots.RATE
    waves = sum(
        part * np.sin(2 * np.pi * hz * multiple * time + multiple)
        for multiple, part in ((1, 1), (3, 0.5), (5, 0.25))
    )
    size = 32768 * 10 ** (level_db / 20) * np.sqrt(2)
    return np.rint(waves * size * 64).astype(np.int64) << 8


Plant = Callable[[Slots], Slots]
PLANTED: list[tuple[str, Plant, dict[str, Any]]] = [
    ("dc_offset", lambda s: s + (2000 << 14), {"config": {"dc_blocker": False}}),
    ("quiet", lambda s: s // 400, {}),
    ("clipped", lambda s: np.clip(s * 4, -(2**31), 2**31 - 1), {}),
    ("hum", lambda s: s + mains(len(s), 50, -36), {}),
    ("hum", lambda s: s + mains(len(s), 60, -36), {}),
    ("hum", lambda s: s + mains(len(s), 49.9, -36), {}),
    ("noise", lambda s: s + (np.random.default_rng(5).normal(0, 1200, len(s)).astype(np.int64) << 14), {}),
]


@pytest.mark.parametrize(("name", "plant", "options"), PLANTED)
def test_a_fault_of_the_sound_is_named(
    speech: Path, name: str, plant: Plant, options: dict[str, Any]
) -> None:
    (only,) = found(plant(slots.of(speech)), **options)
    assert only.name == name
    assert any(character.isdigit() for character in only.text)
    assert only.cure


@pytest.mark.parametrize("config", [{}, {"dc_blocker": False}])
def test_an_offset_that_is_taken_away_is_none(speech: Path, config: dict[str, Any]) -> None:
    told = found(slots.of(speech) + (2000 << 14), config=config)
    assert [each.name for each in told] == (["dc_offset"] if config else [])


def test_hum_is_told_which(speech: Path) -> None:
    (only,) = found(slots.of(speech) + mains(slots.RATE * 4, 60, -36))
    assert only.numbers["mains_hz"] == 60
    assert abs(float(only.numbers["level_db"] or 0) + 35) < 2  # three lines, together 1.2 dB above the first


def test_the_level_is_what_was_planted(speech: Path) -> None:
    (only,) = found(slots.of(speech) // 400)  # 52 dB less
    assert abs(float(only.numbers["loud_db"] or 0) - (-16.5 - 52)) < 2


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: path.stem)
def test_clean_speech_has_no_fault_through_the_board(path: Path) -> None:
    seconds = 6.0
    rate = soundfile.info(path).samplerate
    samples = soundfile.read(path, round(seconds * rate), dtype="int16", always_2d=True)[0]
    words = samples.astype(np.int64) * 64 << 8
    heard = slots.hear(words, channels=samples.shape[1])
    assert heard.sound is not None
    assert heard.sound.from_start
    assert heard.sound.seconds > 0.9 * len(samples) / rate
    assert examine(heard) == []


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: path.stem)
def test_clean_speech_has_no_fault_as_a_file(path: Path) -> None:
    assert examine(read(path)) == []


def test_noise_is_called_noise() -> None:
    """Made noise, and where the machine has them recordings of rooms."""
    made = np.random.default_rng(6).normal(0, 600, 8 * slots.RATE).astype(np.int16)
    white = Evidence(Sound(made[:, None], slots.RATE))
    for evidence in (white, *(read(path) for path in NOISES)):
        assert [each.name for each in examine(evidence)] == ["noise"]


def test_any_ten_seconds_of_clean_speech_will_do() -> None:
    """Wherever the doctor begins to listen."""
    for path in CLEAN:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
        for start in range(0, max(1, len(samples) - 10 * rate), 3 * rate):
            part = Sound(samples[start : start + 10 * rate], rate)
            assert [each.text for each in examine(Evidence(part))] == [], (path.name, start / rate)


def later(of: Slots, frames: int, gain: float = 1.0) -> Slots:
    delayed = np.concatenate((np.zeros(frames, np.int64), of[:-frames]))
    return (delayed * gain).astype(np.int64) & ~0xFF


@pytest.mark.parametrize("gain", [0.5, 0.9])
def test_swapped_microphones_are_told_by_where_one_speaks(speech: Path, gain: float) -> None:
    """The far one hears 0.5 ms later, and half as loud, or hardly less."""
    here = slots.of(speech, 3)
    heard = slots.hear(slots.pair(here, later(here, 8, gain)), channels=2)
    assert heard.sound is not None
    turned = replace(heard, sound=replace(heard.sound, frames=heard.sound.frames[:, ::-1]))
    for evidence, right in ((heard, "left"), (turned, "right")):
        wrong = "right" if right == "left" else "left"
        assert examine(evidence) == []
        assert examine(replace(evidence, near=right)) == []
        assert [each.name for each in examine(replace(evidence, near=wrong))] == ["swapped_channels"]


def test_two_channels_that_are_one(speech: Path) -> None:
    here = slots.of(speech, 3)
    assert [each.name for each in found(slots.pair(here, here), channels=2)] == ["same_channels"]
    assert [each.name for each in found(slots.pair(here, -here), channels=2)] == ["mirrored_channels"]
    weak = later(here, 8, 0.1)
    assert [each.name for each in found(slots.pair(here, weak), channels=2)] == ["unlike_channels"]


def test_a_codec_that_changes_samples_is_not_searched_for_bits(speech: Path) -> None:
    with Emulator(speech, speed="max") as board:
        heard = listen(board.url, 60, codec="adpcm")
    assert heard.sound is not None
    assert not heard.sound.exact
    assert examine(heard) == []
