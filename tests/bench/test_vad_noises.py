"""The noises are what their names say, and the same to the bit."""

from itertools import pairwise

import numpy as np
import pytest

from ossicle.bench.vad import noises
from ossicle.bench.vad.noises import NOISES, Draw, Voice

RATE = 16000
FRAMES = 6 * RATE


@pytest.fixture(scope="module")
def made():
    return {name: make(FRAMES, RATE, 7) for name, make in NOISES.items()}


def spectrum_db(samples, *edges_hz):
    """Power in each band between the edges, per Hz, in dB."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    bands = pairwise(edges_hz)
    return [10 * np.log10(power[(hz >= low) & (hz < high)].mean()) for low, high in bands]


def tone(hz, frames):
    return np.sin(2 * np.pi * hz / RATE * np.arange(frames))


@pytest.mark.parametrize("name", NOISES)
def test_unit_power_and_repeatable(made, name):
    assert noises.power(made[name]) == pytest.approx(1, abs=1e-9)
    assert (NOISES[name](FRAMES, RATE, 7) == made[name]).all()
    assert (NOISES[name](FRAMES, RATE, 8) != made[name]).mean() > 0.5


def test_draws_are_uniform_and_white_is_nearly_gaussian():
    draw = Draw(3)
    values = np.array([draw.between(2, 4) for _ in range(4000)])
    assert values.min() >= 2
    assert values.max() < 4
    assert values.mean() == pytest.approx(3, abs=0.05)
    assert {draw.below(5) for _ in range(200)} == set(range(5))
    white = Draw(3).white(200_000)
    assert white.mean() == pytest.approx(0, abs=0.01)
    assert white.std() == pytest.approx(1, abs=0.01)
    assert (np.abs(white) < 1).mean() == pytest.approx(0.67, abs=0.02)
    assert np.abs(np.corrcoef(white[1:], white[:-1])[0, 1]) < 0.01


def test_white_is_flat_and_room_falls(made):
    white = spectrum_db(made["white"], 100, 1000, 4000, 8000)
    assert max(white) - min(white) < 0.5
    low, middle, high = spectrum_db(made["room"], 50, 150, 1000, 8000)
    assert low > middle + 4 > high + 12


def test_stationary_noise_has_no_pauses(made):
    for name in ("white", "room"):
        levels = (made[name].reshape(-1, RATE // 10) ** 2).mean(axis=1)
        assert levels.max() < 3 * levels.min()


def test_clicks_are_short_and_several_a_second(made):
    power = (made["clicks"].reshape(-1, RATE // 200) ** 2).mean(axis=1)  # of 5 ms
    loud = power > 1.0
    begins = int((loud[1:] & ~loud[:-1]).sum())
    assert 3 * FRAMES / RATE < begins < 20 * FRAMES / RATE
    assert loud.mean() < 0.25
    assert (power < 1e-6).mean() > 0.3  # silence between the bursts and within
    runs = np.diff(np.flatnonzero(np.concatenate(([True], power >= 1e-6, [True]))))
    assert 0.3 <= runs.max() / 200 <= 1.5  # the longest pause, in seconds; none so long within a burst
    low, high = spectrum_db(made["clicks"], 100, 1000, 5000)
    assert high > low  # rings where keys do


def test_music_has_notes_that_change(made):
    samples = made["music"]
    window = RATE // 8
    pieces = samples[: len(samples) // window * window].reshape(-1, window) * np.hanning(window)
    spectra = np.abs(np.fft.rfft(pieces)) ** 2
    loudest = np.sort(spectra, axis=1)[:, ::-1]
    assert np.median(loudest[:, :40].sum(axis=1) / spectra.sum(axis=1)) > 0.95  # lines, not hiss
    changes = (np.diff(spectra.argmax(axis=1)) != 0).sum()
    assert changes >= 2 * 0.5 * FRAMES / RATE


def test_babble_has_every_voice_but_never_the_one_that_speaks():
    voices = [
        Voice(tone(1000, RATE), 0, FRAMES),  # speaks all the time
        Voice(tone(2000, RATE), 0, FRAMES // 2),  # speaks in the first half
        Voice(tone(3200, RATE), 0, 0),
    ]
    made = noises.babble(FRAMES, RATE, 5, voices)

    def level_db(part, hz):
        return spectrum_db(part, 0.84 * hz, 1.18 * hz)[0] - spectrum_db(part, 100, 7900)[0]

    first, second = made[: FRAMES // 2], made[FRAMES // 2 :]
    assert level_db(made, 1000) < -20
    assert level_db(first, 2000) < -20
    assert level_db(second, 2000) > 0
    assert level_db(first, 3200) > 0
    with pytest.raises(ValueError, match="needs voices"):
        noises.babble(FRAMES, RATE, 5, [])


def test_many_talk_at_once():
    loud_and_silent = np.concatenate((tone(1000, RATE // 2), np.zeros(RATE // 2)))
    made = noises.babble(FRAMES, RATE, 5, [Voice(loud_and_silent, 0, 0)])
    levels = (made.reshape(-1, RATE // 10) ** 2).mean(axis=1)
    assert (levels > 0.05).mean() > 0.9
    assert noises.TALKERS >= 8


@pytest.mark.parametrize("tau", [1.5, 40.0, 1000.0])
def test_decay(tau):
    assert noises.decay(333, tau) == pytest.approx((1 - 1 / tau) ** np.arange(333), abs=1e-12)


def test_sine():
    expected = np.sin(2 * np.pi * (440 / RATE * np.arange(RATE) + 0.25))
    assert noises.sine(RATE, 440 / RATE, 0.25) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("speed", [0.86, 1.0, 1.16])
def test_resampled(speed):
    out = noises.resampled(tone(300, 8000), speed)
    assert len(out) == int(8000 / speed)
    assert out[2:-4] == pytest.approx(tone(300 * speed, len(out))[2:-4], abs=1e-3)


def test_what_lies_outside_is_left_away():
    out = np.zeros(5)
    for at in (-9, -2, 1, 4, 7):
        noises.add(out, at, np.ones(3))
    assert out.tolist() == [1, 1, 1, 1, 1]


def test_silence_has_no_power():
    assert noises.power(np.zeros(0)) == 0
    with pytest.raises(ValueError, match="silence"):
        noises.of_unit_power(np.zeros(9))
