"""The options that several commands share, so that each is told and checked once."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from .guard import USAGE, complain

if TYPE_CHECKING:
    from ..audio.options import Options, Values

LONG_S = 1e8  # three years: what is longer is infinite, or a mistake

Url = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="auto, a port (/dev/ttyUSB0, COM5), serial://PORT?baud=N, rfc2217://HOST:PORT, "
        "socket://HOST:PORT, udp://HOST:PORT or ws://HOST:PORT for devices on Wi-Fi, or "
        "emulator:FILE[?speed=max].",
        show_default=True,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout, for programs.")]
Vad = Annotated[
    str,
    typer.Option(
        "--vad",
        metavar="NAME",
        help="Voice detector: webrtc, energy, silero, or auto: silero if installed, else webrtc.",
    ),
]
Rate = Annotated[
    int | None,
    typer.Option(
        "--rate",
        min=1,
        help="Frames a second: 8000, 16000, 32000 or 48000. Unless given: 16000, or as FILE has it.",
    ),
]
Channels = Annotated[
    int | None, typer.Option("--channels", min=1, max=2, help="1 or 2. Unless given: 1, or as FILE has it.")
]
Hop = Annotated[
    int | None,
    typer.Option(
        "--hop",
        min=1,
        help="Frames from one chunk on the wire to the next. Unless given: 512 for mono, 256 for stereo.",
    ),
]
Overlap = Annotated[
    int, typer.Option("--overlap", min=0, help="Frames that a chunk has in common with the next.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, max=LONG_S, help="Seconds to wait for the device to answer.")
]
Seconds = Annotated[
    float | None,
    typer.Option("--seconds", min=0.001, max=LONG_S, help="Stop after so much audio; else at Ctrl-C."),
]


class Mode(StrEnum):
    """What to do about audio that is missing."""

    lossless = "lossless"
    live = "live"


DeliveryMode = Annotated[
    Mode, typer.Option("--mode", help="lossless: wait for what is missing; live: give up after 200 ms.")
]


class CodecName(StrEnum):
    """How audio travels."""

    pcm16 = "pcm16"
    adpcm = "adpcm"


Codec = Annotated[
    CodecName | None,
    typer.Option(
        "--codec",
        help="pcm16: bit for bit; adpcm: a quarter of the bytes, with some noise, so that "
        "115200 baud carries it. Unless given: pcm16.",
    ),
]


# How speech is made segments: what is not given is the preset's, and without a preset the default.

Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="command: short words, and soon told; dictation: long pauses are part of it; recording: nothing "
        "is missed; default. Single options beside it count instead.",
    ),
]
Threshold = Annotated[
    float | None, typer.Option("--threshold", help="From this probability on it is speech.")
]
NegThreshold = Annotated[
    float | None, typer.Option("--neg-threshold", help="Below this probability it is silence.")
]
MinSpeech = Annotated[float | None, typer.Option("--min-speech-ms", help="Shorter speech is not told.")]
MaxSpeech = Annotated[
    float | None, typer.Option("--max-speech-s", help="Longer speech is cut at its quietest place.")
]
MinSilence = Annotated[
    float | None, typer.Option("--min-silence-ms", help="Silence this long ends a segment.")
]
SpeechPad = Annotated[
    float | None, typer.Option("--speech-pad-ms", help="Audio around a segment, on both sides.")
]
PreRoll = Annotated[
    float | None, typer.Option("--pre-roll-ms", help="Audio before that in front, for soft beginnings.")
]


def segmenter(preset: str | None, **given: Unpack[Values]) -> Options:
    """The options of the segmenter that were asked for. Ends the command, with one line, where they make no
    sense."""
    from ..audio.options import NAMES, Options  # a recorder starts faster without

    try:
        return Options().changed(preset, **given)
    except ValueError as error:
        as_given = re.sub(rf"\b({'|'.join(NAMES)})\b", lambda m: "--" + m[0].replace("_", "-"), str(error))
        complain(as_given)
        raise typer.Exit(USAGE) from None
