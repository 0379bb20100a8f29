"""`ossicle soak`: the emulated board behind a link that loses packets, or any device whose microphone is the
pattern, judged sample by sample."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

import typer
from rich.console import Console

from ..soak.plan import SECONDS_MAX, Faults, Plan, span
from . import options
from .guard import FAILED, complain
from .output import Output


def soak(
    *,
    link: Annotated[str, typer.Option("--link", metavar="LINK", help="serial, udp or ws.")] = "serial",
    drop: Annotated[float, typer.Option("--drop", metavar="P", help="Packets that are lost, 0 to 1.")] = 0.0,
    dup: Annotated[float, typer.Option("--dup", metavar="P", help="Packets that come twice.")] = 0.0,
    reorder: Annotated[
        float, typer.Option("--reorder", metavar="P", help="Packets that come after the next one.")
    ] = 0.0,
    corrupt: Annotated[
        float, typer.Option("--corrupt", metavar="P", help="Packets of which a byte is changed.")
    ] = 0.0,
    delay: Annotated[float, typer.Option("--delay", metavar="MS", help="How late each packet comes.")] = 0.0,
    jitter: Annotated[
        float, typer.Option("--jitter", metavar="MS", help="How much later than that, at random.")
    ] = 0.0,
    stall: Annotated[
        list[str] | None,
        typer.Option("--stall", metavar="AT:SECONDS", help="The link holds everything back, then gives it."),
    ] = None,
    outage: Annotated[
        list[str] | None,
        typer.Option("--outage", metavar="AT:SECONDS", help="The link loses everything, both ways."),
    ] = None,
    kill: Annotated[
        list[float] | None,
        typer.Option("--kill", metavar="AT", help="The host's process gets SIGKILL, and is started again."),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1.0, max=SECONDS_MAX, help="Of audio, from each board.")
    ] = 60.0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same faults.")] = 1,
    mode: options.DeliveryMode = options.Mode.lossless,
    flat_out: Annotated[
        bool, typer.Option("--flat-out", help="As fast as the machine can, in place of real time.")
    ] = False,
    devices: Annotated[
        int, typer.Option("--devices", min=1, max=32, help="Boards that one host hears at once.")
    ] = 1,
    plain: Annotated[
        bool, typer.Option("--plain", help="Without seal; on udp and ws packets are sealed otherwise.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="URL",
            help='In place of all that: a device whose configuration says "mic": "pattern".',
        ),
    ] = None,
    rate: Annotated[int, typer.Option("--rate", min=1, help="With --device: frames a second.")] = 16000,
    channels: Annotated[int, typer.Option("--channels", min=1, max=2, help="With --device: 1 or 2.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Only the JSON object, and no progress.")] = False,
) -> None:
    """Try to lose samples: the firmware, a link with faults, and this host, compared with the source.

    Times are in seconds from the first audio on. The last line on stdout is one JSON object. Exit code 1
    when a frame was wrong, or lost although the device's ring still held it; with --device when any was lost.
    """
    if device is not None:
        given = {
            "--link": link != "serial",
            "--drop": drop,
            "--dup": dup,
            "--reorder": reorder,
            "--corrupt": corrupt,
            "--delay": delay,
            "--jitter": jitter,
            "--stall": stall,
            "--outage": outage,
            "--kill": kill,
            "--seed": seed != 1,
            "--flat-out": flat_out,
            "--devices": devices != 1,
            "--plain": plain,
        }
        soak_device(
            device,
            [name for name, value in given.items() if value],
            seconds=seconds,
            rate=rate,
            channels=channels,
            mode=mode.value,
            as_json=as_json,
        )
        return
    if (rate, channels) != (16000, 1):
        raise typer.BadParameter("--rate and --channels are for --device")
    try:
        plan = Plan(
            link=link,
            faults=Faults(drop, dup, reorder, corrupt, delay, jitter, seed),
            outages=tuple(span(text) for text in outage or ()),
            stalls=tuple(span(text) for text in stall or ()),
            kills=tuple(sorted(kill or ())),
            seconds=seconds,
            mode=mode.value,
            flat_out=flat_out,
            devices=devices,
            plain=plain,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    from ..soak.run import Run

    console = Console(stderr=True, highlight=False)
    with contextlib.nullcontext() if as_json else console.status("starting ...") as status:
        outcome = Run(plan, (lambda text: None) if status is None else status.update).go()
    figures = outcome.figures()
    _end(console, figures, told(figures), outcome.failure, outcome.holds, as_json)


def soak_device(url: str, misplaced: list[str], *, as_json: bool, **wanted: Any) -> None:
    """A device on its own link, with no fault but those that the link has."""
    if misplaced:
        raise typer.BadParameter(f"{', '.join(misplaced)}: what a device's own link does is not ours to say")
    from ..soak.device import Wanted, run

    console = Console(stderr=True, highlight=False)
    with contextlib.nullcontext() if as_json else console.status("starting ...") as status:
        outcome = run(Wanted(url, **wanted), (lambda text: None) if status is None else status.update)
    figures = outcome.figures()
    _end(console, figures, told_of_device(figures), outcome.failure, outcome.holds, as_json)


def _end(
    console: Console,
    figures: dict[str, Any],
    lines: list[str],
    failure: str | None,
    holds: bool,
    as_json: bool,
) -> None:
    if not as_json:
        for line in lines:
            console.print(line, soft_wrap=True)
    Output(True).row(figures)
    if failure:
        complain(failure)
    if not holds:
        raise typer.Exit(FAILED)


def told_of_device(figures: dict[str, Any]) -> list[str]:
    """The same figures for people."""
    late = figures["latency_ms"]
    lines = [
        f"{figures['frames_delivered']} frames came in {figures['seconds']} s, "
        f"{figures['wrong']} wrong, {figures['lost']} lost in {figures['gaps']} gaps"
        + "".join(f"; {cause}: {frames}" for cause, frames in figures["lost_by_cause"].items()),
        f"sent again: {figures['resent_share']:.1%}; round trip {figures['rtt_ms']} ms",
    ]
    if figures["restarts"]:
        lines.append(f"the device began anew {figures['restarts']} times, and what it held is lost")
    if late["p50"] is not None:
        lines.append(f"capture to application: median {late['p50']} ms, 99 of 100 {late['p99']} ms")
    return lines


def told(figures: dict[str, Any]) -> list[str]:
    """The figures for people."""
    late = figures["latency_ms"]
    lines = [
        f"{figures['frames_delivered']} of {figures['frames_captured']} frames came, "
        f"{figures['wrong']} wrong, {figures['lost']} lost in {figures['gaps']} gaps",
        f"of those, {figures['lost_within_ring']} although the ring held them (a receiver may take "
        f"{figures['allowance_ms']} ms after the link was closed), {figures['lost_unavoidable']} at no time "
        "when it was open",
        f"sent again: {figures['resent_share']:.1%}; other bytes than audio: {figures['overhead']:.1%}",
        f"memory: host {figures['host_peak_mb']} MB at most, "
        f"device {figures['device_heap_bytes']} bytes of heap",
    ]
    if late["p50"] is not None:
        lines.append(f"capture to application: median {late['p50']} ms, 99 of 100 {late['p99']} ms")
    return lines
