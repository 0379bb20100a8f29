"""`ossicle install`: from a board on a cable to one that answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..board import arrival
from ..board import image as images
from ..board._schema import Value
from ..board.faults import BoardError
from ..board.install import STARTS_S, Intent, carry_out, configure, hear, intend
from ..board.ports import chosen, our_address
from ..board.profiles import advice, check, resolve
from ..board.release import release, why_sources
from ..board.settings import Settings, read
from ..board.survey import Board, survey
from ..board.transfer import awake, restart
from . import options
from .output import Output
from .wishes import assigned, changed, keyed, secret, told

_IMAGE_STARTS_S = 8.0


class Link(StrEnum):
    """How a board speaks with this computer."""

    serial = "serial"
    udp = "udp"
    ws = "ws"


Port = Annotated[
    str,
    typer.Argument(
        metavar="PORT",
        help="The board's serial port (/dev/ttyUSB0, COM5), rfc2217://, socket://; auto: the one there is.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing: the answer is yes.")]
Stdin = Annotated[bool, typer.Option("--stdin", help="Read secrets from standard input, a line each.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until the board answers.")]
Starts = Annotated[
    float,
    typer.Option("--timeout", min=1, max=options.LONG_S, help="Seconds to wait for the board's answer."),
]


def install(
    port: Port = "auto",
    *,
    board: Annotated[
        str | None,
        typer.Option(
            "--board", metavar="NAME", help="Pins as this board has them; `ossicle boards` lists them."
        ),
    ] = None,
    mic: Annotated[
        str | None,
        typer.Option(
            "--mic",
            metavar="NAME",
            help="Level and timing as this microphone needs them; `ossicle boards` lists them.",
        ),
    ] = None,
    wifi: Annotated[
        str | None,
        typer.Option("--wifi", metavar="SSID", help="Join this network; you are asked for its password."),
    ] = None,
    link: Annotated[
        Link | None, typer.Option("--link", help="How the board speaks: serial, udp or ws. With --wifi: udp.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="HOST", help="Where the board calls. With --wifi: this computer's address."
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Set a key of the configuration, such as sck=14; may be given several times.",
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="FILE", help="The file of keys, in place of the usual one."),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(
            "--image", metavar="FILE", help="First erase the board and write this MicroPython (.bin)."
        ),
    ] = None,
    yes: Yes = False,
    stdin: Stdin = False,
    force: Annotated[bool, typer.Option("--force", help="Copy everything, also what is there.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")
    ] = False,
    no_wait: NoWait = False,
    timeout: Starts = STARTS_S,
    as_json: options.Json = False,
) -> None:
    """Put the firmware and its configuration on a board, and wait until it answers.

    Copies only what changed and reads it back. The version that runs stays on the board until the new one has
    started, so a copy that is cut off does no harm.
    """
    began = time.monotonic()
    output = Output(as_json)
    place = chosen(port)
    values = {**resolve(board, mic), **_network(wifi, link, host), **assigned(sets or (), stdin)}
    if image is not None:
        _write_image(output, place, image, yes=yes, dry_run=dry_run)
        if dry_run:
            return
    output.note(f"{place}: asking the board")
    found = survey(place, tell=output.note)
    _tell_board(output, found)
    with awake(place):
        if wifi is not None and not dry_run:
            values |= _password(found, wifi, stdin)
        for line in advice(board, mic):
            output.note(line)
        settings, config = configure(found, _change(output, found, values, keys, make=not dry_run))
        _check(settings, found, board)
        if why := why_sources(found):
            output.note(why)
        intent = intend(found, release(found), settings, config, force=force)
        _tell_plan(output, intent)
    if dry_run:
        restart(place)
        return
    with Bar(output) as bar:
        carry_out(intent, progress=bar, tell=output.note)
    _await(output, intent, began, None if no_wait else timeout)


def _network(wifi: str | None, link: Link | None, host: str | None) -> dict[str, Value | None]:
    """What --wifi, --link and --host say together."""
    found: dict[str, Value | None] = {}
    if link is not None or wifi is not None:
        found["link"] = str(link or Link.udp)
    if wifi is not None:
        found["ssid"] = wifi
    if host is not None:
        found["host"] = host
    elif wifi is not None:
        address = our_address()
        if not address:
            raise BoardError(
                "this computer has no address on a network: --host HOST says where the board calls"
            )
        found["host"] = address
    return found


def _check(settings: Settings, found: Board, board: str | None) -> None:
    """Whether the chip has such pins. The defaults are the plain ESP32's, so another chip needs its board."""
    try:
        check(settings, found.machine, board, i2s=found.i2s)
    except BoardError as error:
        hint = "" if board else "; --board NAME has the pins of a board that ossicle boards knows"
        raise BoardError(f"{error}{hint}", found.port) from None


def _password(found: Board, wifi: str, stdin: bool) -> dict[str, Value | None]:
    """That of the network; empty where the one on the board is to stay."""
    before = read(found.config)[0]
    there = before.get("ssid") == wifi and bool(before.get("password"))
    password = secret("password", f"Password of {wifi}", stdin, there=there)
    return {} if password is None else {"password": password}


