"""The cues that the webrtc detector weighs: what each must tell apart, and what must not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ossicle.audio.vad.cues import COUNT, FRAME_SIZE, NAMES, RATE, Cues
from ossicle.audio.vad.webrtc import MEMORY_S, Seen, Webrtc, Weights, weights

FRAMES = np.random.default_rng(3)


def heard(samples: Any) -> Any:
    """The cues of every VAD frame, shape (VAD frames, COUNT)."""
    cues, size = Cues(), FRAME_SIZE
    return np.array(
        [cues.hear(samples[i : i + size]).copy() for i in range(0, len(samples) - size + 1, size)]
    )


def cue(samples: Any, name: str) -> Any:
    return heard(samples)[:, NAMES.index(name)]


def hiss(seconds: float, level: float = 300) -> Any:
    return np.random.default_rng(1).normal(0, level, int(seconds * RATE)).astype(np.int16)


def voiced(seconds: float, pitch_hz: float = 140, level: float = 3000) -> Any:
    """A pulse train through a falling spectrum: all harmonics of one pitch."""
    time = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * k * pitch_hz * time + k) / k for k in range(1, 20))
    return (level * tone).astype(np.int16)


def rumble(seconds: float) -> Any:
    white = np.random.default_rng(2).normal(size=int(seconds * RATE))
    spectrum = np.fft.rfft(white)
    hertz = np.fft.rfftfreq(len(white), 1 / RATE)
    slow = np.fft.irfft(spectrum * (hertz < 120), len(white))
    return (2000 * slow / slow.std()).astype(np.int16)


def bands(of: Any) -> Any:
    return of[:, [i for i, name in enumerate(NAMES) if name.startswith("band")]]


def test_noise_that_stays_becomes_the_floor_whatever_its_level() -> None:
    for level in (30, 300, 3000):
        over = bands(heard(hiss(6, level)))[100:]
        assert over.mean() < 0.5  # in units of 8 dB


def test_noise_that_has_become_louder_is_floor_after_three_seconds() -> None:
    over = bands(heard(np.concatenate((hiss(3, 100), hiss(5, 2000)))))
    assert over[102:110].mean() > 1.5
    assert over[205:].mean() < 0.5


def test_speech_stands_out_of_noise() -> None:
    mixed = hiss(4)
    mixed[2 * RATE : 3 * RATE] += voiced(1)
    over = bands(heard(mixed)).mean(axis=1)
    assert over[68:98].mean() > 3 * over[30:65].mean()


def test_the_gain_of_the_microphone_does_not_matter() -> None:
    mixed = hiss(3, 200).astype(np.int32)
    mixed[RATE : 2 * RATE] += voiced(1)
    quiet, loud = heard((mixed // 2).astype(np.int16)), heard(mixed.astype(np.int16))
    assert np.abs(quiet - loud).mean() < 0.03


def test_a_voice_is_harmonic_and_noise_and_rumble_are_not() -> None:
    voice = cue(np.concatenate((hiss(1, 50), voiced(1))), "harmony")[36:64]
    for other in (hiss(2), rumble(2)):
        assert np.median(voice) > 4 * np.percentile(cue(other, "harmony")[33:], 95)


@pytest.mark.parametrize("pitch_hz", [120, 140, 220, 330])
def test_the_pitch_of_a_voice_is_steady(pitch_hz: float) -> None:
    assert cue(voiced(1, pitch_hz), "steady pitch")[2:].mean() > 0.9
    assert cue(hiss(1), "steady pitch")[2:].mean() < 0.3


def test_a_tone_is_more_of_a_tone_than_hiss() -> None:
    time = np.arange(RATE) / RATE
    tone = (3000 * np.sin(2 * np.pi * 300 * time)).astype(np.int16)
    assert cue(tone, "tone").mean() > 2 * cue(hiss(1), "tone").mean()


def test_a_click_is_a_burst() -> None:
    click = hiss(2, 20)
    at = RATE + 100
    click[at : at + 40] = 8000
    bursts = cue(click, "burst")
    assert bursts[at // FRAME_SIZE] > 4
    assert np.median(bursts) < 2


def test_where_the_level_lies_between_floor_and_loudest() -> None:
    mixed = hiss(3, 30)
    mixed[RATE : RATE + RATE // 2] += voiced(0.5)
    found = cue(mixed, "loudness")
    assert found[36:48].mean() > 0.8
    assert found[60:].mean() < 0.3


def test_rise_and_fall() -> None:
    mixed = np.concatenate((hiss(1, 30), hiss(1, 3000), hiss(1, 30)))
    found = cue(mixed, "rise")
    assert found[33:35].max() > 1
    assert found[66:69].min() < -1
    assert np.abs(found[5:30]).max() < 0.5


def test_everything_stays_in_bounds() -> None:
    for samples in (
        np.zeros(RATE, np.int16),
        np.full(RATE, -32768, np.int16),
        FRAMES.integers(-32768, 32768, RATE).astype(np.int16),
        np.concatenate((np.zeros(RATE // 2, np.int16), voiced(1, level=9000), np.zeros(RATE, np.int16))),
    ):
        found = heard(samples)
        assert np.isfinite(found).all()
        assert np.abs(found).max() <= 20
        assert (bands(found) >= 0).all()
        assert (bands(found) <= 3).all()


def test_running_means_follow_at_their_own_pace() -> None:
    seen, size = Seen(), FRAME_SIZE
    mixed = np.concatenate((hiss(2, 30), hiss(1, 3000)))
    values = np.array([seen.hear(mixed[i : i + size]).copy() for i in range(0, len(mixed) - size, size)])
    assert values.shape[1:] == (1 + len(MEMORY_S), COUNT)
    jump = 2 * RATE // size + 2
    first_band = values[jump, :, 5] - values[jump - 4, :, 5]
    assert (np.diff(first_band) < 0).all(), "the longer the memory, the less of the jump"
    now, means = values[:, 0], values[:, 1]
    share = 1 - np.exp(-size / RATE / MEMORY_S[0])
    assert np.allclose(means[1:], means[:-1] + share * (now[1:] - means[:-1]), atol=1e-5)


def test_the_weights_fit_the_cues() -> None:
    kept = weights()
    assert kept.hidden.shape == (len(kept.out), (1 + len(MEMORY_S)) * COUNT)
    assert kept.hidden.dtype == np.float32
    assert np.isfinite(kept.hidden).all()


def test_the_network_is_what_it_says() -> None:
    hidden = np.array([[1.0, 0.0], [0.0, -1.0]], np.float32)
    net = Weights(hidden, np.array([0.5, 1.0], np.float32), np.array([2.0, -1.0], np.float32), -1.0)
    # relu(1*2 + .5) * 2 - relu(-3 + 1) * 1 - 1 = 4
    assert net.probability(np.array([2.0, 3.0], np.float32)) == pytest.approx(1 / (1 + np.exp(-4)))
    far = Weights(hidden, hidden[0], np.array([1e9, 0], np.float32), 0.0)
    assert far.probability(np.array([1.0, 0.0], np.float32)) == pytest.approx(1.0)


def test_what_webrtc_denies_twice_is_not_speech() -> None:
    class Denies:
        def is_speech(self, data: bytes, rate: int) -> bool:
            self.asked = (len(data), rate)
            return next(answers)

    answers = iter([True, True, False, False, True])
    engine = Webrtc()
    engine._vad = Denies()
    chances = [
        engine.probability(voiced(1)[i : i + FRAME_SIZE]) for i in range(0, 5 * FRAME_SIZE, FRAME_SIZE)
    ]
    assert [chance > 0 for chance in chances] == [True, True, True, False, True]
    assert engine._vad.asked == (2 * FRAME_SIZE, RATE)


@pytest.mark.parametrize("length", [0, 160, 479, 481])
def test_a_vad_frame_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="480 samples"):
        Webrtc().probability(np.zeros(length, np.int16))
