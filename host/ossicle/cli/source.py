"""Opening a microphone for a command: what the user asked for, or what suits the source."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

import typer

from ..api import Microphone
from ..api import open as open_microphone
from ..errors import OssicleError
from ..proto.request import Resume
from ..urls import NETWORK, parse
from .options import CodecName, Mode
from .output import Output

RATES = (8000, 16000, 32000, 48000)
EMULATOR = "emulator:"


def file_of(url: str) -> Path | None:
    """The recording behind an `emulator:` URL, None for any other."""
    if not url.startswith(EMULATOR):
        return None
    return Path(unquote(url[len(EMULATOR) :].partition("?")[0]))


def suits(url: str, rate: int | None, channels: int | None) -> tuple[int, int, float | None]:
    """(rate, channels, seconds if known): a recording is played as it is, where a device could hear it so."""
    path = file_of(url)
    info = None
    if path is not None and path.is_file():
        import soundfile

        from ..paths import for_libsndfile

        try:
            info = soundfile.info(for_libsndfile(path))
        except (soundfile.SoundFileError, TypeError):
            info = None  # opening it will say what is wrong
    if info is None:
        return rate or 16000, channels or 1, None
    own_rate = info.samplerate if info.samplerate in RATES else 16000
    return rate or own_rate, channels or min(info.channels, 2), info.frames / info.samplerate


def from_device(url: str, device: str) -> str:
    """The URL of one device, where it is that of a port to which several may send."""
    target = parse(url)
    if target.kind not in NETWORK or target.device is not None:
        return url
    return f"{url}{'&' if '?' in url else '?'}device={quote(device)}"


def start(
    url: str,
    output: Output,
    *,
    rate: int,
    channels: int,
    codec: CodecName | None = None,
    mode: Mode = Mode.lossless,
    hop: int | None = None,
    overlap: int = 0,
    timeout: float = 10.0,
    resume: Resume | None = None,
) -> Microphone:
    """Open the microphone and tell the conversions that were made on the way."""
    try:
        microphone = open_microphone(
            url,
            rate=rate,
            channels=channels,
            codec=(codec or CodecName.pcm16).value,
            mode=mode.value,
            hop=hop,
            overlap=overlap,
            timeout=timeout,
            resume=resume,
        )
    except OssicleError:
        raise  # some are a ValueError, too
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    for note in microphone.notes:
        output.note(note)
    return microphone
