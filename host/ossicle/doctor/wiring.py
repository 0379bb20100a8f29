"""Checks of what reaches the chip: is there sound at all, and is it a microphone's?

No board was at hand: what a fault looks like follows from data sheets and from the conversion (W-43), and is
inferred. A check that finds something here makes those of `sound` pointless for that channel.
"""

from __future__ import annotations

import numpy as np

from .bits import stuck
from .evidence import CHANNELS, Evidence, Sound
from .finding import Finding, fault, hint
from .measure import MIDDLE, Figures, awake, figures, runs

# The quietest microphone at hand has noise of -91 dBFS, which a shift of 14 makes 4 steps rms. What moves by
# one step to either side is a line that holds a level, or the last bit that was on it.
STILL_STEPS = 2
# Numbers at random in 32 bits, shifted by 14, are beyond full scale three times of four.
FLOATING_DB = -12.0
FLOATING_LIKENESS = 0.2
FLOATING_STEADY_DB = 3.0
# With its sign one place too low a sample is beyond full scale or small, half the time each; with the DC
# blocker, which then has half of full scale to take away, it is beyond full scale nearly always.
LATE_RAILS = 0.9
LATE_SPLIT = 0.2
LATE_BETWEEN = 0.1  # of the samples at full scale; clipped sound has as many between as there
LOW_BITS = 5  # up to four are taken by a gain of 16, or by a microphone of 16 bits
BREAK_STEPS = 1000  # from one sample to the next, into a standstill
BREAK_RUN_S = 0.004
BREAKS_MIN = 2
SAME_STEPS = 1
MIRRORED = -0.9

_WIRES = "check VDD (3V3), GND, SCK, WS and SD, each against what ossicle config PORT says"


def silent(sound: Sound, heard: Figures) -> Finding | None:
    """Every sample has the same value, or one next to it."""
    if heard.spread > STILL_STEPS:
        return None
    value = heard.middle_value
    if abs(value) <= 1:
        text = f"there is no sound: every sample is 0 or next to it, in {heard.seconds:.1f} s"
        cure = (
            f"{_WIRES}; look whether L/R is at GND for the left slot (3V3: the right one), and whether SCK "
            "and WS are swapped"
        )
        if sound.rate < 16000:
            cure += "; an SPH0645 sleeps below 16000 Hz, where SCK is slower than 1 MHz"
        return fault("silent", text, cure, value=value)
    text = f"there is no sound: every sample is {value}, in {heard.seconds:.1f} s"
    cure = (
        "SD is held at one level or is connected to a clock: see that SD is on the pin that the board is told"
    )
    return fault("silent", text, cure, value=value)


def wrong_slot(evidence: Evidence) -> Finding | None:
    """The slot that is listened to is empty, and the other is not."""
    if evidence.sound is None or evidence.other is None or evidence.sound.frames.shape[1] != 1:
        return None
    if silent(evidence.sound, figures(evidence.sound)) is None:
        return None
    other = figures(evidence.other)
    if silent(evidence.other, other) is not None:
        return None
    listens = slot_of(evidence)
    there = CHANNELS[1 - CHANNELS.index(listens)]
    return fault(
        "wrong_slot",
        f"the {listens} slot, which the board listens to, is empty, and in the {there} one there is sound of "
        f"{other.loud_db:.0f} dBFS",
        f"ossicle config PORT set slot={there}, or wire L/R to {'GND' if listens == 'left' else '3V3'}",
        listens=listens,
        sound=there,
        loud_db=round(other.loud_db, 1),
    )


def slot_of(evidence: Evidence) -> str:
    """Which slot a board with one microphone listens to, as it says."""
    said = evidence.link.hello.fields.get("mic") if evidence.link else None
    slot = said.get("slot") if isinstance(said, dict) else None
    return slot if isinstance(slot, str) and slot in CHANNELS else CHANNELS[0]


