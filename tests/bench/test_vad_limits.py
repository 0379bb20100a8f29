"""The bounds that the voice detectors keep, measured thoroughly: a change that costs accuracy fails here.

Accuracy is no figure of time: the same packages give the same on any machine.
"""

import pytest

from ossicle.bench.vad import fidelity, judge, recordings, tables, words
from ossicle.bench.vad.corpus import KINDS, Corpus

KEPT = {
    "clean speech",
    "gain over raw",
    "recorded noise",
    "silero alone",
    "single words",
}
"""Of `MEASURES`: what has to hold."""


@pytest.fixture(scope="module")
def corpus():
    return Corpus()


def webrtc():
    return [subject for subject in judge.ours()[0] if subject.name == "webrtc"]


def clean_speech(corpus):
    return tables.accuracy([tables.measure(corpus.clean(), webrtc())], None)


def gain(corpus):
    return tables.gains([tables.measure(corpus.mix(noise, tables.GAIN_SNR_DB), webrtc()) for noise in KINDS])


def recorded_noise(corpus):
    """Where the machine has recordings; the white noise of the corpus is there always."""
    mixes = [corpus.alone("white"), *recordings.gather().noises]
    return tables.noise([tables.measure(mix, webrtc()) for mix in mixes])


def silero_alone(corpus):
    return fidelity.table([corpus.clean(), corpus.mix("room", 5), corpus.mix("babble", 20)])


def single_words(corpus):
    return words.table([corpus.clean()])


MEASURES = {
    "clean speech": clean_speech,
    "gain over raw": gain,
    "recorded noise": recorded_noise,
    "silero alone": silero_alone,
    "single words": single_words,
}


@pytest.mark.parametrize("name", sorted(KEPT))
def test_bounds_hold(corpus, name):
    table = MEASURES[name](corpus)
    assert table.rows
    if name == "recorded noise":
        assert table.value("white alone", "webrtc") <= tables.MARKED_MOST
    else:
        assert table.limits
    broken = [
        f"{limit.text}: {limit.value:.3f}, bound {limit.bound}" for limit in table.limits if not limit.holds
    ]
    assert broken == []
