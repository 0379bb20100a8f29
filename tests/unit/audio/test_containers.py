"""Files of other kinds than a job may bring: the head of none is taken for samples."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from ossicle import Aggregator
from ossicle.audio.errors import MalformedAudioError

SOUND = np.arange(1, 801, dtype=np.int16)


def file(kind: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, SOUND, 16000, format=kind, subtype="PCM_16")
    return out.getvalue()


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64"])
def test_a_wav_is_one_whatever_its_head(kind: str) -> None:
    aggregator = Aggregator()
    aggregator.push("a", file(kind))
    (batch,) = aggregator.flush().batches
    assert np.array_equal(batch.frames, SOUND)


OTHERS = {
    "AIFF": file("AIFF"),
    "Wave64": file("W64"),
    "CAF": file("CAF"),
    "WebM": bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d"),
    "MP4": b"\0\0\0\x1cftypM4A \0\0\x02\0" + bytes(16),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_of_another_kind_is_refused_by_name(kind: str) -> None:
    data = OTHERS[kind] + bytes(len(OTHERS[kind]) % 2)
    aggregator = Aggregator()
    with pytest.raises(MalformedAudioError, match=f"begins as a file of {kind}"):
        aggregator.push("a", data)
    assert aggregator.stats.chunks_refused == 1
    aggregator.push("a", data, encoding="pcm16")
    assert aggregator.stats.frames_in == len(data) // 2


def test_samples_are_taken_for_no_file() -> None:
    aggregator = Aggregator()
    for value in (0, 1, -1, 32767, -32768, 0x4352, 0x464F):
        aggregator.push("a", np.full(40, value, "<i2").tobytes())
    assert aggregator.stats.frames_in == 7 * 40
