"""The tally of a device that plays the pattern, against planted faults."""

from __future__ import annotations

import numpy as np
import pytest

from ossicle.pattern import Pattern
from ossicle.proto.events import Audio, Ended, Event, Gap, Hello, Started
from ossicle.soak.device import Tally, Wanted, pattern_key

HOP = 512


def started(stream: int = 1, *, resumed: bool = False, channels: int = 1) -> Started:
    return Started(bytes([stream] * 8), stream, 16000, channels, HOP, 0, 1.0, 0, 32768, 0, 0, resumed)


def audio(start: int, count: int = HOP, *, ahead: int = 0, key: int = 0, channels: int = 1) -> Audio:
    return Audio(start, Pattern(1, key, channels=channels).part(start + ahead, count))


def tally(*told: Event, key: int = 0) -> Tally:
    found = Tally(key)
    for event in told:
        found.take(event)
    return found


def figures(found: Tally) -> tuple[int, int, int, int, int]:
    return found.delivered, found.wrong, found.lost, found.gaps, found.restarts


@pytest.mark.parametrize("channels", [1, 2])
def test_a_faultless_stream(channels: int) -> None:
    parts = [audio(at, channels=channels) for at in (0, 512, 1024)]
    found = tally(started(channels=channels), *parts, Ended(1536))
    assert figures(found) == (1536, 0, 0, 0, 0)
    assert found.ended


@pytest.mark.parametrize("channel", [0, 1])
def test_one_bit_of_one_channel_is_a_wrong_frame(channel: int) -> None:
    frames = Pattern(1, channels=2).part(0, HOP).copy()
    frames[7, channel] ^= 1
    assert figures(tally(started(channels=2), Audio(0, frames))) == (HOP - 1, 1, 0, 0, 0)


def test_swapped_channels_are_wrong() -> None:
    frames = Pattern(1, channels=2).part(0, HOP)[:, ::-1]
    assert tally(started(channels=2), Audio(0, frames)).wrong > 0.99 * HOP


def test_another_key_is_another_pattern() -> None:
    assert tally(started(), audio(0, key=3)).wrong > 0.99 * HOP
    assert figures(tally(started(), audio(0, key=3), key=3)) == (HOP, 0, 0, 0, 0)


def test_a_gap_is_lost_by_its_cause() -> None:
    found = tally(started(), audio(0), Gap(512, 1024, "overwritten"), audio(1024))
    assert figures(found) == (1024, 0, 512, 1, 0)
    assert found.causes == {"overwritten": 512}


def test_what_is_left_out_untold_is_wrong_and_lost() -> None:
    assert figures(tally(started(), audio(0), audio(1024))) == (1024, 512, 512, 0, 0)


def test_what_comes_twice_is_wrong() -> None:
    assert figures(tally(started(), audio(0), audio(0))) == (512, 512, 0, 0, 0)


@pytest.mark.parametrize("ahead", [-200, 0, 300])
def test_before_the_ring_the_pattern_tells_how_much_was_lost(ahead: int) -> None:
    """The device estimates there (W-37); the pattern knows."""
    found = tally(started(), audio(0), Gap(512, 1024, "capture", estimated=True), audio(1024, ahead=ahead))
    assert figures(found) == (1024, 0, 512 + ahead, 1, 0)


def test_elsewhere_no_shift_is_forgiven() -> None:
    found = tally(started(), audio(0), Gap(512, 1024, "overwritten"), audio(1024, ahead=300))
    assert found.wrong > 500


def test_a_device_that_begins_anew_is_told() -> None:
    found = tally(started(), audio(0), Gap(512, None, "restart"), started(2), audio(0), Ended(512))
    assert figures(found) == (1024, 0, 0, 1, 1)
    assert found.unknown == 1


def test_a_stream_that_goes_on_is_the_same() -> None:
    assert figures(tally(started(), audio(0), started(resumed=True), audio(512))) == (1024, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("mic", "key"),
    [
        (None, 0),
        ("pattern", 0),
        ({"kind": "pattern"}, 0),
        ({"key": 7}, 7),
        ({"key": -1}, 0),
        ({"key": "x"}, 0),
    ],
)
def test_the_key_is_the_devices_word(mic: object, key: int) -> None:
    assert pattern_key(Hello(1, fields={"mic": mic})) == key


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e9, np.inf])
def test_a_run_has_an_end(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        Wanted("auto", seconds)
