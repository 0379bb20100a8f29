"""`ossicle record`: the microphone into a file, frame n of the capture at frame n of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..api import Microphone
from ..sinks import open_sink
from . import options
from .capture import Totals, capture
from .consumers import Gaps, Recorder, Watch
from .guard import Interrupts
from .meter import Meter, watched
from .output import Output, seconds
from .source import start, suits


def record(
    url: options.Url = "auto",
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write: .wav or .flac.")],
    limit_s: options.Seconds = None,
    rate: options.Rate = None,
    channels: options.Channels = None,
    mode: options.DeliveryMode = options.Mode.lossless,
    hop: options.Hop = None,
    overlap: options.Overlap = 0,
    timeout: options.Timeout = 10.0,
    as_json: options.Json = False,
) -> None:
    """Record a microphone into a WAV or FLAC file.

    Gaps become silence of the same length, and are told. Ctrl-C stops; the file is valid at any moment.
    """
    output = Output(as_json)
    use_rate, use_channels, length_s = suits(url, rate, channels)
    limit = None if limit_s is None else round(limit_s * use_rate)
    total_s = limit_s if length_s is None or limit_s is None else min(limit_s, length_s)
    microphone = start(
        url,
        output,
        rate=use_rate,
        channels=use_channels,
        mode=mode,
        hop=hop,
        overlap=overlap,
        timeout=timeout,
    )
    with microphone, Interrupts().installed() as interrupts:
        # Only now, when there is something to hear: an older recording of that name is lost with it.
        sink = open_sink(out, use_rate, use_channels)
        _tell_start(output, microphone, out)
        with Meter(shown=watched(as_json), total_s=total_s or length_s) as meter:
            consumers = (Recorder(sink, use_channels), Watch(meter, microphone), Gaps(output, use_rate))
            totals = capture(microphone.events(), consumers, interrupts, limit)
    _tell_end(output, out, totals, use_rate)


def _tell_start(output: Output, microphone: Microphone, out: Path) -> None:
    output.event(
        "started",
        "",
        device=microphone.device,
        rate=microphone.rate,
        channels=microphone.channels,
        file=str(out),
    )


def _tell_end(output: Output, out: Path, totals: Totals, rate: int) -> None:
    hidden = f", {totals.missing} frames missing" if totals.missing else ""
    gaps = f"{totals.gaps} gap{'' if totals.gaps == 1 else 's'}{hidden}"
    output.event(
        "done",
        f"{out}: {totals.position / rate:.3f} s, {totals.frames} frames, {gaps}",
        file=str(out),
        seconds=seconds(totals.position, rate),
        frames=totals.frames,
        gaps=totals.gaps,
        missing_frames=totals.missing,
        interrupted=totals.interrupted,
    )
