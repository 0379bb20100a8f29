"""Scenes to learn from: made-up people talking in made-up rooms and noise, with the truth of who spoke when.

Speech is espeak-ng's in sixteen languages and fifteen voices, none of them a voice of the project's own
recordings; noise is drawn from families of recipes. Every scene follows from its number.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import soxr

RATE = 16000
SCENE_S = 25
LANGUAGES = [
    "en-us",
    "en-gb",
    "de",
    "fr",
    "es",
    "it",
    "pt",
    "pl",
    "nl",
    "sv",
    "ru",
    "cs",
    "fi",
    "tr",
    "en-029",
    "da",
]
VARIANTS = [
    "m2",
    "m4",
    "m5",
    "m6",
    "m8",
    "f1",
    "f3",
    "klatt2",
    "klatt4",
    "Andrea",
    "Annie",
    "Henrique",
    "Michel",
    "Marco",
    "Alicia",
]
TEXTS = """The weather in the north will stay cold until Friday|Please turn off the kitchen lights
What time does the train leave|Stop|Yes|No|I would like a cup of tea with milk and no sugar|Play the next song
Set a timer for twelve minutes|Lights on|She sells sea shells on the sea shore|How far is the moon|Cancel
Seven hundred and forty two|The quick brown fox jumps over the lazy dog|Open the door|Go|Wait|Three|Hello
Could you tell me where the library is|My sister plays the violin every evening|Thank you very much
We need more paper for the printer|It was raining when we came home|Please close the window behind you
A large dog ran across the field|Tomorrow we will fly to Madrid|Why not|Next|Louder|Volume up|Fifty six
The soup is much too hot to eat|I have never been to the mountains in winter|He laughed and shook his head
Turn left at the church and go straight on|Bring me the blue folder from my desk""".replace("\n", "|").split(
    "|"
)

Floats = npt.NDArray[np.float64]
Draw = np.random.Generator


def unit(samples: Floats) -> Floats:
    """Of unit power."""
    return np.asarray(samples / (np.sqrt((samples**2).mean()) + 1e-9), np.float64)


def speak(draw: Draw) -> Floats:
    """Some text by some voice, cut to its audible part (within 35 dB of the loudest 5 ms), of unit power."""
    while True:
        voice = f"{draw.choice(LANGUAGES)}+{draw.choice(VARIANTS)}"
        command = [
            "espeak-ng",
            "-v",
            voice,
            "-s",
            str(draw.integers(120, 210)),
            "--stdout",
            draw.choice(TEXTS),
        ]
        wav = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
        body = wav[wav.index(b"data") + 8 :]
        samples = np.frombuffer(body[: len(body) // 2 * 2], "<i2") / 32768
        voice_16k = soxr.resample(samples, int.from_bytes(wav[24:28], "little"), RATE)
        power = (voice_16k[: len(voice_16k) // 80 * 80].reshape(-1, 80) ** 2).mean(axis=1)
        loud = np.flatnonzero(power > power.max() * 10**-3.5)
        if len(loud) and loud[-1] - loud[0] > 40:
            return unit(voice_16k[loud[0] * 80 : (loud[-1] + 1) * 80])


def coloured(frames: int, draw: Draw, gain: Callable[[Floats], Floats]) -> Floats:
    """Noise whose amplitude at each frequency (Hz) is `gain`."""
    spectrum = np.fft.rfft(draw.normal(size=frames)) * gain(np.fft.rfftfreq(frames, 1 / RATE))
    return unit(np.fft.irfft(spectrum, frames))


def wobble(frames: int, draw: Draw, step_s: float, depth: float) -> Floats:
    """A random gain of 1 in the middle that takes another value every `step_s`."""
    times = np.arange(0, frames / RATE + 2 * step_s, step_s)
    return np.exp(np.interp(np.arange(frames) / RATE, times, draw.normal(0, depth, len(times))))


def hiss(frames: int, draw: Draw) -> Floats:
    """Stationary, of any slope, some with a corner."""
    slope, corner = draw.uniform(0, 1.3), draw.uniform(60, 600)
    return coloured(frames, draw, lambda hz: (1 + hz / corner) ** -slope)


def hum(frames: int, draw: Draw) -> Floats:
    """The mains, or an engine whose speed wanders."""
    times = np.arange(0, frames / RATE + 2, 2.0)
    slow = draw.uniform(40, 120, len(times)) if draw.random() < 0.6 else np.full(len(times), 50.0)
    phase = 2 * np.pi * np.cumsum(np.interp(np.arange(frames) / RATE, times, slow)) / RATE
    tones = sum((np.sin(k * phase + k) / k**0.7 for k in range(1, 15)), np.zeros(frames))
    return unit(unit(tones) + draw.uniform(0.2, 1) * hiss(frames, draw))


def bands(frames: int, draw: Draw) -> Floats:
    """Bands of noise, each louder and softer in a rhythm of its own: wind, traffic, machines."""
    out = np.zeros(frames)
    for _ in range(int(draw.integers(1, 5))):
        middle, width = np.exp(draw.uniform(np.log(60), np.log(3000))), draw.uniform(0.3, 1.5)
        band = coloured(
            frames, draw, lambda hz, m=middle, w=width: np.exp(-((np.log2((hz + 1) / m) / w) ** 4))
        )
        rhythm_s = np.exp(draw.uniform(np.log(0.05), np.log(1.5)))
        out += band * wobble(frames, draw, rhythm_s, draw.uniform(0.2, 1.1)) * draw.uniform(0.2, 1)
    return unit(out)


def rail(frames: int, draw: Draw) -> Floats:
    """Rumble that swells and falls, and the double clatter of wheels over joints."""
    corner, middle, width = draw.uniform(100, 500), draw.uniform(100, 900), draw.uniform(0.4, 2)
    rumble = coloured(frames, draw, lambda hz: (hz > 60) / (1 + (hz / corner) ** 1.5))
    rumble *= wobble(frames, draw, draw.uniform(0.3, 1.5), draw.uniform(0.1, 0.6))
    clatter = coloured(frames, draw, lambda hz: np.exp(-((np.log2((hz + 1) / middle) / width) ** 2)))
    clatter += draw.uniform(0, 0.6) * hiss(frames, draw)
    pattern = np.cumsum(draw.uniform(0.1, 0.35, int(draw.integers(2, 6))))
    gain, at, decay = np.zeros(frames), 0.0, draw.uniform(0.015, 0.1)
    strength, every = draw.uniform(0.3, 2.5), draw.uniform(0.2, 1.2)
    while at < frames / RATE:
        for offset in pattern:
            start = int((at + offset) * RATE)
            length = max(0, min(int(0.4 * RATE), frames - start))
            gain[start : start + length] += draw.uniform(0.4, 1) * np.exp(-np.arange(length) / (decay * RATE))
        at += every + pattern[-1]
    return unit(rumble + strength * clatter * gain)


def impulses(frames: int, draw: Draw) -> Floats:
    """Typing, dripping, a fire: short bursts, regular or not, over a bed or none."""
    rate_hz, ring = draw.uniform(2, 20), draw.random() < 0.6
    out = draw.uniform(0, 0.05) * hiss(frames, draw)
    at = 0.0
    while at < frames / RATE:
        at += draw.exponential(1 / rate_hz) + (draw.uniform(0.3, 2) if draw.random() < 0.08 else 0.02)
        start, length = int(at * RATE), int(draw.uniform(0.002, 0.04) * RATE)
        if start + length >= frames:
            break
        times = np.arange(length)
        burst = draw.normal(size=length)
        if ring:
            burst += 0.7 * np.sin(2 * np.pi * draw.uniform(800, 5000) / RATE * times)
        out[start : start + length] += draw.lognormal(-0.7, 0.7) * burst * np.exp(-4 * times / length)
    return unit(out)


def music(frames: int, draw: Draw) -> Floats:
    """Notes, struck or sustained, one or several at a time, of random timbre; some with drums."""
    out, at, steps = np.zeros(frames), 0.0, np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 17, 19])
    harmonics, tilt, base = int(draw.integers(3, 12)), draw.uniform(0.5, 1.8), draw.uniform(50, 220)
    attack, decay, legato = draw.uniform(0.003, 0.08), draw.uniform(0.1, 2), draw.uniform(0.8, 2)
    shortest, longest = np.sort(draw.uniform(0.12, 0.8, 2))
    while at < frames / RATE:
        lasts = draw.uniform(shortest, longest + 0.05)
        times = np.arange(int(lasts * RATE * legato)) / RATE
        envelope = np.minimum(1, times / attack) * np.exp(-times / decay)
        envelope *= np.minimum(1, (times[-1] - times) / 0.01)
        note = np.zeros(len(times))
        for _ in range(int(draw.integers(1, 6))):
            pitch = base * 2 ** ((draw.choice(steps) + 12 * draw.integers(0, 2)) / 12)
            for k in range(1, harmonics + 1):
                if pitch * k < 7500:
                    note += np.sin(2 * np.pi * k * pitch * times + draw.uniform(0, 6)) / k**tilt
        start = int(at * RATE)
        fits = max(0, min(len(note), frames - start))
        out[start : start + fits] += (note * envelope)[:fits] * draw.uniform(0.5, 1)
        at += lasts
    return unit(unit(out) + (0.6 * impulses(frames, draw) if draw.random() < 0.35 else 0))


def babble(frames: int, draw: Draw) -> Floats:
    """Four to fourteen people at once."""
    out = np.zeros(frames)
    for _ in range(int(draw.integers(4, 14))):
        parts: list[Floats] = []
        while sum(map(len, parts)) < frames:
            parts += [speak(draw), np.zeros(int(draw.uniform(0, 0.4) * RATE))]
        out += np.concatenate(parts)[:frames] * draw.uniform(0.5, 1.3)
    return unit(out)


FAMILIES = (hiss, hiss, hum, bands, bands, bands, rail, rail, rail, impulses, impulses, *3 * (music,), babble)


def noise(frames: int, draw: Draw) -> Floats:
    """Of one family, now and then of two."""
    out = FAMILIES[draw.integers(len(FAMILIES))](frames, draw)
    if draw.random() < 0.2:
        out = out + draw.uniform(0.1, 1) * FAMILIES[draw.integers(len(FAMILIES) - 1)](frames, draw)
    return unit(out)


def room(draw: Draw) -> Floats:
    """An impulse response: the direct sound and a tail that dies away; near or far."""
    far = draw.random() < 0.4
    seconds, share = (
        (draw.uniform(0.3, 0.8), draw.uniform(0.3, 1.2)) if far else (draw.uniform(0.1, 0.45), 0.15)
    )
    frames = int(seconds * RATE)
    tail = draw.normal(size=frames) * 10 ** (-3 * np.arange(frames) / frames)
    tail *= share / np.sqrt((tail**2).sum())
    tail[0] = 1
    return tail


def talk(draw: Draw) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Somebody speaks, pauses, speaks: samples in a room, and which of them are speech."""
    parts: list[Floats] = []
    speech: list[npt.NDArray[np.bool_]] = []
    while sum(map(len, parts)) < SCENE_S * RATE:
        pause, said = int(draw.uniform(0.15, 2) * RATE), speak(draw) * 10 ** (draw.uniform(-6, 3) / 20)
        parts += [np.zeros(pause), said]
        speech += [np.zeros(pause, bool), np.ones(len(said), bool)]
    parts.append(np.zeros(int(draw.uniform(0.5, 2) * RATE)))
    speech.append(np.zeros(len(parts[-1]), bool))
    samples, marks = np.concatenate(parts), np.concatenate(speech)
    if draw.random() < 0.5:
        samples = np.fft.irfft(
            np.fft.rfft(samples, 2 * len(samples)) * np.fft.rfft(room(draw), 2 * len(samples))
        )[: len(samples)]
    if draw.random() < 0.5:
        samples = samples + draw.uniform(-0.4, 0.4) * np.concatenate(([0.0], samples[:-1]))
    return samples, marks


