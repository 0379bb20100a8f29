"""What was judged, as tables and bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ..figures import Column, Limit, Row, Table, Value
from .corpus import Mix
from .judge import Subject, Verdict, best, judge
from .metrics import Agreement, Edges
from .peers import MODES, raw, raw_name
from .recordings import TALKING

QUIET_ENOUGH = ("fireplace", "train", "wind")
MARKED_MOST, FOUND_LEAST, GAIN_LEAST = 0.10, 0.90, 0.10
GAIN_SNR_DB = 5
RAW, RAW_SEGMENTS = "raw webrtcvad", "raw webrtcvad, segments"
MODE_FRAME_MS = 30
SILENCE_LEAST_S = 1.0

SHARES = (
    Column("balanced", "balanced accuracy", digits=3),
    Column("bare", "balanced accuracy of the probability", digits=3),
    Column("auc", "AUC", digits=3),
    Column("found", "speech found", digits=3),
    Column("marked", "non-speech marked", digits=3),
)
EDGES = (
    Column("onset", "onset error", "ms", 0),
    Column("onset_p90", "onset error, p90", "ms", 0),
    Column("onset_signed", "onset, signed", "ms", 0),
    Column("offset", "offset error", "ms", 0),
    Column("offset_p90", "offset error, p90", "ms", 0),
    Column("offset_signed", "offset, signed", "ms", 0),
    Column("missed", "labels missed", digits=0),
    Column("false", "false segments", digits=0),
)
PLACE = (Column("noise", "noise"), Column("snr_db", "SNR", "dB", 0), Column("engine", "engine"))

HOW = (
    "Shares count cells of 10 ms, those of our engines in segments made with the segmenter's default options:"
    " the padding that it adds before and after speech counts as non-speech marked.",
    f"{RAW!r}: the bare yes or no of every VAD frame, in the mode (0 to 3) and with the VAD frame (10 or 30"
    " ms) that turn out best for that very mix, which no user can know beforehand; 'segments': the same, made"
    " into segments by ours, again the best.",
    "Of the probability: of every VAD frame by itself, speech from 0.5 on, without any padding. AUC: also of"
    " the probability; none for an engine that says only yes or no.",
)


@dataclass(frozen=True, slots=True)
class Result:
    """One mix: the verdicts on webrtcvad in every setting, and on our engines."""

    mix: Mix
    raw: tuple[Verdict, ...]
    ours: tuple[Verdict, ...]

    def of(self, engine: str) -> Verdict | None:
        """The verdict on one of our engines."""
        return next((verdict for verdict in self.ours if verdict.subject == engine), None)


def measure(mix: Mix, subjects: Sequence[Subject]) -> Result:
    """Judge webrtcvad in every setting, and these subjects."""
    return Result(
        mix, tuple(judge(each, mix) for each in raw()), tuple(judge(each, mix) for each in subjects)
    )


def accuracy(results: Sequence[Result], ceiling: float | None, notes: Sequence[str] = ()) -> Table:
    """Every engine in every noise. `ceiling` is what the labels themselves reach through the segmenter."""
    rows = tuple(row for result in results for row in _rows(result))
    top = () if ceiling is None else (f"The labels themselves, made into segments, reach {ceiling:.3f}.",)
    title = "Speech in noise"
    limits = []
    clean = next((result.of("webrtc") for result in results if result.mix.noise is None), None)
    if clean and clean.segments.found is not None:
        text = "webrtc finds of clean speech"
        limits.append(Limit(text, clean.segments.found, FOUND_LEAST, at_most=False))
    return Table("vad", title, (*PLACE, *SHARES, *EDGES), rows, (*HOW, *top, *notes), tuple(limits))


def gains(results: Sequence[Result]) -> Table:
    """Our webrtc in the loudest noise beside raw webrtcvad, noise by noise."""
    loudest = [result for result in results if result.mix.snr_db == GAIN_SNR_DB]
    rows = [_gain(result) for result in loudest]
    mean = {key: _mean(rows, key) for key in ("webrtc", "webrtc_bare", "raw", "gain", "raw_segments")}
    notes = [
        HOW[1],
        "The mean gives every noise the same weight.",
        _one_mode(loudest),
    ]
    limits = []
    if mean["gain"] is not None:
        text = f"webrtc over raw webrtcvad's best mode at {GAIN_SNR_DB} dB, balanced accuracy, mean"
        limits.append(Limit(text, mean["gain"], GAIN_LEAST, at_most=False))
    columns = (
        Column("webrtc", "webrtc", digits=3),
        Column("webrtc_bare", "webrtc, of the probability", digits=3),
        Column("raw", RAW, digits=3),
        Column("gain", "gain", digits=3),
        Column("setting", "its best setting"),
        Column("raw_segments", RAW_SEGMENTS, digits=3),
        Column("setting_segments", "its best setting"),
    )
    title = f"Balanced accuracy at {GAIN_SNR_DB} dB: webrtc and the package it is made of"
    return Table("vad_raw", title, columns, (*rows, Row("mean", mean)), tuple(notes), tuple(limits))


def noise(results: Sequence[Result], notes: Sequence[str] = ()) -> Table:
    """What is marked as speech where nobody speaks."""
    engines = [verdict.subject for verdict in results[0].ours] if results else []
    columns = [
        *(Column(f"mode_{mode}", f"raw mode {mode}", digits=3) for mode in MODES),
        *(Column(name, name, digits=3) for name in engines),
        Column("made", "from"),
    ]
    rows, limits = [], []
    for result in results:
        values: dict[str, Value] = {
            f"mode_{mode}": _named(result.raw, raw_name(mode, MODE_FRAME_MS)).bare.marked for mode in MODES
        }
        values |= {verdict.subject: verdict.segments.marked for verdict in result.ours}
        values["made"] = "the corpus" if result.mix.noise else "a recording"
        rows.append(Row(result.mix.name, values))
        webrtc = result.of("webrtc")
        if result.mix.name in QUIET_ENOUGH and webrtc and webrtc.segments.marked is not None:
            limits.append(Limit(f"webrtc marks of {result.mix.name}", webrtc.segments.marked, MARKED_MOST))
    told = (
        f"The share of cells marked as speech: by webrtcvad's bare VAD frames of {MODE_FRAME_MS} ms in each"
        " mode, by our engines' segments.",
        f"People talk in babble and in {', '.join(TALKING)}: a detector is right to hear speech there.",
    )
    return Table("vad_noise", "Noise alone", tuple(columns), tuple(rows), (*told, *notes), tuple(limits))


def meetings(results: Sequence[Result], notes: Sequence[str] = ()) -> Table:
    """Recorded meetings, labelled by the turns of all speakers.

    Onsets and offsets are left out: a turn that others speak into has none to be heard. So are the figures
    that need non-speech where there is less of it than a second.
    """
    rows: list[Row] = []
    told = [
        "Labels are turns, with the pauses for breath inside them: what is not found is in part silence.",
        "'raw': webrtcvad's bare VAD frames in each mode; vad_noise tells what those mark in noise.",
    ]
    for result in results:
        mix = result.mix
        silence_s = mix.seconds - sum(label.stop - label.start for label in mix.labels) / mix.rate
        left_out = () if silence_s >= SILENCE_LEAST_S else ("balanced", "bare", "auc", "marked")
        modes = [_named(result.raw, raw_name(mode, MODE_FRAME_MS)) for mode in MODES]
        every = [_row(mix, f"raw {each.subject}", each, each.bare, None) for each in modes]
        every += [_row(mix, each.subject, each, each.segments, None) for each in result.ours]
        for row in every:
            rows.append(Row(row.name, {k: None if k in left_out else v for k, v in row.values.items()}))
        told.append(
            f"{mix.name}: {mix.seconds:.0f} s, of which nobody speaks in {silence_s:.1f} s"
            + (": too little for any figure but the speech found." if left_out else ".")
        )
    columns = (Column("engine", "engine"), *SHARES)
    return Table("vad_meeting", "Meetings", columns, tuple(rows), (*told, *notes))


def _rows(result: Result) -> list[Row]:
    bare, segments = best(result.raw), best(result.raw, bare=False)
    rows = [
        _row(result.mix, RAW, bare, bare.bare, None),
        _row(result.mix, RAW_SEGMENTS, segments, segments.segments, segments.edges),
    ]
    return rows + [_row(result.mix, each.subject, each, each.segments, each.edges) for each in result.ours]


def _row(mix: Mix, engine: str, verdict: Verdict, shares: Agreement, edges: Edges | None) -> Row:
    values: dict[str, Value] = {
        "noise": mix.noise or "none",
        "snr_db": mix.snr_db,
        "engine": engine,
        "balanced": shares.balanced,
        "bare": verdict.bare.balanced,
        "auc": verdict.auc,
        "found": shares.found,
        "marked": shares.marked,
    }
    if edges:
        values |= {
            "onset": edges.onset.middle,
            "onset_p90": edges.onset.p90,
            "onset_signed": edges.onset.signed,
            "offset": edges.offset.middle,
            "offset_p90": edges.offset.p90,
            "offset_signed": edges.offset.signed,
            "missed": edges.missed,
            "false": edges.false,
        }
    return Row(f"{mix.name}: {engine}", values)


def _gain(result: Result) -> Row:
    bare, segments, webrtc = best(result.raw), best(result.raw, bare=False), result.of("webrtc")
    our, their = webrtc.segments.balanced if webrtc else None, bare.bare.balanced
    values: dict[str, Value] = {
        "webrtc": our,
        "webrtc_bare": webrtc.bare.balanced if webrtc else None,
        "raw": their,
        "gain": None if our is None or their is None else our - their,
        "setting": bare.subject,
        "raw_segments": segments.segments.balanced,
        "setting_segments": segments.subject,
    }
    return Row(result.mix.noise or result.mix.name, values)


def _one_mode(loudest: Sequence[Result]) -> str:
    """Of webrtcvad in one and the same setting for all noises."""
    means = {
        each.subject: fmean(_named(result.raw, each.subject).bare.balanced or 0.0 for result in loudest)
        for each in (loudest[0].raw if loudest else ())
    }
    if not means:
        return "No mix is that loud."
    setting = max(means, key=lambda name: means[name])
    return f"One setting of {RAW} for all these noises reaches {means[setting]:.3f} at best ({setting})."


def _mean(rows: Sequence[Row], key: str) -> float | None:
    values = [value for row in rows if isinstance(value := row.values[key], float)]
    return fmean(values) if values else None


def _named(verdicts: Sequence[Verdict], name: str) -> Verdict:
    return next(verdict for verdict in verdicts if verdict.subject == name)
