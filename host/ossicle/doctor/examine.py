"""From evidence to findings and figures."""

from __future__ import annotations

from dataclasses import replace

from . import device, link, sound, wiring
from .evidence import CHANNELS, Evidence, Sound
from .finding import Finding, Severity, fault
from .measure import figures

HEARD_MIN_S = 0.5  # of what is shorter nothing is said


def examine(evidence: Evidence) -> list[Finding]:
    """Everything that is found, faults first."""
    found: list[Finding] = []
    if evidence.link is not None:
        checks = (*link.CHECKS, *device.CHECKS)
        found += [each for check in checks if (each := check(evidence.link)) is not None]
        found += device.remarks(evidence.link)
    if not any(each.name == "pattern" for each in found):
        found += _of_sound(evidence)
    return sorted(found, key=lambda each: each.severity is not Severity.fault)


def _of_sound(evidence: Evidence) -> list[Finding]:
    heard = evidence.sound
    if heard is None or heard.seconds < HEARD_MIN_S:
        seconds = 0.0 if heard is None else heard.seconds
        return [
            fault(
                "no_audio",
                f"{seconds:.2f} s of sound in one piece came: too little to say more",
                "see to what else is found, and try again; of a file, take a longer one",
                seconds=round(seconds, 3),
            )
        ]
    slot = wiring.wrong_slot(evidence)
    if slot is not None:
        return [slot]
    channels = heard.frames.shape[1]
    found, alive = [], 0
    for number in range(channels):
        name = CHANNELS[number] if channels == 2 else None
        one = heard.channel(number)
        wrong = _first_of_wiring(one)
        alive += wrong is None
        told = _of_one(one) if wrong is None else [wrong]
        found += [replace(each, channel=name) for each in told]
    if channels == 2 and alive == 2:
        together = (wiring.pair(heard), sound.unlike(heard), sound.swapped(heard, evidence.near))
        found += [each for each in together if each is not None]
    return found


def _first_of_wiring(one: Sound) -> Finding | None:
    heard = figures(one)
    results = (check(one, heard) for check in wiring.ONE_CHANNEL)
    wrong = next((each for each in results if each is not None), None)
    return None if wrong is None or wrong.severity is Severity.hint else wrong


def _of_one(one: Sound) -> list[Finding]:
    heard = figures(one)
    checks = (wiring.stuck_bits, *sound.ONE_CHANNEL)
    return [each for check in checks if (each := check(one, heard)) is not None]
