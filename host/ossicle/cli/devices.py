"""`ossicle devices`: the serial ports and which of them answer, or the devices that call on a network."""

from __future__ import annotations

from typing import Annotated

import typer

from ..discover import Device, callers
from ..discover import devices as find_devices
from . import options
from .output import Output


def devices(
    *,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", min=0.1, max=options.LONG_S, help="Seconds to wait for the ports to answer."
        ),
    ] = 4.0,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="List the devices that call at udp://HOST:PORT or ws://HOST:PORT instead; 0.0.0.0 is every "
            "address of this computer.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the serial ports and the Ossicle devices behind them. Starts nothing on them."""
    output = Output(as_json)
    found = find_devices(timeout=timeout) if url is None else callers(url, timeout)
    for device in found:
        tell(output, device)
    if not found and url is None:
        output.note("no serial port was found; without a board, try: ossicle demo")
    elif not found:
        output.note(
            f"no device called at {url} in {timeout:g} s; ossicle logs PORT, with the board on its cable, "
            "tells what it noted, ossicle config PORT where it calls"
        )


def tell(output: Output, device: Device) -> None:
    hello = device.hello
    if hello is not None:
        state = f"Ossicle {hello.firmware} on {hello.board}, device {hello.device}"
    elif device.error:
        state = device.error
    else:
        state = "does not answer" + (f" ({device.bridge}: may be a board)" if device.bridge else "")
    output.event(
        "port",
        f"{device.port}  {state}",
        url=device.port,
        description=device.description,
        device=hello.device if hello else None,
        firmware=hello.firmware if hello else None,
        board=hello.board if hello else None,
        notes=list(hello.notes) if hello else [],
        problem=device.error or None,
    )
    if hello and not output.as_json:
        for note in hello.notes:
            print(f"    {note}")
