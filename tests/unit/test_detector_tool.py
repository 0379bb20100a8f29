"""What the webrtc detector learned from: noise of every family, and how it learns."""

from __future__ import annotations

from typing import Any

import detector
import numpy as np
import pytest
import scenes

from ossicle.audio.vad.webrtc import Weights

WITHOUT_VOICES = [family for family in dict.fromkeys(scenes.FAMILIES) if family is not scenes.babble]


@pytest.mark.parametrize("family", WITHOUT_VOICES, ids=lambda family: family.__name__)
def test_a_noise_follows_from_its_number(family: Any) -> None:
    frames = 2 * scenes.RATE
    first, again, other = (family(frames, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (frames,)
    assert (first == again).all()
    assert not np.allclose(first, other)
    assert (first**2).mean() == pytest.approx(1, rel=1e-3)


def test_a_room_rings_after_the_sound() -> None:
    for seed in range(5):
        response = scenes.room(np.random.default_rng(seed))
        assert response[0] == 1
        tail = np.abs(response[1:])
        assert tail[: len(tail) // 4].mean() > 3 * tail[-len(tail) // 4 :].mean()


def test_no_voice_of_the_projects_recordings_took_part() -> None:
    import recipes

    heard = {u.voice.partition("+")[2] for recipe in recipes.RECIPES for u in recipe.utterances}
    assert heard
    voices = {(language, variant) for language in scenes.LANGUAGES for variant in scenes.VARIANTS}
    said = {tuple(u.voice.split("+")) for recipe in recipes.RECIPES for u in recipe.utterances}
    assert not voices & said
    texts = {u.text.strip(".!?").lower() for recipe in recipes.RECIPES for u in recipe.utterances}
    assert not {t.lower() for t in scenes.TEXTS if " " in t} & texts


def test_it_learns_what_can_be_learned() -> None:
    draw = np.random.default_rng(5)
    inputs = draw.normal(3, 2, (80000, 6)).astype(np.float32)
    truth = (inputs[:, 0] - 3) * (inputs[:, 1] - 3) > 0  # no line parts them: it takes the hidden layer
    found = detector.learn(inputs, truth)
    net = Weights(found["hidden"], found["hidden_bias"], found["out"], float(found["out_bias"]))
    fresh = draw.normal(3, 2, (500, 6)).astype(np.float32)
    right = (fresh[:, 0] - 3) * (fresh[:, 1] - 3) > 0
    said = np.array([net.probability(row) > 0.5 for row in fresh])
    assert (said == right).mean() > 0.9
