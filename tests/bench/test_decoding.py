"""The decoding benchmark decodes, and notices when it does not."""

from functools import partial

import numpy as np
import pytest
from oracle import adpcm

from ossicle.bench import decoding
from ossicle.bench.coder import Coded
from ossicle.bench.figures import Effort
from ossicle.bench.source import BenchmarkError, speech
from ossicle.proto.events import Audio, Ended
from ossicle.proto.framing import SerialFraming
from ossicle.proto.reassembly import Reassembly


def test_the_table():
    table = decoding.run(Effort(quick=True))
    assert [row.name for row in table.rows] == [path.name for path in decoding.PATHS]
    for row in table.rows:
        assert set(row.values) == {column.key for column in table.columns}
        assert all(value > 0 for value in row.values.values())


@pytest.mark.parametrize("path", decoding.PATHS, ids=lambda path: path.name)
def test_a_replay_gives_all_audio_and_every_read(path):
    frames = speech(1.3)
    take = decoding.record(path, frames)
    told = take.replay()
    assert np.array_equal(np.concatenate([e.frames for e in told if isinstance(e, Audio)]), take.heard)
    assert path.codec == "adpcm" or take.heard is frames
    assert told.count(Ended(len(frames))) == 1
    assert take.packets == (len(frames) - path.overlap) // path.hop + 1
    if path.read_bytes:
        assert max(len(data) for data, _ in take.pieces[10:]) == path.read_bytes


def test_adpcm_is_what_the_oracle_makes_of_it():
    frames = speech(1.0)
    nibbles, before = adpcm.encode_stream(frames.tolist(), 1)
    coded = Coded(frames)
    assert coded.payload(512, 1023) == adpcm.chunk_payload(nibbles, before, 1, 512, 1023)
    decoded = adpcm.decode_payload(adpcm.chunk_payload(nibbles, before, 1, 0, len(frames)), 1)
    assert coded.decoded.tolist() == decoded


def test_a_receiver_that_decodes_wrongly_is_noticed(monkeypatch):
    frames = speech(1.0)
    path = decoding.Path("x", SerialFraming)
    take = decoding.record(path, frames)
    original = Reassembly._deliver

    def deliver(self, sequence, frames, flags):
        original(self, sequence, frames + 1 if sequence == 7 else frames, flags)

    monkeypatch.setattr(Reassembly, "_deliver", deliver)
    with pytest.raises(BenchmarkError, match="from frame 3584 on"):
        decoding.verify("x", take.replay(), frames)


@pytest.mark.parametrize(
    "spoil", [lambda told: told[:-1], lambda told: [*told[:9], *told[10:]], lambda told: []]
)
def test_what_is_missing_is_noticed(spoil):
    frames = speech(1.0)
    told = decoding.record(decoding.Path("x", SerialFraming), frames).replay()
    verify = partial(decoding.verify, "x")
    verify(told, frames)
    kept = spoil([event for event in told if isinstance(event, Audio | Ended)])
    with pytest.raises(BenchmarkError):
        verify(kept, frames)
