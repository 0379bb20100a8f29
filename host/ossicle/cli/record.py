"""`ossicle record`: the microphone into a file, frame n of the capture at frame n of the file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ..api import Microphone
from ..microphone import MicrophoneStats
from . import options
from .capture import Place, Totals, capture
from .consumers import Gaps, Watch
from .guard import Interrupts
from .meter import Meter, watched
from .output import Output, seconds
from .recorder import Recorder
from .source import from_device, start, suits
from .tape import SILENCE_MAX_S, begin, take_up


def record(
    url: options.Url = "auto",
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write: .wav or .flac.")],
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the file of a recorder that was killed; a new one if there is none."
        ),
    ] = False,
    limit_s: options.Seconds = None,
    rate: options.Rate = None,
    channels: options.Channels = None,
    codec: options.Codec = None,
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
    with ExitStack() as stack:
        left = take_up(out) if resume else None
        if left is not None:
            stack.enter_context(left.tape)
            left.refuse_other(rate, channels, codec)
            rate, channels, codec = left.origin.rate, left.origin.channels, left.codec
            hop, overlap = hop or left.hop, overlap or left.overlap
            url = from_device(url, left.origin.device)
        use_rate, use_channels, length_s = suits(url, rate, channels)
        limit = None if limit_s is None else round(limit_s * use_rate)
        total_s = limit_s if length_s is None or limit_s is None else min(limit_s, length_s)
        if left is not None and limit is not None and left.place.frame >= limit:
            left.tape.finish()
            _tell_end(output, out, left.totals, use_rate, None)
            return
        microphone = start(
            url,
            output,
            rate=use_rate,
            channels=use_channels,
            codec=codec,
            mode=mode,
            hop=hop,
            overlap=overlap,
            timeout=timeout,
            resume=None if left is None else left.resume,
        )
        stack.enter_context(microphone)
        interrupts = stack.enter_context(Interrupts().installed())
        if left is not None:
            left.refuse_device(microphone.device)
            tape, place, totals = left.tape, left.place, left.totals
        else:
            # Only now, when there is something to hear: an older recording of that name is lost with it.
            tape, place, totals = stack.enter_context(begin(out, microphone)), Place(), Totals()
        _tell_start(output, out, microphone, place)
        with Meter(shown=watched(as_json), total_s=total_s or length_s) as meter:
            consumers = (Recorder(tape, microphone), Watch(meter, microphone), Gaps(output, use_rate))
            longest = SILENCE_MAX_S * use_rate
            totals = capture(
                microphone.events(), consumers, interrupts, limit, place=place, totals=totals, longest=longest
            )
        with interrupts.shield():
            tape.finish()
        stats = microphone.stats
    _tell_end(output, out, totals, use_rate, stats)


def _tell_start(output: Output, out: Path, microphone: Microphone, place: Place) -> None:
    output.event(
        "started",
        f"{out}: goes on at {place.frame / microphone.rate:.3f} s" if place.stream_id else "",
        device=microphone.device,
        rate=microphone.rate,
        channels=microphone.channels,
        file=str(out),
        start_frame=place.frame,
        stream=microphone.started.stream_id.hex(),
    )


def _tell_end(output: Output, out: Path, totals: Totals, rate: int, stats: MicrophoneStats | None) -> None:
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
        latency_ms=None if stats is None else stats.latency.told(),
        true_rate=None if stats is None else stats.link.true_rate,
        drift_ppm=None if stats is None else stats.link.drift_ppm,
    )
