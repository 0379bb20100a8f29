"""Make the project's own labelled recordings: espeak-ng speech with known edges, in stationary noise.

    python3 tools/speech.py            write them (needs espeak-ng, numpy, soundfile, soxr)
    python3 tools/speech.py --check    make them again in memory and compare with what is committed

The edges are measured on the clean speech, before any noise is added, so the labels are the truth
and not an opinion of a voice detector. The same espeak-ng and soxr give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

ROOT = Path(__file__).resolve().parent.parent
RATE = 16000
SPEECH_RMS = 0.09  # of each utterance, full scale 1.0
LICENCE = "The project's own text spoken by espeak-ng, noise by this script; MIT, as the project."

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is said, by whom, and the silence before it."""

    text: str
    voice: str
    pause_s: float
    words_a_minute: int = 160


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recording: its utterances, the silence after the last, and the noise around all."""

    path: Path
    utterances: tuple[Utterance, ...]
    tail_s: float
    snr_db: float
    seed: int
    channels: int = 1


MAN, WOMAN = "en-us+m3", "en-us+f2"

RECIPES = (
    Recipe(
        ROOT / "host" / "ossicle" / "assets" / "speech.flac",
        (
            Utterance("Good morning and welcome to Ossicle.", MAN, 1.2),
            Utterance("One small bone moves another until the ear can hear.", WOMAN, 1.1),
            Utterance("Stop.", MAN, 1.4),
            Utterance("Every number in this recording comes from a real microphone driver.", MAN, 1.0),
            Utterance("Nothing was lost on the way.", WOMAN, 1.6),
        ),
        1.5,
        snr_db=20.0,
        seed=1,
    ),
    Recipe(
        ROOT / "tests" / "data" / "stereo.flac",
        (
            Utterance("Turn the light on in the garden.", WOMAN, 1.0),
            Utterance("Now.", MAN, 1.2),
            Utterance("Remember to water the roses before noon.", MAN, 1.1),
        ),
        1.2,
        snr_db=16.0,
        seed=2,
        channels=2,
    ),
)


def speak(utterance: Utterance) -> Floats:
    """The utterance at RATE, mono, full scale 1.0, cut to its audible part."""
    command = [
        "espeak-ng",
        "-v",
        utterance.voice,
        "-s",
        str(utterance.words_a_minute),
        "--stdout",
        utterance.text,
    ]
    wav = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
    # espeak-ng writes to a pipe and cannot go back to fill in the lengths: take the samples as they are.
    rate = int.from_bytes(wav[24:28], "little")
    body = wav[wav.index(b"data") + 8 :]
    clean = np.frombuffer(body[: len(body) // 2 * 2], "<i2").astype(np.float64) / 32768.0
    at_rate = soxr.resample(clean, rate, RATE, quality="VHQ")
    start, stop = audible(at_rate)
    return np.asarray(at_rate[start:stop], np.float64)


def audible(clean: Floats, window: int = RATE // 200, below_peak_db: float = 35.0) -> tuple[int, int]:
    """[start, stop) in frames: the windows of 5 ms whose power is within 35 dB of the loudest one."""
    count = len(clean) // window
    power = (clean[: count * window].reshape(count, window) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-below_peak_db / 10))
    return int(loud[0]) * window, int(loud[-1] + 1) * window


def noise(frames: int, seed: int) -> Floats:
    """Stationary noise of unit power that falls with frequency, as a quiet room's does.

    `random.Random.random` is the one generator whose numbers Python promises never to change.
    """
    source, low, out = random.Random(seed), 0.0, []
    for _ in range(frames):
        white = source.random() + source.random() + source.random() - 1.5
        low += 0.08 * (white - low)
        out.append(low + 0.12 * white)
    rough = np.array(out, np.float64)
    return np.asarray(rough / np.sqrt((rough**2).mean()), np.float64)


def compose(recipe: Recipe) -> tuple[npt.NDArray[np.int16], list[dict[str, Any]]]:
    """Frames (int16, `(frames,)` or `(frames, channels)`) and the labels of a recipe."""
    parts: list[Floats] = []
    labels: list[dict[str, Any]] = []
    position = 0
    for utterance in recipe.utterances:
        gap = np.zeros(round(utterance.pause_s * RATE))
        voice = speak(utterance)
        voice = voice * (SPEECH_RMS / np.sqrt((voice**2).mean()))
        start = position + len(gap)
        position = start + len(voice)
        labels.append(label(utterance, start, position))
        parts += [gap, voice]
    parts.append(np.zeros(round(recipe.tail_s * RATE)))
    clean = np.concatenate(parts)
    noise_level = SPEECH_RMS * 10 ** (-recipe.snr_db / 20)
    lanes = []
    for channel in range(recipe.channels):
        # A second microphone hears the same a little later and a little less.
        heard = np.concatenate([np.zeros(3 * channel), clean])[: len(clean)] * 0.8**channel
        lanes.append(heard + noise(len(clean), recipe.seed + 100 * channel) * noise_level)
    mixed = np.clip(np.rint(np.stack(lanes, axis=1) * 32767.0), -32768, 32767).astype(np.int16)
    return (mixed[:, 0] if recipe.channels == 1 else mixed), labels


def label(utterance: Utterance, start: int, stop: int) -> dict[str, Any]:
    return {
        "start_frame": start,
        "stop_frame": stop,
        "start": start / RATE,
        "stop": stop / RATE,
        "text": utterance.text,
        "voice": utterance.voice,
    }


def made_by() -> str:
    text = subprocess.run(["espeak-ng", "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"\d+\.\d+(\.\d+)?", text)
    return f"espeak-ng {found.group(0) if found else 'of unknown version'}, soxr {soxr.__version__}"


def document(recipe: Recipe, frames: npt.NDArray[np.int16], labels: list[dict[str, Any]]) -> dict[str, Any]:
    """What goes into the JSON file beside the recording."""
    return {
        "file": recipe.path.name,
        "rate": RATE,
        "channels": recipe.channels,
        "frames": len(frames),
        "sha256_of_samples": hashlib.sha256(frames.astype("<i2").tobytes()).hexdigest(),
        "snr_db": recipe.snr_db,
        "made_by": made_by(),
        "licence": LICENCE,
        "utterances": labels,
    }


def write(recipe: Recipe) -> None:
    frames, labels = compose(recipe)
    recipe.path.parent.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    soundfile.write(packed, frames, RATE, format="FLAC", subtype="PCM_16", compression_level=1.0)
    recipe.path.write_bytes(packed.getvalue())
    text = json.dumps(document(recipe, frames, labels), indent=1) + "\n"
    recipe.path.with_suffix(".json").write_text(text, encoding="utf-8")
    print(f"{recipe.path.relative_to(ROOT)}: {len(frames) / RATE:.2f} s, {recipe.path.stat().st_size} bytes")


def differs(recipe: Recipe) -> str:
    """What differs between a committed recording and a fresh one; empty when nothing does."""
    told = json.loads(recipe.path.with_suffix(".json").read_text(encoding="utf-8"))
    if told["made_by"] != made_by():
        return f"{recipe.path.name}: made by {told['made_by']}, here is {made_by()}; cannot compare"
    frames, labels = compose(recipe)
    fresh = document(recipe, frames, labels)
    return "" if fresh == told else f"{recipe.path.name}: differs from what this script makes"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    if not parser.parse_args().check:
        for recipe in RECIPES:
            write(recipe)
        return 0
    problems = [text for text in map(differs, RECIPES) if text]
    print("\n".join(problems) or "both recordings are what this script makes")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