def _change(
    output: Output, found: Board, values: dict[str, Value | None], file: Path | None, *, make: bool
) -> Callable[[Settings], Settings]:
    problems = read(found.config)[1]
    for problem in problems:
        output.note(f"/ossicle.json on the board, {problem}")

    def change(before: Settings) -> Settings:
        after = changed(before, values)
        if problems:
            return after
        after, said = keyed(after, str(after.get("device") or found.id), file, make=make)
        if said:
            output.note(said)
        return after

    return change


def _write_image(output: Output, port: str, path: Path, *, yes: bool, dry_run: bool) -> None:
    found = images.image(path)
    output.note(f"{port}: asking the chip")
    have = images.chip(port)
    images.suits(found, have, port)
    output.event("image", f"{port}: {have}; {path} is for it", url=port, chip=have, file=str(path))
    if dry_run:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise BoardError(
                f"{port}: writing an image erases the board: --yes says that this is meant", port
            )
        if not typer.confirm(f"All that is on the {have} at {port} is erased. Go on?", err=True):
            raise typer.Exit(1)
    output.note(f"{port}: erasing and writing; this takes a minute or two")
    images.write(found, port)
    time.sleep(_IMAGE_STARTS_S)  # the first start makes a file system


def _tell_board(output: Output, found: Board) -> None:
    output.event(
        "found",
        f"{found.port}: {found.text}",
        url=found.port,
        machine=found.machine,
        micropython=".".join(map(str, found.version)),
        device=found.id,
        slot=found.slot or None,
        free_bytes=found.free_bytes,
    )
    for name in found.loose:
        output.note(f"/{name} on the board is firmware from before; mpremote rm -r :/{name} makes room")


def _tell_plan(output: Output, intent: Intent) -> None:
    plan = intent.plan
    before = read(intent.board.config)[0]
    keys = sorted(
        name for name in {*before, *intent.settings} if before.get(name) != intent.settings.get(name)
    )
    lines = [f"the firmware {intent.build.version} is there already"]
    if plan.target:
        lines = [
            f"the firmware {intent.build.version} goes into /firmware/{plan.target}: {len(plan.send)} files, "
            f"{plan.bytes / 1024:.1f} KB; {len(plan.keep) + len(plan.there)} are there"
        ]
    lines += [f"/ossicle.json: {name} is {told(intent.settings.get(name), name)!s}" for name in keys]
    lines += ["/main.py is not Ossicle's: it stays as /main.py.bak"] * (plan.backup and plan.main is not None)
    output.event(
        "plan",
        "\n".join(lines),
        version=intent.build.version,
        form=intent.build.form,
        slot=plan.target or None,
        files=[*plan.send],
        kept=len(plan.keep) + len(plan.there),
        bytes=plan.bytes,
        main=plan.main is not None,
        backup=plan.backup and plan.main is not None,
        keys=keys,
    )


def _await(output: Output, intent: Intent, began: float, timeout: float | None) -> None:
    output.note("the board starts" + ("" if timeout is None else "; waiting until it answers"))
    hello = None
    if timeout is not None:
        hello = hear(intent, timeout)
        if hello is None:
            raise BoardError(why_silent(intent.settings, intent.board.port, timeout), intent.board.port)
        for note in hello.notes:
            output.note(f"the board says: {note}")
        if hello.firmware != intent.build.version and intent.build.form == ".mpy":
            raise BoardError(_why_old(intent, hello.firmware), intent.board.port)
    firmware = hello.firmware if hello else None
    answer = f"Ossicle {firmware} answers: device {hello.device}\n" if hello else ""
    output.event(
        "installed",
        f"{answer}listen with: ossicle listen {intent.url}",
        url=intent.url,
        device=hello.device if hello else None,
        firmware=firmware,
        slot=intent.plan.target or intent.board.in_force,
        files=len(intent.plan.send),
        bytes=intent.plan.bytes,
        seconds=round(time.monotonic() - began, 3),
    )


def _why_old(intent: Intent, firmware: str) -> str:
    """Another version answers than the one that was copied."""
    port, version = intent.board.port, intent.build.version
    return f"{port}: {version} did not start, and {firmware} runs again{_last_words(port)}"


def why_silent(settings: Settings, port: str, timeout: float) -> str:
    """What to look at, and what the board's log says of it."""
    said = f"{port}: the board was started and did not answer in {timeout:.0f} s"
    url = arrival.url(settings, port)
    if url != port:
        said += (
            f" at {url}: are name ({settings.get('ssid', 'none')}) and password of the Wi-Fi right, is "
            f"host ({settings.get('host', 'none')}) this computer, does its firewall let the port in?"
        )
    return said + _last_words(port)


def _last_words(port: str) -> str:
    """The end of the board's log."""
    try:
        log = survey(port).log.strip().splitlines()
        restart(port)
    except BoardError:
        return f"; ossicle logs {port} tells its last reasons"
    return f"; its log ends: {' / '.join(log[-2:])}" if log else "; it has noted no failure"


class Bar:
    """How far a copy is, on a terminal that somebody watches."""

    def __init__(self, output: Output) -> None:
        self._shown = sys.stderr.isatty() and not output.as_json
        self._wrote = False

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *ended: object) -> None:
        if self._wrote:
            print(file=sys.stderr)

    def __call__(self, done: int, total: int) -> None:
        if self._shown:
            self._wrote = True
            print(
                f"\rcopying: {done / 1024:.0f} of {total / 1024:.0f} KB ", end="", file=sys.stderr, flush=True
            )
