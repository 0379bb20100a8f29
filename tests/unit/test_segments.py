"""A stream of segments: iterated as ever, and its options changed while it runs."""

import asyncio
import threading

import numpy as np
import pytest
from simthread import opened

from ossicle.asynchronous import AsyncMicrophone, AsyncSubscription
from ossicle.audio.options import PRESETS
from ossicle.proto import events as ev
from ossicle.subscription import Subscription

RATE = 1000


def subscription():
    made = Subscription(60, waits=False, time_of=lambda position: None, leave=lambda consumer: None)
    made.put([ev.Started(b"x" * 8, 1, RATE, 1, 64, 0, 1.0, 0, 300, 0, 0)])
    return made


class Scene:
    """Words of 200 ms after half a second of silence each, into subscriptions, one piece at a time."""

    def __init__(self, *consumers):
        self.consumers = consumers
        self.position = 0

    def say(self, words=1):
        for _ in range(words):
            self.hush(500)
            self.sound(200, 9000)

    def hush(self, frames):
        self.sound(frames, 0)

    def sound(self, frames, level):
        self.put(ev.Audio(self.position, np.full(frames, level, np.int16)))
        self.put(ev.Log(0, "so that what follows is another piece"))
        self.position += frames

    def put(self, event):
        for consumer in self.consumers:
            consumer.put([event])

    def reset(self):
        self.put(ev.Gap(self.position, None, "reset"))
        self.put(ev.Gap(0, 0, "reset"))
        self.position = 0

    def finish(self):
        for consumer in self.consumers:
            consumer.finish(None)


def starts(segments):
    return [segment.start for segment in segments]


EXACT = {"speech_pad_ms": 0, "pre_roll_ms": 0}


def test_options_change_from_a_position_on():
    consumer = subscription()
    scene = Scene(consumer)
    scene.say(4)
    scene.finish()
    segments = consumer.segments("energy", min_speech_ms=100, **EXACT)
    assert segments.configure(at=1000, min_speech_ms=250) == 1000
    assert segments.configure(at=2200, min_speech_ms=100) == 2200
    assert starts(segments) == [500, 2600]
    assert segments.options.min_speech_ms == 100
    assert segments.position == 2800


def test_options_change_within_the_loop():
    consumer = subscription()
    scene = Scene(consumer)
    scene.say(1)
    scene.hush(300)
    found = []
    segments = consumer.segments("energy", preset="command", **EXACT)
    for segment in segments:
        found.append((segment.start, segment.stop))
        if len(found) == 1:
            assert segments.configure(preset="dictation", **EXACT) == 1000
            scene.say(3)
            scene.finish()
    assert found == [(500, 700), (1500, 3100)]


def test_a_name_is_refused_and_the_stream_goes_on():
    consumer = subscription()
    scene = Scene(consumer)
    scene.say(2)
    scene.finish()
    segments = consumer.segments("energy", min_speech_ms=100, **EXACT)
    for wrong in ({"preset": "loud"}, {"threshold": 2}, {"at": -1, "threshold": 0.9}):
        with pytest.raises(ValueError, match=r"loud|threshold|-1"):
            segments.configure(**wrong)
    assert starts(segments) == [500, 1200]


def test_another_thread_may_change_them_while_one_waits():
    consumer = subscription()
    scene = Scene(consumer)
    segments = consumer.segments("energy", min_speech_ms=250, **EXACT)
    found = []
    waiting = threading.Thread(target=lambda: found.extend(starts(segments)), daemon=True)
    waiting.start()
    scene.say(2)
    while segments.position < scene.position:
        consumer.wait(0.001)
    assert segments.configure(min_speech_ms=100) == 1400
    scene.say(2)
    scene.finish()
    waiting.join(10)
    assert not waiting.is_alive()
    # The word that ends at the change is as long as the new value demands.
    assert found == [1200, 1900, 2600]


def test_one_stream_does_not_touch_another():
    one, other = subscription(), subscription()
    scene = Scene(one, other)
    first, second = (each.segments("energy", min_speech_ms=100, **EXACT) for each in (one, other))
    first.configure(min_speech_ms=250)
    scene.say(3)
    scene.finish()
    assert starts(first) == []
    assert starts(second) == [500, 1200, 1900]


def test_a_change_outlives_a_reset_of_the_device():
    """S-23. Also one that waits: its position will not come any more."""
    consumer = subscription()
    scene = Scene(consumer)
    told = []
    segments = consumer.segments(
        "energy", preset="command", on_vad_frame=lambda start, stop, p: told.append(start), **EXACT
    )
    segments.configure(at=100, min_silence_ms=100)
    segments.configure(at=10**9, min_speech_ms=250)
    scene.say(2)
    scene.reset()
    scene.say(2)
    scene.finish()
    assert starts(segments) == [500, 1200]
    assert (segments.options.min_silence_ms, segments.options.min_speech_ms) == (100, 250)
    assert segments.options.max_speech_s == PRESETS["command"].max_speech_s
    assert told.count(0) == 2, "who looks on is told of both"


def test_who_looks_on_may_change_them():
    consumer = subscription()
    scene = Scene(consumer)
    scene.say(2)
    scene.finish()
    begins = []

    def look(start, stop, probability):
        if not begins:
            begins.append(segments.configure(min_speech_ms=250))

    segments = consumer.segments("energy", min_speech_ms=100, on_vad_frame=look, **EXACT)
    assert starts(segments) == []
    assert begins == [500], "after the first audio that was taken"


def test_a_stream_can_be_closed():
    consumer = subscription()
    scene = Scene(consumer)
    scene.say(2)
    segments = consumer.segments("energy", min_speech_ms=100)
    assert iter(segments) is segments
    next(segments)
    segments.close()
    assert list(segments) == []


def test_the_asyncio_twin():
    async def main():
        consumer = subscription()
        scene = Scene(consumer)
        scene.say(1)
        scene.hush(300)
        found = []
        segments = AsyncSubscription(consumer).segments("energy", preset="command", **EXACT)
        async for segment in segments:
            found.append(segment.start)
            segments.configure(min_speech_ms=250)
            scene.say(2)
            scene.finish()
        await segments.aclose()
        return found, segments.options.min_speech_ms

    assert asyncio.run(main()) == ([500], 250)


def test_a_microphone_passes_them_on():
    with opened(length=RATE * 16) as (mic, _):
        segments = mic.segments(vad="energy", preset="recording", threshold=0.4)
        assert segments.options.threshold == 0.4
        assert segments.options.min_silence_ms == PRESETS["recording"].min_silence_ms
        assert segments.configure(preset="command") == 0
        list(segments)
        assert segments.options == PRESETS["command"]

    with opened(length=RATE * 16) as (mic, _):
        twin = AsyncMicrophone(mic)
        assert twin.segments(vad="energy", preset="command").options == PRESETS["command"]
