"""`ossicle listen`: the speech in a microphone, segment by segment, as it is spoken."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..audio import vad as engines
from ..audio.segmenter import Segment, Segmenter
from ..sinks import open_sink
from . import choice, options
from .batches import Batches
from .capture import Consumer, capture
from .consumers import Gaps, Voice, Watch
from .guard import USAGE, Interrupts, complain
from .keeping import Keeping
from .meter import Meter, watched
from .output import Output, seconds
from .quantities import counted
from .source import start, suits


def listen(
    url: options.Url = "auto",
    *,
    vad: options.Vad = "auto",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="A folder for each segment as a WAV file."),
    ] = None,
    batches: Annotated[
        Path | None,
        typer.Option(
            "--batches", metavar="DIR", help="A folder for batches of segments, for a speech recogniser."
        ),
    ] = None,
    archive: choice.KeptIn = None,
    owner: choice.NewOwner = None,
    archive_config: choice.Config = None,
    archive_set: choice.Assignments = None,
    preset: options.Preset = None,
    threshold: options.Threshold = None,
    neg_threshold: options.NegThreshold = None,
    min_speech_ms: options.MinSpeech = None,
    max_speech_s: options.MaxSpeech = None,
    min_silence_ms: options.MinSilence = None,
    speech_pad_ms: options.SpeechPad = None,
    pre_roll_ms: options.PreRoll = None,
    limit_s: options.Seconds = None,
    rate: options.Rate = None,
    channels: options.Channels = None,
    codec: options.Codec = None,
    mode: options.DeliveryMode = options.Mode.lossless,
    timeout: options.Timeout = 10.0,
    as_json: options.Json = False,
) -> None:
    """Listen to a microphone and tell each stretch of speech once it is over."""
    chosen = options.segmenter(
        preset,
        threshold=threshold,
        neg_threshold=neg_threshold,
        min_speech_ms=min_speech_ms,
        max_speech_s=max_speech_s,
        min_silence_ms=min_silence_ms,
        speech_pad_ms=speech_pad_ms,
        pre_roll_ms=pre_roll_ms,
    )
    output = Output(as_json)
    if archive is None and (owner, archive_config, archive_set) != (None, None, None):
        complain("--owner, --archive-config and --archive-set are those of an archive: --archive URL")
        raise typer.Exit(USAGE)
    kept = None if archive is None else choice.settings(archive, archive_config, archive_set, owner)
    use_rate, use_channels, length_s = suits(url, rate, channels)
    limit = None if limit_s is None else round(limit_s * use_rate)
    engine = engines.engine(vad, use_rate)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    take: list[Callable[[Segment], None]] = [Segments(output, out)]
    joined = None if batches is None else Batches(output, batches, use_rate, use_channels)
    with ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts().installed())
        keeping = None
        if kept is not None:
            keeping = Keeping(kept, output, use_rate, use_channels)
            stack.callback(keeping.close, interrupts)
        microphone = stack.enter_context(
            start(url, output, rate=use_rate, channels=use_channels, codec=codec, mode=mode, timeout=timeout)
        )
        output.event(
            "started",
            f"listening to {microphone.device} with the voice detector {engine.name}; Ctrl-C stops",
            device=microphone.device,
            rate=use_rate,
            channels=use_channels,
            vad=engine.name,
        )
        with Meter(shown=watched(as_json), total_s=limit_s or length_s) as meter:
            voice = Voice(Segmenter(engine, rate=use_rate, **asdict(chosen)), each_of(take), meter)
            heard: Consumer = voice
            if keeping is not None:
                heard = keeper = keeping.keeper(microphone, voice)
                take.append(keeper.segment)
            consumers: list[Consumer] = [Watch(meter, microphone), Gaps(output, use_rate), heard]
            if joined is not None:
                take.append(joined.segment)
                consumers.append(joined)
            totals = capture(microphone.events(), consumers, interrupts, limit)
        stats = microphone.stats
    segments = f"{voice.count} segments"
    segments += "" if joined is None else f", {joined.count} batches"
    output.event(
        "done",
        f"{totals.position / use_rate:.1f} s heard, {segments}, {totals.gaps} gaps{told(keeping)}",
        seconds=seconds(totals.position, use_rate),
        frames=totals.frames,
        segments=voice.count,
        batches=None if joined is None else joined.count,
        gaps=totals.gaps,
        missing_frames=totals.missing,
        interrupted=totals.interrupted,
        latency_ms=stats.latency.told(),
        true_rate=stats.link.true_rate,
        drift_ppm=stats.link.drift_ppm,
        archive=None if keeping is None else keeping.told(),
    )


def each_of(takers: Sequence[Callable[[Segment], None]]) -> Callable[[Segment], None]:
    """Hands a segment to all of them."""

    def take(segment: Segment) -> None:
        for taker in takers:
            taker(segment)

    return take


def told(keeping: Keeping | None) -> str:
    """What became of it, for people."""
    if keeping is None:
        return ""
    kept = keeping.told()
    text = f"; {counted(kept['objects'], 'object')} kept in {kept['url']}"
    text += f", {kept['spool_objects']} on this disk until it works" if kept["spool_objects"] else ""
    return text + (f", {kept['lost_frames']} frames lost" if kept["lost_frames"] else "")


class Segments:
    """Tells each segment, and writes it where there is a folder; numbers go on after what lies there."""

    def __init__(self, output: Output, folder: Path | None) -> None:
        self._output = output
        self._folder = folder
        self._number = max(numbers(folder), default=0) if folder else 0
        self.ranges: list[tuple[int, int]] = []

    def __call__(self, segment: Segment) -> None:
        self._number += 1
        self.ranges.append((segment.start, segment.stop))
        path = None
        if self._folder is not None:
            path = self._folder / f"segment-{self._number:04d}-{segment.start_time:08.2f}s.wav"
            channels = 1 if segment.frames.ndim == 1 else segment.frames.shape[1]
            with open_sink(path, segment.rate, channels) as sink:
                sink.write(segment.frames)
        where = f"  {path}" if path else ""
        edges = f"{segment.start_time:9.3f} - {segment.stop_time:9.3f} s"
        self._output.event(
            "segment",
            f"{edges}  speech of {segment.duration:.2f} s{where}",
            start=seconds(segment.start, segment.rate),
            stop=seconds(segment.stop, segment.rate),
            start_frame=segment.start,
            stop_frame=segment.stop,
            file=None if path is None else str(path),
        )


def numbers(folder: Path) -> list[int]:
    """The numbers of the segments that lie in a folder."""
    found = (re.match(r"segment-(\d+)-", path.name) for path in folder.glob("segment-*.wav"))
    return [int(match[1]) for match in found if match]
