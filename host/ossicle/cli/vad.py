"""`ossicle vad`: the speech in files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..audio import vad as engines
from ..audio.options import Options
from ..audio.segmenter import Segment, Segmenter
from ..errors import SourceError
from . import options
from .files import Recording
from .guard import FAILED, complain
from .output import Output, seconds


def vad(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="WAV, FLAC, Ogg ... of any rate.")],
    *,
    engine: options.Vad = "auto",
    preset: options.Preset = None,
    threshold: options.Threshold = None,
    neg_threshold: options.NegThreshold = None,
    min_speech_ms: options.MinSpeech = None,
    max_speech_s: options.MaxSpeech = None,
    min_silence_ms: options.MinSilence = None,
    speech_pad_ms: options.SpeechPad = None,
    pre_roll_ms: options.PreRoll = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="PATH", help="Also write Audacity labels: a file, or a folder for several."
        ),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Plain lines for people instead of JSON.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line; this is the default.")
    ] = False,
) -> None:
    """Find the speech in files: one JSON object a segment, edges in seconds and in frames of the file.

    A file that cannot be read is told and passed over; the exit code is then 1.
    """
    if text and as_json:
        raise typer.BadParameter("--text and --json exclude each other")
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
    output = Output(as_json=not text)
    engines.engine(engine, 16000)  # an unknown name is told before anything is read
    into_folder = labels is not None and (len(files) > 1 or labels.is_dir())
    if into_folder and labels is not None:
        labels.mkdir(parents=True, exist_ok=True)
    failed = False
    for path in files:
        try:
            segments = find(path, engine, chosen)
        except SourceError as error:
            complain(str(error))
            failed = True
            continue
        for segment in segments:
            tell(output, path, segment)
        if labels is not None:
            where = labels / f"{path.stem}.txt" if into_folder else labels
            where.write_text(audacity(segments), encoding="utf-8")
    if failed:
        raise typer.Exit(FAILED)


def find(path: Path, engine: str, chosen: Options) -> list[Segment]:
    """The segments of one file, in frames of that file; says on stderr what was converted."""
    with Recording(path) as recording:
        if recording.note:
            complain(recording.note)
        detector = engines.engine(engine, recording.rate)
        try:
            segmenter = Segmenter(detector, rate=recording.rate, **asdict(chosen))
        except ValueError as error:  # the options are good: it is the rate
            raise SourceError(f"{path}: {error}") from None
        segments = [segment for piece in recording.pieces() for segment in segmenter.push(piece)]
        return segments + segmenter.flush()


def tell(output: Output, path: Path, segment: Segment) -> None:
    if not output.as_json:
        print(f"{path}: {segment.start_time:.3f} - {segment.stop_time:.3f} s")
        return
    output.row(
        {
            "file": str(path),
            "start": seconds(segment.start, segment.rate),
            "stop": seconds(segment.stop, segment.rate),
            "start_frame": segment.start,
            "stop_frame": segment.stop,
        }
    )


def audacity(segments: list[Segment]) -> str:
    """A label track as Audacity imports it: start, stop and text, with tabs between, a line each."""
    return "".join(f"{s.start_time:.6f}\t{s.stop_time:.6f}\tspeech\n" for s in segments)
