"""Checks of what a board says of itself: memory, Wi-Fi, why it started, what it refused."""

from __future__ import annotations

from .evidence import Link
from .finding import Finding, hint

# The plan of its memory leaves 20 KB. What comes and goes (a START, a handshake) takes some.
HEAP_LEAST_BYTES = 10240
RING_LEAST_S = 1.0  # Wi-Fi that has to join again is away for longer
# Networks for speech are planned for -67 dBm (Cisco, for phones on Wi-Fi); a few dB less still do.
RSSI_LEAST_DBM = -70


def little_heap(link: Link) -> Finding | None:
    """Memory is nearly gone."""
    if link.free_heap is None or link.free_heap >= HEAP_LEAST_BYTES:
        return None
    return hint(
        "heap",
        f"the board has {link.free_heap} bytes of memory left",
        "lower ring_samples (ossicle config PORT set ring_samples=...), or use a board with PSRAM",
        free_heap=link.free_heap,
    )


def short_ring(link: Link) -> Finding | None:
    """The ring bridges less than it should."""
    if link.status is None or not 0 < link.status.ring_frames < RING_LEAST_S * link.rate:
        return None
    seconds = link.status.ring_frames / link.rate
    return hint(
        "ring",
        f"the board's ring holds {seconds:.2f} s: a longer pause of the link loses audio",
        "raise ring_samples as far as memory allows (ossicle config); the notes say whether it had to shrink",
        seconds=round(seconds, 3),
    )


def weak_wifi(link: Link) -> Finding | None:
    """The access point is far away."""
    if link.status is None or not link.status.rssi < RSSI_LEAST_DBM:
        return None
    return hint(
        "wifi_weak",
        f"the Wi-Fi signal is {link.status.rssi} dBm, and {RSSI_LEAST_DBM} or more is good for audio",
        "bring board and access point closer together, or turn the antenna away from metal",
        rssi=link.status.rssi,
    )


def power_save(link: Link) -> Finding | None:
    """The radio sleeps between beacons."""
    if link.hello.fields.get("power_save") is not True:
        return None
    return hint(
        "wifi_power_save",
        "the board's Wi-Fi saves power: answers take up to a second",
        "update MicroPython: the firmware switches it off (pm=PM_NONE), and this build did not take that",
    )


def lost_callbacks(link: Link) -> Finding | None:
    """The I2S driver's callback did not come, and the firmware had to help itself."""
    if link.status is None or not link.status.rearmed:
        return None
    return hint(
        "callbacks",
        f"{link.status.rearmed} callbacks of the I2S driver did not come; nothing is lost by that alone",
        "let nothing else run on the board: its queue of callbacks is full",
        times=link.status.rearmed,
    )


def woken_by_watchdog(link: Link) -> Finding | None:
    """The board hung before."""
    if link.hello.fields.get("reset") != "watchdog":
        return None
    return hint(
        "watchdog",
        "the board hung, and its watchdog started it again",
        "look at its log (ossicle logs), and report it",
    )


def plays_pattern(link: Link) -> Finding | None:
    """The microphone is none."""
    said = link.hello.fields.get("mic")
    if not isinstance(said, dict) or said.get("kind") != "pattern":
        return None
    return hint(
        "pattern",
        "the board plays its test pattern, and listens to no microphone",
        "ossicle config PORT set mic=i2s",
    )


def remarks(link: Link) -> list[Finding]:
    """What the board has to say against its own configuration."""
    return [
        hint("note", f"the board says: {note}", "correct what it is told: ossicle config PORT edit")
        for note in link.hello.notes
    ]


CHECKS = (little_heap, short_ring, weak_wifi, power_save, lost_callbacks, woken_by_watchdog, plays_pattern)
