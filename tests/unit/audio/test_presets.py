"""What each preset is for: short words found and given soon, pauses allowed, nothing missed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ossicle.audio import vad
from ossicle.audio.errors import UnknownPresetError
from ossicle.audio.options import PRESETS, Options
from ossicle.audio.segmenter import Segmenter, find_segments

ENGINES = ("webrtc", "silero", "energy")
RATE = 16000
WORD_MS = 250
GIVEN_MS = 400
BLOCK = 512

Frames = np.ndarray


@pytest.fixture(scope="module")
def words() -> list[tuple[str, Frames]]:
    """Clean speech: whole words, and of every utterance the first quarter of a second."""
    path = Path(vad.__file__).resolve().parents[2] / "assets" / "clean.flac"
    frames, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE
    found = []
    for told in json.loads(path.with_suffix(".json").read_text())["utterances"]:
        spoken = frames[told["start_frame"] : told["stop_frame"]].astype(np.float64)
        if told["kind"] == "word":
            found.append((told["text"], spoken))
        head = spoken[: WORD_MS * RATE // 1000].copy()
        head[-160:] *= np.linspace(1, 0, 160)
        found.append((f"the beginning of {told['text']!r}", head))
    assert len(found) > 30
    assert all(len(spoken) * 1000 >= WORD_MS * RATE for _, spoken in found)
    return found


def said(spoken: Frames, before: int, noise_dbfs: float) -> Frames:
    """In a quiet room, after `before` frames of it."""
    audio = np.concatenate([np.zeros(before), spoken, np.zeros(RATE)])
    audio += np.random.default_rng(before).normal(0, 32768 * 10 ** (noise_dbfs / 20), len(audio))
    return np.clip(audio, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("noise_dbfs", [-75, -60])
@pytest.mark.parametrize("name", ENGINES)
def test_a_command_of_one_word_is_found_and_given_soon(
    words: list[tuple[str, Frames]], name: str, noise_dbfs: float
) -> None:
    """From 250 ms on; within 400 ms of audio after its end, hangover, padding and block included."""
    engine = vad.engine(name, RATE)
    for number, (text, spoken) in enumerate(words):
        before = RATE + 131 * number  # so that VAD frames and blocks lie differently over each
        audio, stop = said(spoken, before, noise_dbfs), before + len(spoken)
        segmenter = Segmenter(engine, rate=RATE, preset="command")
        given = []
        for at in range(0, len(audio), BLOCK):
            for segment in segmenter.push(audio[at : at + BLOCK]):
                assert segment.start < stop, f"{text}: nobody speaks there"
                assert segment.stop > before, f"{text}: nobody speaks there"
                given.append(segmenter.position)
        assert len(given) == 1, text
        assert (given[0] - stop) * 1000 <= GIVEN_MS * RATE, text


def test_by_default_the_shortest_words_are_missed(words: list[tuple[str, Frames]]) -> None:
    """So the test above can fail."""
    engine = vad.engine("energy", RATE)
    found = [len(find_segments(said(spoken, RATE, -75), RATE, engine)) for _, spoken in words]
    assert 0 in found


@pytest.mark.parametrize(
    ("preset", "pause_s", "segments"),
    [
        ("default", 0.6, 2),
        ("command", 0.6, 2),
        ("dictation", 0.6, 1),
        ("dictation", 1.4, 2),
        ("recording", 1.4, 1),
        ("recording", 3.0, 2),
    ],
)
def test_how_long_a_pause_may_be(speech: Path, preset: str, pause_s: float, segments: int) -> None:
    frames, _ = soundfile.read(speech, dtype="int16")
    one, other = frames[17_000:54_000], frames[248_000:277_000]
    pause = frames[226_000:246_000]
    silence = np.resize(pause, round(pause_s * RATE) - 4000)
    audio = np.concatenate([pause, one, silence, other, pause, pause, pause])
    found = find_segments(audio, RATE, "silero", preset=preset)
    assert len(found) == segments
    whole = len(one) + len(silence) + len(other)
    assert sum(len(s.frames) for s in found) >= whole * (1 if segments == 1 else 0.7) - 8000


def test_nothing_is_missed_by_a_recording(speech: Path) -> None:
    """Every frame that a narrower preset takes is in it, and more around it."""
    frames, rate = soundfile.read(speech, dtype="int16")
    for name in ENGINES:
        wide = find_segments(frames, rate, name, preset="recording")
        for preset in ("default", "command", "dictation"):
            for segment in find_segments(frames, rate, name, preset=preset):
                assert any(w.start <= segment.start and segment.stop <= w.stop for w in wide)


def test_an_unknown_preset_names_the_known() -> None:
    with pytest.raises(UnknownPresetError) as caught:
        Segmenter(vad.engine("energy"), rate=RATE, preset="comand")
    assert caught.value.known == ("default", "command", "dictation", "recording")
    assert str(caught.value) == (
        "no preset is called 'comand'; there are: default, command, dictation, recording"
    )


def test_the_page_has_the_values_of_the_presets() -> None:
    """S-18's table."""
    page = Path(__file__).resolve().parents[3] / "shared_spec" / "SEGMENTER.md"
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in page.read_text().splitlines()
        if line.startswith("|")
    ]
    names = rows[0][1:]
    told = {
        row[0]: {n: float(cell) for n, cell in zip(names, row[1:], strict=True) if cell} for row in rows[2:]
    }
    assert {name: Options(**values) for name, values in told.items()} | {"default": Options()} == PRESETS
