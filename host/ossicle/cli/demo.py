"""`ossicle demo`: the whole path in under half a minute, with no board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import numpy as np
import soundfile
import typer

from .. import demo as truth
from ..audio import vad as engines
from ..audio.segmenter import Segmenter
from ..picture import PictureError, Scene, draw
from ..proto.events import Gap, Started
from . import options
from .capture import Frames, Totals, capture
from .consumers import Gaps, Voice, Watch
from .emulate import Speed
from .guard import FAILED, INTERRUPTED, Interrupts
from .listen import Segments
from .meter import Meter, watched
from .output import Output, seconds
from .source import start, suits


class Keep:
    """Keeps what was heard, to compare and to draw."""

    def __init__(self) -> None:
        self._parts: list[Frames] = []
        self.gaps: list[tuple[int, int]] = []

    def stream(self, start: int, started: Started, position: int) -> None:
        """There is one."""

    def audio(self, start: int, frames: Frames) -> None:
        self._parts.append(frames)

    def gap(self, gap: Gap, frames: int | None) -> None:
        self.gaps.append((gap.start, gap.start if gap.stop is None else gap.stop))

    def finish(self) -> None:
        """All is kept."""

    @property
    def frames(self) -> Frames:
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.int16)


def demo(
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="The folder for segments and picture.")
    ] = Path("ossicle-demo"),
    vad: options.Vad = "auto",
    speed: Annotated[
        Speed, typer.Option("--speed", help="realtime, or max: as fast as it goes.")
    ] = Speed.realtime,
    as_json: options.Json = False,
) -> None:
    """Hear an emulated board speak: the real firmware, a serial link, and the speech that was found.

    Writes each segment as a WAV file and a picture of all, and ends by itself in under 30 s.
    """
    output = Output(as_json)
    recording = truth.asset()
    url = f"emulator:{quote(str(recording))}?speed={speed.value}"
    rate, channels, length_s = suits(url, None, None)
    engine = engines.engine(vad, rate)
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("segment-*.wav"):
        old.unlink()  # of the demo before this one
    segmenter, keep, segments = Segmenter(engine, rate=rate), Keep(), Segments(output, out)
    with (
        start(url, output, rate=rate, channels=channels) as microphone,
        Interrupts().installed() as interrupts,
    ):
        output.event(
            "started",
            f"The emulated board hears {length_s:.0f} s of speech in noise; "  # fits 80 columns
            f"the voice detector is {engine.name}.",
            device=microphone.device,
            rate=rate,
            channels=channels,
            vad=engine.name,
        )
        with Meter(shown=watched(as_json), total_s=length_s) as meter:
            voice = Voice(segmenter, segments, meter)
            consumers = (keep, Watch(meter, microphone), Gaps(output, rate), voice)
            totals = capture(microphone.events(), consumers, interrupts)
    if totals.interrupted:
        raise typer.Exit(INTERRUPTED)
    heard, labels = keep.frames, truth.labels(recording)
    score = truth.score(segments.ranges, labels)
    identical = same(heard, recording)
    scene = Scene(
        f"{length_s:.0f} s through the emulated board: {score.found} of {len(labels)} utterances found",
        rate,
        heard,
        segments.ranges,
        engine=engine.name,
        lane=segmenter.lane,
        truth=[(label.start, label.stop, label.text) for label in labels],
        gaps=keep.gaps,
    )
    tell_end(output, totals, score, identical, rate, out, paint(out / "demo.png", scene, output))
    if not identical:
        raise typer.Exit(FAILED)


def same(frames: Frames, recording: Path) -> bool:
    """Whether what was heard is what was played, sample for sample and to the last one."""
    played, _ = soundfile.read(recording, dtype="int16")
    return bool(np.array_equal(frames, played))


def paint(path: Path, scene: Scene, output: Output) -> Path | None:
    """The picture's path, or None and a note where there is nothing to draw with."""
    try:
        draw(scene, path)
    except PictureError as error:
        output.note(str(error))
        return None
    return path


def tell_end(
    output: Output,
    totals: Totals,
    score: truth.Score,
    identical: bool,
    rate: int,
    out: Path,
    picture: Path | None,
) -> None:
    worst_ms = round(1000 * score.worst_edge / rate)
    identity = (
        "yes: every sample is the one that was played"
        if identical
        else "NO: what came is not what was played"
    )
    lines = [
        f"samples    {totals.frames} received, {totals.missing} missing, {totals.gaps} gaps",
        f"identical  {identity}",
        f"speech     {score.found} of {score.found + score.missed} utterances found, {score.extra} too many,",
        f"           their edges within {worst_ms} ms of the truth",
        f"files      {out}/" + (f", the picture is {picture}" if picture else ""),
    ]
    output.event(
        "done",
        "\n".join(lines),
        seconds=seconds(totals.position, rate),
        frames=totals.frames,
        gaps=totals.gaps,
        missing_frames=totals.missing,
        identical=identical,
        found=score.found,
        missed=score.missed,
        extra=score.extra,
        worst_edge_ms=worst_ms,
        folder=str(out),
        picture=None if picture is None else str(picture),
    )