def late(sound: Sound, heard: Figures) -> Finding | None:
    """Samples are read one bit early, so that the sign is not in its place."""
    split = heard.rails >= LATE_SPLIT and heard.between <= LATE_BETWEEN * heard.rails
    if heard.rails < LATE_RAILS and not split:
        return None
    return fault(
        "one_bit_shift",
        f"{heard.rails:.0%} of the samples are at full scale and {heard.between:.1%} between there and zero: "
        "the sign of each sample is one bit away from where it is looked for",
        "ossicle config PORT set late=1 for a microphone whose data come late (SPH0645), late=0 for others; "
        "if the sound is really that loud, raise shift",
        full_scale=round(heard.rails, 4),
        between=round(heard.between, 4),
    )


def floating(sound: Sound, heard: Figures) -> Finding | None:
    """White noise, loud and steady, as of a pin that is connected to nothing."""
    steady = heard.loud_db - heard.floor_db < FLOATING_STEADY_DB
    if heard.rms_db < FLOATING_DB or abs(heard.likeness) > FLOATING_LIKENESS or not steady:
        return None
    return fault(
        "floating",
        f"there is nothing but white noise of {heard.rms_db:.0f} dBFS, {heard.rails:.0%} of it at full "
        "scale: the data line is connected to nothing, or SCK and WS are swapped",
        _WIRES,
        rms_db=round(heard.rms_db, 1),
        full_scale=round(heard.rails, 4),
    )


def stuck_bits(sound: Sound, heard: Figures) -> Finding | None:
    """Bits that have one value all the time."""
    found = stuck(sound)
    if found is None:
        return None
    low = found.low_zeros
    if 0 < low < LOW_BITS:
        return None
    if low:
        return hint(
            "stuck_bits",
            f"the lowest {low} of 16 bits are always 0: the samples are coarser than they could be",
            "check SD and SCK; where gain is above 1 and shift low, set gain=256 and a lower shift",
            bits=",".join(str(number) for number, _ in found.bits),
        )
    named = " and ".join(f"bit {number} is always {value}" for number, value in found.bits)
    return fault(
        "stuck_bits",
        f"{named}, of the 16 of each sample",
        "a clock is too fast for the wires, or SD is shorted to another line: use shorter wires and check SD",
        bits=",".join(str(number) for number, _ in found.bits),
    )


def breaks(sound: Sound, heard: Figures) -> Finding | None:
    """Sound that stops from one sample to the next, as with a loose contact."""
    samples = awake(sound)[:, 0].astype(np.int32)
    steps = np.abs(np.diff(samples))
    starts, lengths = runs((steps <= 1).astype(np.int16))  # by one step: the DC blocker recovers meanwhile
    still = (steps[starts] <= 1) & (lengths >= round(BREAK_RUN_S * sound.rate))
    from_far = steps[np.maximum(starts - 1, 0)] >= BREAK_STEPS
    inside = np.abs(samples[starts]) < MIDDLE[1]  # a clipped wave stands still, too
    count = int((still & from_far & inside).sum())
    if count < BREAKS_MIN:
        return None
    return fault(
        "breaks",
        f"the sound stops dead {count} times in {heard.seconds:.1f} s, in the middle of a wave",
        "a contact is loose: solder the wires of the microphone, or press them in; check VDD and SD first",
        times=count,
    )


ONE_CHANNEL = (silent, late, floating, breaks, stuck_bits)
"""In this order; the first that finds something is told, the rest would follow from it."""


def pair(sound: Sound) -> Finding | None:
    """Two channels that are one, or one of which is upside down. Of a Sound with two channels, both alive."""
    left, right = (awake(sound)[:, number].astype(np.float64) for number in (0, 1))
    if np.abs(left - right).max() <= SAME_STEPS:
        return hint(
            "same_channels",
            "left and right are the same, sample by sample",
            "there is one microphone: record one channel (--channels 1); or both have L/R at the same level: "
            "wire one to GND and the other to 3V3",
        )
    likeness = float(np.corrcoef(left, right)[0, 1])
    if likeness > MIRRORED:
        return None
    return fault(
        "mirrored_channels",
        f"left and right are each other's negative (correlation {likeness:.2f}), and their sum is nothing",
        "turn one of the two around in software, or use two microphones of one type",
        correlation=round(likeness, 3),
    )
