"""`emulator:FILE`: an emulated board of its own for one microphone, on any link."""

from __future__ import annotations

import secrets
from dataclasses import replace

from .emulator import Emulator
from .errors import LinkError
from .links.ports import listen
from .links.serial import SerialLink
from .microphone import Microphone
from .network import HOST_NAME, microphone_of, wait_for
from .opening import Wish, begin
from .proto._wire import KEY_MAX_BYTES
from .urls import NETWORK, Target

_HERE = "127.0.0.1"


def open_emulator(target: Target, wish: Wish, plain: bool) -> Microphone:
    """Start the board, then the stream; the board ends with the microphone. Raises as `ossicle.open`."""
    options = dict(target.options)
    kind = options.pop("link", "serial")
    if kind in NETWORK:
        return _on_network(kind, target, options, wish, plain)
    key = secrets.token_bytes(KEY_MAX_BYTES) if target.sealed else None
    emulator = _emulator(target, options, wish, key=key)
    try:
        emulator.start()
        link = SerialLink(emulator.port)
        wish = _keyed(wish, emulator)
        return begin(
            Microphone(
                link,
                wish.receiver(link.baud),
                timeout=wish.timeout,
                notes=tuple(emulator.notes),
                diagnose=lambda: emulator.failure,
                release=emulator.stop,
                hang_up=True,
            )
        )
    except BaseException:
        emulator.stop()
        raise


def _on_network(kind: str, target: Target, options: dict[str, object], wish: Wish, plain: bool) -> Microphone:
    hub = listen(kind, _HERE, 0, HOST_NAME)
    try:
        number = int(hub.url.rpartition(":")[2])
        emulator = _emulator(target, options, wish, link=kind, host_port=number, plain=plain)
        try:
            emulator.start()
            wish = _keyed(wish, emulator)
            link = wait_for(hub, emulator.device, wish, lambda: emulator.failure)
            return begin(
                microphone_of(
                    link,
                    wish,
                    notes=tuple(emulator.notes),
                    diagnose=lambda: emulator.failure,
                    release=emulator.stop,
                    hang_up=True,
                )
            )
        except BaseException:
            emulator.stop()
            raise
    finally:
        hub.release()


def _emulator(target: Target, options: dict[str, object], wish: Wish, **more: object) -> Emulator:
    request = wish.request
    try:
        return Emulator(
            target.source,
            rate=request.rate,
            channels=request.channels,
            **options,  # type: ignore[arg-type]
            **more,  # type: ignore[arg-type]
        )
    except ValueError as error:
        raise LinkError(f"emulator:{target.source}: {error}") from None


def _keyed(wish: Wish, emulator: Emulator) -> Wish:
    """With the key that this board was given, if it was."""
    key, device = emulator.key, emulator.device
    return wish if key is None else replace(wish, keys=lambda said: key if said == device else None)
