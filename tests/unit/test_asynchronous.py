"""The asyncio twin: the same audio, and nothing lost where a task is cancelled."""

import asyncio
import time
from random import Random

import numpy as np
import pytest
from simaudio import audio
from simdevice import SimDevice
from simthread import FLAT_OUT, behind_pty, opened

import ossicle
from ossicle.asynchronous import AsyncMicrophone, Connecting
from ossicle.proto import events as ev


def test_connect_hears_and_leaves():
    async def main(path):
        async with ossicle.connect(path, timeout=10) as mic:
            assert (mic.rate, mic.channels, mic.device, mic.notes) == (16000, 1, "sim-1", [])
            position = 0
            async for block in mic.blocks(1000):
                assert block.start == position
                assert np.array_equal(block.data, audio(block.start, block.stop))
                position = block.stop
                if position == 3000:
                    mic.stop()
            return position, mic.stats.link.state

    device = SimDevice(Random(1))
    with behind_pty(device) as line:
        position, state = asyncio.run(main(line.path))
    assert position == device.stopped_at
    assert state == "ended"


def test_consumers_side_by_side():
    async def main(mic):
        twin = AsyncMicrophone(mic)
        other = twin.subscribe(overflow="wait")

        async def count(blocks):
            return sum([len(block) async for block in blocks])

        async def count_events():
            return sum([len(e.frames) async for e in other.events() if isinstance(e, ev.Audio)])

        found = await asyncio.gather(count(twin.blocks(1000)), count_events())
        other.close()
        await twin.aclose()
        return found

    with opened() as (mic, _):
        assert asyncio.run(main(mic)) == [FLAT_OUT, FLAT_OUT]


def test_a_cancelled_read_takes_nothing():
    async def main(mic):
        twin = AsyncMicrophone(mic)
        first = await twin.read(100)
        with pytest.raises(TimeoutError):
            await twin.read(40_000, timeout=0.05)
        waiting = asyncio.ensure_future(twin.read(40_000))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return first, await twin.read(1000)

    with opened(waits=False, length=None) as (mic, _):
        first, second = asyncio.run(main(mic))
    assert (first.start, first.stop) == (0, 100)
    assert (second.start, second.stop) == (100, 1100)


def test_segments_are_awaited():
    async def main(mic):
        return [segment async for segment in AsyncMicrophone(mic).segments(vad="energy")]

    with opened(length=16000) as (mic, _):
        assert all(segment.stop <= 16000 for segment in asyncio.run(main(mic)))


def test_an_open_that_is_cancelled_closes_what_it_opened():
    closed = []

    class Opened:
        primary = None

        def close(self):
            closed.append(True)

    def slow():
        time.sleep(0.1)
        return Opened()

    async def main():
        task = asyncio.ensure_future(Connecting(slow)._connect())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(100):
            if closed:
                break
            await asyncio.sleep(0.01)

    asyncio.run(main())
    assert closed == [True]


def test_errors_of_open_are_raised_where_it_is_awaited():
    async def main():
        await ossicle.connect("/dev/there-is-no-such-port")

    with pytest.raises(ossicle.LinkError):
        asyncio.run(main())
