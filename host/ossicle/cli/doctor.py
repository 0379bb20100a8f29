"""`ossicle doctor`: what is wrong with a microphone, its board and its link, or with a recording."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..errors import OssicleError, UrlError
from ..urls import parse
from . import options
from .guard import FAILED
from .output import Output

if TYPE_CHECKING:
    from ..doctor.evidence import Evidence
    from ..doctor.finding import Finding

_CONFIG_S = 180  # mpremote tries a board that does not answer several times
_SUFFIXES = (".wav", ".flac", ".ogg", ".aiff", ".aif", ".w64", ".mp3")


class Side(StrEnum):
    """Of two microphones."""

    left = "left"
    right = "right"


def doctor(
    where: Annotated[
        str,
        typer.Argument(
            metavar="URL|FILE", help="A microphone as for listen, or a recording.", show_default=True
        ),
    ] = "auto",
    *,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds", min=1.0, max=3600.0, help="How long to listen. Unless given: 10, or the whole FILE."
        ),
    ] = None,
    rate: options.Rate = None,
    channels: options.Channels = None,
    codec: options.Codec = None,
    near: Annotated[
        Side | None,
        typer.Option("--near", help="Beside which of two microphones you speak: are they swapped?"),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Set the board to the other slot without asking.")
    ] = False,
    timeout: options.Timeout = 10.0,
    as_json: options.Json = False,
) -> None:
    """Listen for ten seconds and say in plain words what is wrong, with figures and the likely cure. Speak
    meanwhile.

    Exit code 0 when all is well or there are only hints, 1 when a fault was found.
    """
    output = Output(as_json)
    if near is not None and channels == 1:
        raise typer.BadParameter("--near is about two microphones: --channels 2")
    file = recording(where)
    if file is not None:
        evidence = _read(file, seconds)
        findings = _told(output, where, evidence, near)
    else:
        visit = Visit(output, seconds or 10.0, rate, channels or (2 if near else 1), codec, timeout)
        url, findings = visit.find(where)
        if url is not None:
            findings = visit.examine(url, near)
            if _try_other(output, url, findings, yes):
                findings = visit.examine(url, near)
    faults = sum(each.severity == "fault" for each in findings)
    hints = len(findings) - faults
    output.event(
        "verdict",
        "all is well" if not findings else f"{_count(faults, 'fault')}, {_count(hints, 'hint')}",
        faults=faults,
        hints=hints,
    )
    if faults:
        raise typer.Exit(FAILED)


def recording(where: str) -> Path | None:
    """The file that is meant, None where it is no file."""
    path = Path(where)
    if path.is_file() or (path.suffix.lower() in _SUFFIXES and ":" not in where):
        return path
    return None


def _read(path: Path, seconds: float | None) -> Evidence:
    from ..doctor.collect import read

    return read(path, seconds)


class Visit:
    """Listens to one device, as often as that is wanted."""

    def __init__(
        self,
        output: Output,
        seconds: float,
        rate: int | None,
        channels: int,
        codec: options.CodecName | None,
        timeout: float,
    ) -> None:
        self._output = output
        self._seconds = seconds
        self._rate = rate or 16000
        self._channels = channels
        self._codec = codec.value if codec is not None else None
        self._timeout = timeout

    def find(self, where: str) -> tuple[str | None, list[Finding]]:
        """The URL to listen to, or what is found where no firmware answers."""
        if where != "auto":
            parse(where)  # UrlError
            return where, []
        from ..doctor.presence import find

        port, findings = find(self._timeout)
        for each in findings:
            tell(self._output, each)
        return port, findings

    def examine(self, url: str, near: Side | None) -> list[Finding]:
        """Listen, and tell what is found."""
        from ..doctor import presence

        try:
            evidence = self._listen(url)
        except UrlError:
            raise
        except OssicleError as error:
            finding = presence.of_error(error, url)
            tell(self._output, finding)
            return [finding]
        if self._channels == 1 and _is_silent(evidence):
            evidence = self._with_other_slot(url, evidence)
        return _told(self._output, url, evidence, near)

    def _with_other_slot(self, url: str, evidence: Evidence) -> Evidence:
        from ..doctor.collect import other_slot
        from ..doctor.wiring import slot_of

        try:
            other = other_slot(url, slot_of(evidence), rate=self._rate, timeout=self._timeout)
        except OssicleError as error:
            self._output.note(f"the other slot could not be listened to: {error}")
            return evidence
        return replace(evidence, other=other)

    def _listen(self, url: str) -> Evidence:
        from ..doctor import collect

        console = Console(stderr=True, highlight=False)
        quiet = self._output.as_json or not console.is_terminal
        if not self._output.as_json:
            self._output.note(f"listening for {self._seconds:g} s: speak")
        with nullcontext() if quiet else console.status("listening ...") as status:
            return collect.listen(
                url,
                self._seconds,
                rate=self._rate,
                channels=self._channels,
                codec=self._codec,
                timeout=self._timeout,
                progress=(lambda share: None)
                if status is None
                else (lambda share: status.update(f"listening: {share:.0%}")),
            )


def _is_silent(evidence: Evidence) -> bool:
    from ..doctor.examine import examine

    return any(each.name == "silent" for each in examine(evidence))


def _told(output: Output, where: str, evidence: Evidence, near: Side | None) -> list[Finding]:
    """Tell the figures and the findings."""
    from ..doctor.examine import examine

    evidence = replace(evidence, near=near.value if near is not None else None)
    _tell_figures(output, where, evidence)
    findings = examine(evidence)
    for each in findings:
        tell(output, each)
    return findings


def _tell_figures(output: Output, where: str, evidence: Evidence) -> None:
    from ..doctor import report
    from ..doctor.evidence import CHANNELS

    sound, link = evidence.sound, evidence.link
    if sound is not None and len(sound.frames):
        for number, row in enumerate(report.sounds_like(sound)):
            name = CHANNELS[number] if sound.frames.shape[1] == 2 else "sound"
            output.event(
                "sound",
                report.sound_line(name, row),
                source=where,
                channel=name if name != "sound" else None,
                seconds=round(sound.seconds, 3),
                rate=sound.rate,
                figures=row,
            )
    if link is None:
        return
    true_rate, off_ppm, unsure_ppm = report.rate_of(link)
    status = link.status
    peak_db, rms_db = (None, None) if status is None else report.device_levels(status)
    output.event(
        "link",
        report.link_line(link),
        device=link.hello.device,
        firmware=link.hello.firmware,
        board=link.hello.board,
        chip=link.hello.fields.get("chip"),
        micropython=link.hello.fields.get("micropython"),
        link=link.kind,
        baud=link.baud,
        codec=link.codec,
        true_rate=true_rate,
        off_ppm=off_ppm,
        unsure_ppm=unsure_ppm,
        lost=report.lost_at(link),
        free_heap=link.free_heap,
        ring_frames=None if status is None else status.ring_frames,
        rssi=None if status is None else status.rssi or None,
        power_save=link.hello.fields.get("power_save"),
        peak_db=peak_db,
        rms_db=rms_db,
        bands_db=None if status is None else report.bands_db(status),
    )


def tell(output: Output, found: Finding) -> None:
    """One finding."""
    where = f" ({found.channel})" if found.channel else ""
    output.event(
        "finding",
        f"{found.severity.value.upper()} {found.name}{where}: {found.text}\n    {found.cure}",
        finding=found.name,
        severity=found.severity.value,
        channel=found.channel,
        message=found.text,
        cure=found.cure,
        numbers=found.numbers,
    )


def _try_other(output: Output, url: str, findings: list[Finding], yes: bool) -> bool:
    """Set the board to the slot in which there is sound, where the user agrees. True when that was done."""
    found = next((each for each in findings if each.name == "wrong_slot"), None)
    if found is None or parse(url).kind != "serial":
        return False
    slot = str(found.numbers["sound"])
    if not yes and (output.as_json or not sys.stdin.isatty()):
        return False
    if not yes and not typer.confirm(f"Set the board to the {slot} slot and listen again?", err=True):
        return False
    command = [sys.executable, "-m", "ossicle.cli", "config", parse(url).port, "set", f"slot={slot}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_CONFIG_S,
        )
    except subprocess.TimeoutExpired:
        output.note(f"the slot could not be set in {_CONFIG_S} s")
        return False
    if done.returncode:
        last = (done.stdout.strip() or "it said nothing").splitlines()[-1]
        output.note(f"the slot could not be set: {last}")
        return False
    output.note(f"the board listens to the {slot} slot now")
    return True


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
