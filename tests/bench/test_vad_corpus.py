"""The labelled speech and its mixes are what they say."""

import hashlib
import json
from itertools import pairwise

import numpy as np
import pytest

from ossicle.bench.vad import corpus
from ossicle.bench.vad.corpus import KINDS, SNRS_DB, Corpus, Label, Mix

# The first 16 hexadecimal digits of the SHA-256 of the samples, little-endian. Seen with numpy 1.26, 2.4 and
# 2.5, and with the wide instructions of the processor switched off.
HASHES = {
    "clean": "e1e6aa5e76d10792",
    "white 5 dB": "8c9d7a44721186d9",
    "room 5 dB": "ba86f91fb748b32c",
    "clicks 5 dB": "d8824f3c4a8b5f37",
    "music 5 dB": "22a44e30944827b9",
    "babble 5 dB": "973ecd7fb19e2f0c",
}


def digest(frames):
    return hashlib.sha256(frames.astype("<i2").tobytes()).hexdigest()


@pytest.fixture(scope="module")
def short():
    return Corpus(8.0)


@pytest.fixture(scope="module")
def told():
    return json.loads(corpus.SPEECH.with_suffix(".json").read_text(encoding="utf-8"))


def test_the_asset_is_that_of_its_labels(told):
    speech = corpus.speech()
    assert digest(speech.frames) == told["sha256_of_samples"]
    assert (speech.rate, len(speech.frames)) == (told["rate"], told["frames"]) == (16000, told["frames"])
    assert 75 <= speech.seconds <= 90
    assert corpus.SPEECH.stat().st_size < 900_000
    assert len({u["voice"] for u in told["utterances"]}) >= 4


def test_words_and_sentences_and_pauses():
    speech = corpus.speech()
    lengths = {kind: [] for kind in ("word", "sentence")}
    for label in speech.labels:
        lengths[label.kind].append((label.stop - label.start) / speech.rate)
    assert len(lengths["word"]) == 10
    assert all(0.25 <= seconds <= 0.6 for seconds in lengths["word"])
    assert 40 <= sum(lengths["sentence"]) <= 45
    pauses = [(b.start - a.stop) / speech.rate for a, b in pairwise(speech.labels)]
    assert all(0.6 <= seconds <= 2.0 for seconds in pauses)


def test_speech_is_inside_the_labels_and_nowhere_else():
    speech = corpus.speech()
    outside = np.ones(len(speech.frames), bool)
    for label in speech.labels:
        outside[label.start : label.stop] = False
        said = speech.frames[label.start : label.stop].astype(float)
        edge = speech.rate // 200
        for part in (said[:edge], said[-edge:]):
            # 35 dB below the loudest 5 ms is where a label begins and stops
            loudest = (said[: len(said) // edge * edge].reshape(-1, edge) ** 2).mean(axis=1).max()
            assert (part**2).mean() > 0.9 * loudest * 10**-3.5
    assert not speech.frames[outside].any()


def test_the_mixes_are_the_same_to_the_bit(short):
    mixes = [short.clean(), *(short.mix(noise, 5) for noise in KINDS)]
    assert {mix.name: digest(mix.frames)[:16] for mix in mixes} == HASHES


@pytest.mark.parametrize("noise", KINDS)
@pytest.mark.parametrize("snr_db", SNRS_DB)
def test_snr_is_what_the_docstring_says(short, noise, snr_db):
    clean, mix = short.clean(), short.mix(noise, snr_db)
    inside = np.concatenate([clean.frames[label.start : label.stop] for label in clean.labels]).astype(float)
    added = mix.frames.astype(float) - clean.frames
    assert np.abs(mix.frames).max() < 32767  # not made softer as a whole, or `added` would not be the noise
    ratio = (inside**2).mean() / (added**2).mean()
    assert 10 * np.log10(ratio) == pytest.approx(snr_db, abs=0.02)
    assert (mix.noise, mix.snr_db, mix.labels) == (noise, snr_db, clean.labels)


def test_the_room_is_quiet(short):
    clean = short.clean()
    assert (clean.noise, clean.snr_db) == (None, None)
    pause = clean.frames[: clean.labels[0].start].astype(float) / 32768
    assert 10 * np.log10((pause**2).mean()) == pytest.approx(corpus.ROOM_DBFS, abs=0.7)


@pytest.mark.parametrize("noise", KINDS)
def test_noise_alone(short, noise):
    mix = short.alone(noise, 5)
    assert (mix.seconds, mix.labels, mix.snr_db, mix.noise) == (5.0, (), None, noise)
    level = 10 * np.log10(((mix.frames / 32768.0) ** 2).mean())
    assert level == pytest.approx(corpus.ALONE_DBFS, abs=0.1)
    inside_a_mix = short.mix(noise, 5).frames[:80000].astype(float) - short.clean().frames[:80000]
    assert abs(np.corrcoef(mix.frames, inside_a_mix)[0, 1]) < 0.2


def test_what_would_be_clipped_is_made_softer(short):
    mix = short.mix("clicks", -20)
    assert np.abs(mix.frames).max() == 32767
    assert (np.abs(mix.frames) == 32767).sum() == 1


def test_every_mix_has_a_name(short):
    names = [mix.name for mix in short.mixes()]
    assert len(set(names)) == len(names) == 1 + len(KINDS) * len(SNRS_DB)
    assert names[0] == "clean"


def test_a_short_corpus_ends_after_whole_utterances(short):
    whole = corpus.speech()
    clean = short.clean()
    assert clean.labels == whole.labels[: len(clean.labels)]
    assert clean.labels[-1].stop <= 8 * 16000 < whole.labels[len(clean.labels)].stop
    assert len(clean.frames) == clean.labels[-1].stop + 16000
    with pytest.raises(ValueError, match="within 1"):
        Corpus(1.0)
    with pytest.raises(ValueError, match="white, room, clicks, music, babble"):
        short.mix("silence", 5)


def test_the_beginning_of_a_mix_has_the_labels_cut():
    mix = Mix("x", 100, np.arange(100, dtype=np.int16), (Label(10, 20, "word"), Label(40, 90, "turn")))
    half = corpus.first(mix, 0.5)
    assert half.frames.tolist() == list(range(50))
    assert half.labels == (Label(10, 20, "word"), Label(40, 50, "turn"))
    assert corpus.first(mix, 5).frames.tolist() == list(range(100))
    assert corpus.first(mix, 0.4).labels == (Label(10, 20, "word"),)