def scene(number: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
    """int16 samples at 16 kHz and which are speech, both of shape `(frames,)`.

    Of a hundred scenes 22 are noise alone, 12 speech in a quiet room, the others speech at 0 to 22 dB.
    """
    draw = np.random.default_rng(number)
    samples, speech = talk(draw)
    frames, kind = len(samples), draw.random()
    level, loud = 0.09 * 10 ** (draw.uniform(-28, 0) / 20), np.sqrt((samples[speech] ** 2).mean())
    if kind < 0.22:
        samples, speech = noise(frames, draw) * draw.uniform(0.2, 1.5), np.zeros(frames, bool)
    elif kind < 0.88:
        samples = samples / loud + noise(frames, draw) * 10 ** (-draw.uniform(0, 22) / 20)
    else:
        samples = samples / loud
    if draw.random() < 0.25:  # a microphone that wakes up, a recording that fades in
        silent = int(draw.uniform(0, 0.5) * RATE)
        fade = np.clip((np.arange(frames) - silent) / (draw.uniform(0.01, 1.5) * RATE), 0, 1)
        samples = samples * fade
        samples[:silent] = 0
    else:
        samples = samples + draw.normal(0, 10 ** (draw.uniform(-70, -50) / 20), frames)
    return np.clip(np.rint(samples * level * 32767), -32768, 32767).astype(np.int16), speech
