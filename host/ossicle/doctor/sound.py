"""Checks of sound that is a microphone's: how loud, how clean, and is each channel where it should be?

Speech spans 30 dB, 15 to either side of its mean level (ANSI S3.5-1997); at normal effort it has 62 dB SPL at
a metre (same standard), which an INMP441 and a shift of 14 make -46 dBFS.
"""

from __future__ import annotations

import numpy as np

from .evidence import CHANNELS, Sound
from .finding import Finding, fault, hint
from .hum import hum as find_hum
from .measure import WINDOW_S, Figures, awake, figures, windows

OFFSET = 0.02  # of full scale; recordings of readers have 0.7 % and nobody minds
# The loudest moments of speech lie some 10 dB above its mean: those of a voice 5 m away (-14 dB) are at -50.
QUIET_DB = -50.0
CLIPPED_HINT = 0.0001  # of the samples
CLIPPED_FAULT = 0.001
# Below the loudest moment, which is some 10 dB above the mean: there begins the quietest speech.
HUM_BELOW_DB = 26.0
HUM_LEAST_DB = -66.0  # 20 dB below a voice at a metre
STANDS_OUT_DB = 15.0  # half of what speech spans
UNLIKE_DB = 10.0  # two microphones of one type differ by 6 dB at most (data sheet: -29 to -23 dBFS)
NEAR_DB = 3.0
NEAR_MS = 1.0  # 34 cm of way; further apart two microphones are no pair


def offset(sound: Sound, heard: Figures) -> Finding | None:
    """A constant part."""
    if abs(heard.mean) < OFFSET:
        return None
    return hint(
        "dc_offset",
        f"the samples have a constant part of {heard.mean:.1%} of full scale",
        "ossicle config PORT set dc_blocker=true",
        offset=round(heard.mean, 4),
    )


def quiet(sound: Sound, heard: Figures) -> Finding | None:
    """Nothing is loud enough to be a voice."""
    if heard.loud_db >= QUIET_DB:
        return None
    return hint(
        "quiet",
        f"the loudest moment has {heard.loud_db:.0f} dBFS, less than a voice five metres away",
        "speak while the doctor listens; if you did, come closer, lower shift by one or two (6 dB each), "
        "and see that nothing covers the microphone's hole",
        loud_db=round(heard.loud_db, 1),
        floor_db=round(heard.floor_db, 1),
    )


def clipped(sound: Sound, heard: Figures) -> Finding | None:
    """Waves that are cut off at full scale."""
    if heard.clipped < CLIPPED_HINT:
        return None
    make = fault if heard.clipped >= CLIPPED_FAULT else hint
    return make(
        "clipped",
        f"{heard.clipped:.2%} of the samples are cut off at full scale",
        "ossicle config PORT set shift=15 (6 dB less than 14; 16 is 12 dB less), lower gain, or move away",
        clipped=round(heard.clipped, 6),
        peak_db=round(heard.peak_db, 1),
    )


def hum(sound: Sound, heard: Figures) -> Finding | None:
    """Lines of the mains that are loud enough to lie within speech."""
    found = find_hum(sound)
    if found is None or found.level_db < max(HUM_LEAST_DB, heard.loud_db - HUM_BELOW_DB):
        return None
    lines = ", ".join(str(found.mains * harmonic) for harmonic in found.harmonics)
    return hint(
        "hum",
        f"there is mains hum of {found.level_db:.0f} dBFS ({lines} Hz), "
        f"{heard.loud_db - found.level_db:.0f} dB below the loudest moment",
        "power the board from another supply or a battery to see whether it is that; keep the wires short, "
        "away from mains cables, and with a ground of their own",
        mains_hz=found.mains,
        level_db=round(found.level_db, 1),
    )


def noisy(sound: Sound, heard: Figures) -> Finding | None:
    """Nothing stands out of the noise."""
    stands_out = heard.loud_db - heard.floor_db
    if stands_out >= STANDS_OUT_DB or heard.loud_db < QUIET_DB:
        return None
    return hint(
        "noise",
        f"the noise floor is {heard.floor_db:.0f} dBFS, the loudest moment only {stands_out:.0f} dB above it",
        "speak while the doctor listens; if you did, come closer or find a quieter place; if it is quiet "
        "there, the supply or the wires are what is heard",
        floor_db=round(heard.floor_db, 1),
        loud_db=round(heard.loud_db, 1),
    )


ONE_CHANNEL = (offset, quiet, clipped, hum, noisy)


def unlike(sound: Sound) -> Finding | None:
    """One of two channels is much weaker. Of a Sound with two channels."""
    loud = [figures(sound.channel(number)).loud_db for number in (0, 1)]
    if abs(loud[0] - loud[1]) < UNLIKE_DB:
        return None
    weaker = CHANNELS[0 if loud[0] < loud[1] else 1]
    return hint(
        "unlike_channels",
        f"left has {loud[0]:.0f} dBFS in its loudest moment and right {loud[1]:.0f}",
        f"see that nothing covers the {weaker} microphone; check its supply",
        left_db=round(loud[0], 1),
        right_db=round(loud[1], 1),
    )


def swapped(sound: Sound, near: str | None) -> Finding | None:
    """Somebody spoke beside one microphone, and the other heard it louder or earlier. Two channels."""
    if near is None:
        return None
    louder_db, earlier_ms = nearer(sound)
    lead = louder_db if abs(louder_db) >= NEAR_DB else earlier_ms
    numbers = {"louder_db": round(louder_db, 1), "earlier_ms": round(earlier_ms, 3)}
    told = f"left is {louder_db:+.1f} dB against right, and {earlier_ms:+.2f} ms earlier"
    if lead == 0:
        return hint(
            "swapped_channels", told, f"speak closer to the {near} microphone, and try again", **numbers
        )
    if (lead > 0) == (near == CHANNELS[0]):
        return None
    return fault(
        "swapped_channels",
        f"left and right are swapped: you spoke on the {near}, and {told}",
        "exchange the L/R wires of the two microphones: left is the one at GND",
        **numbers,
    )


def nearer(sound: Sound) -> tuple[float, float]:
    """By how many dB the left channel is louder while somebody speaks, and by how many ms it is earlier."""
    both = awake(sound).astype(np.float64) / 32768.0
    both -= both.mean(axis=0)
    levels = np.stack([windows(both[:, number], sound.rate) for number in (0, 1)])
    loud = levels.max(axis=0) >= np.percentile(levels.max(axis=0), 90)
    energy = np.mean(levels[:, loud] ** 2, axis=1)
    size = max(1, round(WINDOW_S * sound.rate))
    most = round(NEAR_MS / 1000 * sound.rate)
    lags = np.arange(-most, most + 1)
    alike = np.zeros(len(lags))
    for number in np.flatnonzero(loud):
        left, right = both[number * size : (number + 1) * size].T
        whole = np.correlate(right, left, mode="full")
        alike += whole[len(left) - 1 - most : len(left) + most]
    lag = int(lags[int(np.argmax(alike))])
    return float(10 * np.log10(max(energy[0], 1e-12) / max(energy[1], 1e-12))), lag * 1000 / sound.rate
