"""`ossicle.open` and what it gives, with a simulated device at the other end of a line."""

import threading
import time
from random import Random

import numpy as np
import pytest
from simaudio import audio
from simdevice import SimDevice
from simthread import FLAT_OUT, behind_pty, opened
from simworld import RATE

import ossicle
from ossicle.errors import LinkError, ProtocolVersionError, RefusedError, SilentError, UrlError
from ossicle.proto import _wire as wire
from ossicle.proto import events as ev
from ossicle.proto.request import StreamRequest


def whole(blocks, channels=1):
    """Checks blocks without overlap; their stop, and all gaps."""
    position = 0
    gaps = []
    for block in blocks:
        for gap in block.gaps:
            assert gap.start == position
            position = gap.stop
            gaps.append(gap)
        assert block.start == position
        assert np.array_equal(block.data, audio(block.start, block.stop, channels))
        position = block.stop
    return position, gaps


# Over a serial port


def test_a_port_is_opened_heard_and_left_as_it_was():
    device = SimDevice(Random(1))
    with behind_pty(device) as line:
        with ossicle.open(line.path, timeout=10) as mic:
            assert (mic.rate, mic.channels, mic.device, mic.notes) == (16000, 1, "sim-1", [])
            assert mic.started.hop == 512
            blocks = mic.blocks(1000)
            heard = [next(blocks) for _ in range(5)]
            assert whole(heard) == (5000, [])
            assert mic.stats.link.baud == 921600
        assert line.speeds[:2] == [115200, 921600]
        assert device.ended
        assert device.baud == 115200  # left as it was found
        with ossicle.open(f"serial://{line.path}?baud=460800", timeout=10, mode="live", hop=256) as mic:
            assert mic.read(100).stop == 100
            assert mic.stats.link.baud == 460800
            assert mic.started.hop == 256


def test_stop_lets_the_rest_come():
    device = SimDevice(Random(1))
    with behind_pty(device) as line, ossicle.open(line.path, timeout=10) as mic:
        blocks = mic.blocks(1000)
        heard = [next(blocks)]
        mic.stop()
        heard += blocks
        assert whole(heard) == (device.stopped_at, [])
        assert mic.stats.link.state == "ended"


def test_a_cable_that_is_pulled_is_an_error_after_the_patience():
    device = SimDevice(Random(1))
    with behind_pty(device) as line, ossicle.open(line.path, timeout=0.8) as mic:
        blocks = mic.blocks(1000)
        next(blocks)
        line.hang_up()
        with pytest.raises(LinkError, match="gone"):
            list(blocks)


def test_a_stream_that_was_not_asked_for_is_named():
    device = SimDevice(Random(1))
    describe = device.describe
    device.describe = lambda token: wire.StartedFields.unpack(describe(token))._replace(rate=8000).pack()
    with behind_pty(device) as line, pytest.raises(SilentError, match="it started 8000 Hz pcm16 with 1 chan"):
        ossicle.open(line.path, timeout=1.5)


def test_a_later_process_goes_on_where_the_first_one_stopped_listening():
    device = SimDevice(Random(1))
    with behind_pty(device) as line:
        first = ossicle.open(line.path, timeout=10)
        block = first.read(10_000, timeout=10)
        resume = first.resume()
        assert (resume.position, resume.baud) == (10_000, 921600)
        assert first.resume(9_000).position == 9_000
        first._pump.close()  # as if it were killed: nothing is said to the device
        with ossicle.open(line.path, timeout=10, resume=resume) as second:
            heard = second.read(10_000, timeout=10)
            assert heard.start == block.stop == 10_000
            assert np.array_equal(heard.data, audio(10_000, 20_000))
            segments = second.segments("energy")
            assert segments.position == 20_000
        first.close()


def test_a_port_where_nobody_answers():
    device = SimDevice(Random(1))
    device.receive = lambda data: None
    with behind_pty(device) as line, pytest.raises(SilentError, match="nothing answered in") as error:
        ossicle.open(line.path, timeout=0.5)
    assert error.value.seconds >= 0.5


