"""What the project's own recordings say: texts, voices, pauses and noise. `speech.py` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is said, by whom, and the silence before it."""

    text: str
    voice: str
    pause_s: float
    words_a_minute: int = 160
    level_db: float = 0.0  # louder or softer than the others
    kind: str = ""  # "word" or "sentence" where the recording tells them apart


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recording: its utterances, the silence after the last, and the noise around all."""

    path: Path
    utterances: tuple[Utterance, ...]
    tail_s: float
    snr_db: float | None  # None without any noise: the pauses are digital silence
    seed: int
    channels: int = 1
    speech_rms: float = 0.09  # of an utterance of level 0 dB, full scale 1.0


MAN, WOMAN = "en-us+m3", "en-us+f2"
# Six more, so that a detector tuned to one voice gains little: other pitches, formants and accents.
LOW, HIGH, SCOT, RP, DEEP, BRIGHT = (
    "en-gb+m1",
    "en-gb+f4",
    "en-gb-scotland+f3",
    "en-gb-x-rp+m2",
    "en-us+m7",
    "en-us+f5",
)


def word(text: str, voice: str, pause_s: float, words_a_minute: int, level_db: float) -> Utterance:
    return Utterance(text, voice, pause_s, words_a_minute, level_db, "word")


def sentence(text: str, voice: str, pause_s: float, words_a_minute: int, level_db: float) -> Utterance:
    return Utterance(text, voice, pause_s, words_a_minute, level_db, "sentence")


DEMO = Recipe(
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
)

STEREO = Recipe(
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
)

# What the benchmark of the voice detectors mixes with noise. Sentences have no comma: espeak-ng would pause
# there, inside the label.
CLEAN = Recipe(
    ROOT / "host" / "ossicle" / "assets" / "clean.flac",
    (
        sentence("The boat leaves the harbour every morning at a quarter past six.", MAN, 1.5, 165, 0.0),
        word("Stop.", WOMAN, 1.4, 160, 0.0),
        sentence("My neighbour keeps eleven hens and one very proud goose.", HIGH, 0.9, 150, -2.0),
        sentence("How far is it to the next village?", DEEP, 0.6, 175, 1.0),
        word("Yes.", RP, 1.8, 175, -1.0),
        word("Go.", MAN, 0.8, 190, 2.0),
        sentence("Please read the last number on the list again.", SCOT, 1.2, 160, 0.0),
        sentence("We found the old map under a pile of broken chairs.", LOW, 0.7, 170, -3.0),
        word("No.", BRIGHT, 1.6, 160, 1.0),
        sentence("Rain is expected in the hills by late afternoon.", RP, 2.0, 155, 2.0),
        word("Light on.", LOW, 1.1, 160, 0.0),
        sentence("She plays the violin and her brother repairs clocks.", WOMAN, 0.8, 165, -1.0),
        word("Left.", HIGH, 1.7, 180, -2.0),
        sentence("Open the window a little and leave the door closed.", BRIGHT, 1.0, 170, 3.0),
        sentence("A thousand small waves washed the writing from the sand.", DEEP, 1.4, 160, 0.0),
        word("Cancel.", SCOT, 0.9, 160, 0.0),
        word("Pause.", DEEP, 1.3, 200, -3.0),
        sentence("Who put the blue cup behind the piano?", HIGH, 1.9, 150, 1.0),
        sentence("Nothing grows in the north garden except moss.", MAN, 0.6, 180, -2.0),
        word("Right.", LOW, 1.5, 185, 1.0),
        sentence("The answer was shorter than anybody in the room had hoped.", SCOT, 1.2, 175, -1.0),
        word("Play.", WOMAN, 1.0, 165, 2.0),
        sentence("Tell me when the water begins to boil.", LOW, 0.8, 160, 0.0),
        sentence("Both lamps in the hall have been broken since Monday.", BRIGHT, 1.1, 165, -2.0),
        sentence("Give the small dog some bread and a bowl of milk.", WOMAN, 1.5, 170, 0.0),
        sentence("Seven birds sat on the wire and watched the train go by.", RP, 1.3, 165, 1.0),
    ),
    1.5,
    snr_db=None,
    seed=0,
    speech_rms=0.04,  # -28 dB: as far from full scale as people set a microphone, and a smaller file
)

RECIPES = (DEMO, STEREO, CLEAN)
