"""Make the project's own labelled recordings: espeak-ng speech with known edges, in stationary noise or none.

    python3 tools/speech.py            write them (needs espeak-ng, numpy, soundfile, soxr)
    python3 tools/speech.py clean      only that one; what they say is in recipes.py
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
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from recipes import RECIPES, ROOT, Recipe, Utterance

RATE = 16000
LICENCE = "The project's own text spoken by espeak-ng, noise by this script; MIT, as the project."

Floats = npt.NDArray[np.float64]


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
        level = recipe.speech_rms * 10 ** (utterance.level_db / 20)
        voice = voice * (level / np.sqrt((voice**2).mean()))
        start = position + len(gap)
        position = start + len(voice)
        labels.append(label(utterance, start, position))
        parts += [gap, voice]
    parts.append(np.zeros(round(recipe.tail_s * RATE)))
    clean = np.concatenate(parts)
    lanes = [lane(recipe, clean, channel) for channel in range(recipe.channels)]
    mixed = np.clip(np.rint(np.stack(lanes, axis=1) * 32767.0), -32768, 32767).astype(np.int16)
    return (mixed[:, 0] if recipe.channels == 1 else mixed), labels


def lane(recipe: Recipe, clean: Floats, channel: int) -> Floats:
    """What a channel's microphone hears; a second one hears it a little later and a little less."""
    heard = np.concatenate([np.zeros(3 * channel), clean])[: len(clean)] * 0.8**channel
    if recipe.snr_db is None:
        return np.asarray(heard, np.float64)
    noise_level = recipe.speech_rms * 10 ** (-recipe.snr_db / 20)
    return np.asarray(heard + noise(len(clean), recipe.seed + 100 * channel) * noise_level, np.float64)


def label(utterance: Utterance, start: int, stop: int) -> dict[str, Any]:
    return {
        "start_frame": start,
        "stop_frame": stop,
        "start": start / RATE,
        "stop": stop / RATE,
        "text": utterance.text,
        "voice": utterance.voice,
    } | ({"kind": utterance.kind} if utterance.kind else {})


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
    known = {recipe.path.stem: recipe for recipe in RECIPES}
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; else all")
    told = parser.parse_args()
    if unknown := [name for name in told.names if name not in known]:
        parser.error(f"no recording {unknown[0]}; there are {', '.join(known)}")
    recipes = [known[name] for name in told.names or known]
    if not told.check:
        for recipe in recipes:
            write(recipe)
        return 0
    problems = [text for text in map(differs, recipes) if text]
    print("\n".join(problems) or "the recordings are what this script makes")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
