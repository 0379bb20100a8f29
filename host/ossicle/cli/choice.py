"""Which archive is meant, and what in it: the options that `listen --archive` and `archive` share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .guard import USAGE, complain
from .leave import leaving_at_once
from .output import Output
from .progress import progress

if TYPE_CHECKING:
    from ..archive.library import Library
    from ..archive.select import Selection
    from ..archive.settings import Settings

AUTO = "auto"

Place = Annotated[
    str,
    typer.Option(
        "--archive",
        metavar="URL",
        help="A folder, or s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, "
        "https://HOST/BUCKET; auto: as configured, else ossicle/archive in ~/.local/share.",
    ),
]
KeptIn = Annotated[
    str | None,
    typer.Option(
        "--archive",
        metavar="URL",
        help="Keep all that is heard there: a folder, or s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, "
        "az://CONTAINER/PREFIX, https://HOST/BUCKET; auto: as configured, else "
        "ossicle/archive in ~/.local/share.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--archive-config",
        metavar="FILE",
        help="The archive's settings; unless given: archive.toml in ~/.config/ossicle.",
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--archive-set",
        metavar="NAME=VALUE",
        help="A setting of the archive, such as codec=opus or region=eu-central-1; give it as often as it "
        "takes. A secret is for the file, or for the environment (OSSICLE_ARCHIVE_...).",
    ),
]
NewOwner = Annotated[
    str | None, typer.Option("--owner", metavar="NAME", help="Whose audio it is, in the archive.")
]
Owner = Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only what is this owner's.")]
Device = Annotated[str | None, typer.Option("--device", metavar="NAME", help="Only from this device.")]
Stream = Annotated[
    str | None,
    typer.Option("--stream", metavar="ID", help="Only of this stream: the 16 digits that ls shows."),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="What was heard at this time or later: 2026-02-28T13:05 (by this computer's clock, unless Z or "
        "+01:00 follows), 2026-02-28, 13:05, yesterday, or -15m, -2h, -1d: so long ago.",
    ),
]
Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="What was heard before this time.")]


def settings(
    url: str, config: Path | None, assignments: Iterable[str] | None, owner: str | None = None
) -> Settings:
    """The settings in force. Raises ArchiveError; ends the command where an assignment is none."""
    from ..archive.settings import SECRETS, load  # needs packages that not everyone has

    given: dict[str, str] = {}
    for word in assignments or ():
        name, equals, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            complain(f"--archive-set {word}: NAME=VALUE is meant, such as codec=opus")
            raise typer.Exit(USAGE)
        if name in SECRETS:
            complain(
                f"--archive-set {name}: others can read the words of a command; the file of settings or "
                f"OSSICLE_ARCHIVE_{name.upper()} is the place for it"
            )
            raise typer.Exit(USAGE)
        given[name] = value
    if url != AUTO:
        given["url"] = url
    if owner is not None:
        given["owner"] = owner
    return load(config, **given)


def selection(
    owner: str | None = None,
    device: str | None = None,
    stream: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Selection:
    """What is asked for. Raises ArchiveError for a time that is none, or a range that is empty."""
    from ..archive.select import Selection
    from ..archive.times import parse_range

    return Selection(owner, device, stream, *parse_range(since, until))


@contextmanager
def library(
    url: str,
    config: Path | None,
    assignments: Iterable[str] | None,
    output: Output,
    *,
    lenient: bool = False,
) -> Iterator[Library]:
    """The archive that is meant, for who reads. Where this computer has no index of it, one is made first;
    `lenient` as in `Library.known`."""
    from ..archive.library import Library

    made = settings(url, config, assignments)
    with leaving_at_once(), Library(made, tell=output.note) as opened:
        with progress("reading the store", output.as_json) as tell:
            opened.known(tell, lenient=lenient)
        if opened.store.is_absent:
            output.note(f"{opened.store.address}: there is no such folder yet")
        yield opened
