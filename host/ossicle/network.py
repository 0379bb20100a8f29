"""From a port on which devices are heard to the microphone of one of them."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from .errors import DeviceError, KeyMissingError, LinkError, SilentError
from .links.hub import Claim, Hub
from .links.peer import PeerLink
from .links.ports import listen
from .microphone import Microphone
from .opening import Wish, begin
from .proto.framing import DatagramFraming

HOST_NAME = "ossicle"  # what devices are told of this host
NO_KEY = "there is no key for it"
_ASK_S = 0.5


def wanted_by(wish: Wish, device: str | None) -> Callable[[str], str]:
    """Which ids are taken, and why others are not."""

    def judge(said: str) -> str:
        if device is not None and said != device:
            return "it is another device"
        if wish.keys is not None and wish.keys(said) is None:
            return NO_KEY
        return ""

    return judge


def microphone_of(link: PeerLink, wish: Wish, **more: object) -> Microphone:
    """A microphone behind a link of a hub; it is not started."""
    return Microphone(
        link,
        wish.receiver(None, DatagramFraming()),
        timeout=wish.timeout,
        counts=lambda: link.counts,
        **more,  # type: ignore[arg-type]
    )


def open_network(kind: str, host: str, number: int, device: str | None, wish: Wish) -> Microphone:
    """Wait on a port for a device, and start its stream. Raises LinkError or DeviceError."""
    if device is not None and wish.keys is not None and wish.keys(device) is None:
        raise KeyMissingError(device, "host")
    hub = listen(kind, host, number, HOST_NAME)
    try:
        if device is not None and hub.is_open(device):
            raise LinkError(f"{hub.url}: {device} is open already in this program", hub.url)
        link = wait_for(hub, device, wish)
    finally:
        hub.release()  # the link holds the hub
    return begin(microphone_of(link, wish))


def wait_for(
    hub: Hub, device: str | None, wish: Wish, diagnose: Callable[[], str | None] = lambda: None
) -> PeerLink:
    """The link of the first device that is wanted. Raises DeviceError when there is none in time.

    `diagnose` may know that none will come.
    """
    found: queue.SimpleQueue[PeerLink] = queue.SimpleQueue()
    given: list[PeerLink] = []

    def give(link: PeerLink) -> None:
        given.append(link)
        found.put(link)

    claim = Claim(wanted_by(wish, device), lambda: not given, give)
    stop = time.monotonic() + wish.timeout
    link = None
    hub.claim(claim)
    try:
        while link is None and time.monotonic() < stop:
            why = diagnose()
            if why is not None:
                raise LinkError(why, hub.url)
            try:
                link = found.get(timeout=min(_ASK_S, max(0.0, stop - time.monotonic())))
            except queue.Empty:
                hub.ask()
    finally:
        hub.unclaim(claim)
        for late in given:
            if late is not link:
                late.close()
    if link is None:
        raise nobody(hub, claim, device, wish.timeout)
    return link


def nobody(hub: Hub, claim: Claim, device: str | None, seconds: float) -> DeviceError:
    """Why no device was found, as far as can be told."""
    passed = dict(claim.passed)
    unkeyed = [name for name, why in passed.items() if why == NO_KEY]
    if unkeyed:
        return KeyMissingError(unkeyed[0], "host")
    whom = "no device" if device is None else device
    said = f"{hub.url}: {whom} {'has' if device is None else 'has not'} said HELLO in {seconds:g} s"
    if passed:
        names = ", ".join(name[:40] for name in list(passed)[:4])
        return SilentError(f"{said}; heard: {names}", seconds)
    if hub.counts.strangers or hub.counts.misshapen:
        said += ", though something was heard there"
    return SilentError(
        f"{said}; is it powered, on this network, and are host and port in its ossicle.json this computer's? "
        f"(README: Wi-Fi)",
        seconds,
    )