def test_a_port_where_something_else_speaks():
    device = SimDevice(Random(1))
    device.receive = lambda data: device.replies.append(b"ets Jul 29 2019 12:21:46\r\n")
    with behind_pty(device) as line, pytest.raises(SilentError, match="nothing that Ossicle says"):
        ossicle.open(line.path, timeout=0.7)


def test_errors_of_the_device_name_what_to_do():
    with pytest.raises(ProtocolVersionError, match="version 9"), opened(version=9):
        pass
    with pytest.raises(RefusedError, match="microphone does not start") as error, opened(microphone=False):
        pass
    assert error.value.reason == wire.Reason.MICROPHONE


def test_what_cannot_be_asked_for():
    with pytest.raises(UrlError):
        ossicle.open("tcp://0.0.0.0:4747")
    with pytest.raises(ValueError, match="hop"):
        ossicle.open("/dev/null", hop=3)
    for wrong in ({"timeout": 0}, {"timeout": float("nan")}, {"deadline_ms": -1}):
        with pytest.raises(ValueError, match="timeout"):
            ossicle.open("/dev/null", **wrong)
    with pytest.raises(LinkError, match="no such port"):
        ossicle.open("/dev/there-is-no-such-port")
    with pytest.raises(ossicle.SourceError):
        ossicle.open("emulator:there-is-no-such-file.wav")


# Sources that can wait


def test_flat_out_nothing_is_lost_however_slow_the_reader():
    with opened() as (mic, device):
        position = 0
        for block in mic.blocks(16384):
            assert block.gaps == ()
            assert block.start == position
            position = block.stop
            assert np.array_equal(block.data[:5], audio(block.start, block.start + 5))
            held = mic.stats.consumers[0]
            assert held.waiting <= held.capacity
            assert device.written <= position + held.capacity + 2 * device.ring
        assert position == FLAT_OUT
        assert mic.stats.consumers[0].overflowed == 0


def test_while_nobody_reads_the_source_waits():
    with opened() as (mic, device):
        reached = threading.Event()
        capacity = mic.stats.consumers[0].capacity
        for _ in range(200):
            if device.written >= capacity:
                break
            reached.wait(0.01)
        reached.wait(0.3)
        assert device.written <= capacity + device.ring
        assert whole(mic.blocks(9999)) == (FLAT_OUT, [])


def test_subscriptions_made_before_reading_hear_all():
    with opened() as (mic, _):
        first = mic.subscribe(overflow="wait")
        found = {}

        def hear(name, consumer):
            found[name] = whole(consumer.blocks(1000))

        threads = [threading.Thread(target=hear, args=item) for item in (("one", first), ("own", mic))]
        for thread in threads:
            thread.start()
            threads[0].join(0.3)  # the second begins when the first has run ahead as far as it can
        for thread in threads:
            thread.join(30)
        assert found == {"one": (FLAT_OUT, []), "own": (FLAT_OUT, [])}


