"""Checks of the way from the microphone to this computer: what was lost, where, and is there room enough?"""

from __future__ import annotations

from ossicle.proto._wire import DEFAULT_DMA_BUFFER_FRAMES, NUMBER_LIMIT
from ossicle.proto.request import StreamRequest

from .evidence import Link
from .finding import Finding, fault, hint

TROUBLE = 0.001  # of the packets; a cable and a bridge that are well lose none
TROUBLE_FAULT = 0.1  # `ossicle soak --drop 0.1` still loses nothing; beyond that it is not tried
PACKETS_MIN = 3  # what happened once or twice at the start is no habit
SPARE = 1.3  # of what the stream needs: what an outage held back has to go out beside what is new
# Crystals are off by tens of millionths. A wrong divider of the I2S clock is off by more than this.
RATE_OFF = 0.002
TICKS_SPAN_S = 2.0
FLAT_OUT = 1.25  # an emulated board that is so much faster does not run by the clock

_POWER = "see to the supply and the USB cable, and look at the log (ossicle logs)"


def lost_by_driver(link: Link) -> Finding | None:
    """Samples that never got into the ring."""
    return _lost(
        link,
        "lost_i2s",
        "capture",
        "before the ring: the I2S driver overflowed, because the board was busy",
        "ossicle config PORT set ibuf=40960 or more, and let nothing else run on the board",
        link.status.lost_frames if link.status else 0,
    )


def lost_in_ring(link: Link) -> Finding | None:
    """Samples that were overwritten in the ring before they could be sent."""
    return _lost(
        link,
        "lost_ring",
        "overwritten",
        "in the board's ring, which went round before they could be sent: the link was closed or too slow",
        "use a faster or better link, --codec adpcm, or a larger ring (ring_samples)",
        link.status.overwritten_frames if link.status else 0,
    )


def lost_by_host(link: Link) -> Finding | None:
    """Samples that came, and that this computer did not take in time."""
    return _lost(
        link,
        "lost_host",
        "overflow",
        "on this computer, which did not read in time",
        "let less run on this computer",
    )


def _lost(link: Link, name: str, cause: str, where: str, cure: str, counted: int = 0) -> Finding | None:
    frames = max(link.lost.get(cause, 0), counted)
    gaps = link.gaps.get(cause, 0)
    if not frames and not gaps:
        return None
    ms = 1000 * frames / link.rate
    return fault(
        name,
        f"{frames} samples ({ms:.0f} ms in {max(gaps, 1)} gaps) were lost {where}",
        cure,
        frames=frames,
        gaps=gaps,
    )


def restarted(link: Link) -> Finding | None:
    """The board began a new stream while it was listened to."""
    times = link.gaps.get("reset", 0)
    if not times:
        return None
    return fault(
        "restarted",
        f"the board restarted {times} times in {link.elapsed_s:.0f} s",
        _POWER,
        times=times,
        cause=_text(link, "reset"),
    )


def troubled(link: Link) -> Finding | None:
    """Packets that were lost or changed on the way; they are asked for again."""
    bad, share = _trouble(link)
    if link.usb == "jtag" or not share:
        return None
    serial = link.kind == "serial"
    make = fault if share >= TROUBLE_FAULT else hint
    return make(
        "link_loss",
        f"{bad} of {link.packets_in + bad} packets were lost or changed on the way, {link.resent} came by a "
        "second sending",
        "use a shorter or better cable, another USB port, or a lower speed (?baud=)"
        if serial
        else "bring board and access point closer together, or use another Wi-Fi channel",
        lost=link.missing,
        garbled=link.garbled,
        resent=link.resent,
        share=round(share, 5),
    )


def usb_drops(link: Link) -> Finding | None:
    """USB-Serial/JTAG throws away what this computer does not take within 200 ms (micropython #19651)."""
    bad, share = _trouble(link)
    if link.usb != "jtag" or not share:
        return None
    return hint(
        "usb_loss",
        f"{bad} of {link.packets_in + bad} packets were damaged, {link.resent} came by a second sending: the "
        "chip's USB-Serial/JTAG drops bytes that this computer does not take within 200 ms",
        "connect it without a hub, let less run on this computer, or use the board's other USB port, if it "
        "has one with a bridge",
        lost=link.missing,
        garbled=link.garbled,
        resent=link.resent,
        share=round(share, 5),
    )