def test_a_slow_subscription_holds_nobody_back_and_hears_of_it():
    with opened() as (mic, _):
        slow = mic.subscribe(maxsize_s=0.5)
        assert whole(mic.blocks(1000)) == (FLAT_OUT, [])
        position, gaps = whole(slow.blocks(1000))
        assert position == FLAT_OUT
        assert [gap.cause for gap in gaps] == ["overflow"]
        assert gaps[0] == ev.Gap(0, FLAT_OUT - RATE // 2, "overflow")


def test_a_buffer_that_nobody_reads_does_not_hold_back_those_who_do():
    with opened() as (mic, _):
        with mic.subscribe(overflow="wait") as other:
            assert whole(other.blocks(1000)) == (FLAT_OUT, [])
        assert len(mic.stats.consumers) == 1
        position, gaps = whole(mic.blocks(1000))
        assert position == FLAT_OUT
        assert gaps[0].cause == "overflow"


def test_a_late_subscription_begins_with_what_comes_next():
    with opened() as (mic, _):
        blocks = mic.blocks(1000)
        next(blocks)
        late = mic.subscribe(maxsize_s=1000)
        list(blocks)
        events = [e for e in late.events() if isinstance(e, ev.Audio)]
        assert events[0].start > 0
        assert np.array_equal(events[0].frames, audio(events[0].start, events[0].stop))
        assert events[-1].stop == FLAT_OUT
        after = mic.subscribe()
        assert list(after.blocks()) == []
    with pytest.raises(ValueError, match="overwrite or wait"):
        mic.subscribe(overflow="block")


def test_gaps_reach_the_blocks_and_the_stats():
    request = StreamRequest(hop=256)
    with opened(request=request, holes=((5000, 3000),)) as (mic, device):
        position, gaps = whole(mic.blocks(1000))
        assert gaps == [ev.Gap(5000, device.holes[0][1], "capture", estimated=True)]
        assert position == FLAT_OUT
        stats = mic.stats
        assert stats.link.host.gaps == 1
        assert stats.link.host.frames + stats.link.host.gap_frames == FLAT_OUT


def test_events_tell_everything_in_order():
    with opened(length=RATE * 2, request=StreamRequest(channels=2)) as (mic, _):
        kinds = [type(e) for e in mic.events()]
        assert kinds[:2] == [ev.Hello, ev.Started]
        assert ev.Audio in kinds
        assert kinds[-1] is ev.Ended


def test_closing_ends_iterations_elsewhere():
    with opened(waits=False, length=None) as (mic, _):
        ended = threading.Event()

        def hear():
            for _ in mic.blocks(10**6):
                pass
            ended.set()

        thread = threading.Thread(target=hear, daemon=True)
        thread.start()
        mic.close()
        assert ended.wait(10)
        mic.close()


def test_blocks_carry_the_time_of_capture():
    with opened(waits=False, length=RATE) as (mic, _):
        block = mic.read(RATE // 2, timeout=10)
        now = time.time()
        assert block.time is not None
        assert now - 5 < block.time < now
        assert block.uncertainty < 1


def test_times_follow_the_wall_clock_and_nothing_else_does(monkeypatch):
    """A jump of an hour between two blocks: positions, ages and what is measured stay as they are."""
    with opened(waits=False, length=RATE * 3) as (mic, _):
        first = mic.read(RATE // 2, timeout=10)
        monkeypatch.setattr(mic._wall, "_wall", lambda: time.time() + 3600)
        time.sleep(1.1)
        second = mic.read(RATE // 2, timeout=10)
        assert second.start == first.stop
        assert not second.gaps
        assert 3600 <= second.time - first.time < 3610
        stats = mic.stats
        assert stats.wall_steps == 1
        assert stats.wall_moved_s == pytest.approx(3600, abs=0.5)
        assert stats.link.clock_breaks == 0
        assert stats.latency.max_ms < 60_000


def test_latencies_are_those_of_all_consumers():
    with opened(waits=False, length=RATE) as (mic, _):
        assert mic.stats.latency.count == 0
        other = mic.subscribe(overflow="wait")
        with other:
            list(zip(range(10), other.blocks(512), strict=False))
        list(mic.blocks(512))
        stats = mic.stats
        assert stats.consumers[0].latency.count >= RATE // 512
        assert stats.latency.count + stats.latency.untimed >= RATE // 512 + 10
        assert 0 <= stats.latency.p50_ms <= stats.latency.p99_ms <= stats.latency.p999_ms
        assert stats.latency.p999_ms <= stats.latency.max_ms < 60_000


def test_segments_come_from_the_same_stream():
    with opened(length=RATE * 2) as (mic, _):
        for segment in mic.segments(vad="energy"):
            assert 0 <= segment.start < segment.stop <= RATE * 2


def test_a_device_that_falls_silent_for_good():
    with opened(waits=False, length=None, timeout=1.0) as (mic, device):
        blocks = mic.blocks(1000)
        next(blocks)
        device.transmit = list
        with pytest.raises(SilentError, match="silent for"):
            list(blocks)