def _trouble(link: Link) -> tuple[int, float]:
    """Packets lost or garbled, and their share; 0 while they are too few to tell."""
    bad = max(link.missing, link.garbled)
    share = bad / max(1, link.packets_in + bad)
    return (bad, share) if bad >= PACKETS_MIN and share >= TROUBLE else (bad, 0.0)


def too_slow(link: Link) -> Finding | None:
    """The board refused the stream, because the line does not carry it."""
    if not link.refused:
        return None
    wanted = StreamRequest(rate=link.rate, channels=link.channels)
    own = link.usb in ("jtag", "otg")  # USB is as fast as UART0, where the image says all there too
    return fault(
        "baud_too_low",
        f"the line does not carry {link.rate} Hz as PCM, which needs {wanted.bits_per_s / 1000:.0f} kbit/s: "
        f"{link.refused}",
        "write the image of MicroPython that is made for this board, and says nothing on UART0; or use "
        "--codec adpcm (a quarter), or Wi-Fi"
        if own
        else "ossicle config PORT set max_baud=4000000, give a higher ?baud=, or use --codec adpcm "
        "(a quarter)",
        needs_bits_per_s=round(wanted.bits_per_s),
        baud=link.baud,
    )


def tight(link: Link) -> Finding | None:
    """The line carries the stream, and not much more."""
    if link.baud is None or link.kind != "serial" or link.usb in ("jtag", "otg"):
        return None
    needs = StreamRequest(rate=link.rate, channels=link.channels, codec=link.codec).bits_per_s
    if needs * SPARE <= link.baud:
        return None
    return hint(
        "baud_tight",
        f"the stream takes {needs / link.baud:.0%} of the line's {link.baud} baud: after a pause of the link "
        "there is little room to catch up",
        "use 921600 baud (max_baud of the board, ?baud=921600 here), or --codec adpcm",
        needs_bits_per_s=round(needs),
        baud=link.baud,
    )


def off_rate(link: Link) -> Finding | None:
    """The microphone does not run at the rate that it is said to."""
    measured = measured_rate(link)
    if measured is None or flat_out(link):
        return None
    rate, unsure = measured
    off = rate / link.rate - 1
    if abs(off) <= max(RATE_OFF, unsure):
        return None
    return fault(
        "rate",
        f"the microphone gives {rate:.0f} frames a second, not {link.rate}: {off:+.2%} "
        f"(measured within {unsure:.2%})",
        "the I2S clock is divided wrongly: try --rate 16000, update MicroPython, and report it",
        rate=round(rate, 1),
        nominal=link.rate,
        off_ppm=round(off * 1e6),
    )


def flat_out(link: Link) -> bool:
    """An emulated board that plays faster than time passes."""
    return link.hello.board == "emulator" and link.frames > FLAT_OUT * link.rate * link.elapsed_s


def measured_rate(link: Link) -> tuple[float, float] | None:
    """Frames a second, and by what share that may be off; None where too little was heard.

    Where the receiver has measured it against this computer's clock, that; else what the board counts by its
    own clock, in whole DMA buffers.
    """
    if link.true_rate is not None:
        return link.true_rate, 1e-4  # two crystals
    if len(link.ticks) < 3:
        return None
    (first_s, first), (last_s, last) = link.ticks[0], link.ticks[-1]
    span_s = (last_s - first_s) % (NUMBER_LIMIT / 1000)
    if span_s < TICKS_SPAN_S:
        return None
    rate = (last - first) % NUMBER_LIMIT / span_s
    return rate, 2 * DEFAULT_DMA_BUFFER_FRAMES / (link.rate * span_s)


def _text(link: Link, key: str) -> str | None:
    said = link.hello.fields.get(key)
    return said if isinstance(said, str) else None


CHECKS = (
    lost_by_driver,
    lost_in_ring,
    lost_by_host,
    restarted,
    troubled,
    usb_drops,
    too_slow,
    tight,
    off_rate,
)
