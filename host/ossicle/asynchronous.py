"""The asyncio twin: the same thread reads the link, the same buffers hold the audio.

A waiting task waits for an event that the thread sets, so it can be cancelled at any moment, and what it
would have got next stays where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from typing import Any, TypeVar

from .block import Block
from .microphone import Microphone, MicrophoneStats
from .proto.events import Event
from .segments import AsyncSegments
from .subscription import End, Subscription
from .views import EventView, View

T = TypeVar("T")


class AsyncSubscription:
    """One consumer, for `async for`. Read it from one task."""

    def __init__(self, inner: Subscription) -> None:
        self._inner = inner

    def blocks(
        self, blocksize: int = 512, overlap: int = 0, *, dtype: str = "int16", always_2d: bool = False
    ) -> AsyncIterator[Block]:
        """As `Microphone.blocks`."""
        return self._iterate(self._inner.block_view(blocksize, overlap, dtype, always_2d))

    def segments(self, vad: str = "auto", **options: Any) -> AsyncSegments:
        """As `Microphone.segments`."""
        view = self._inner.segment_view(vad, **options)
        return AsyncSegments(view, self._iterate(view))

    def events(self) -> AsyncIterator[Event]:
        """As `Microphone.events`."""
        return self._iterate(EventView())

    async def read(self, frames: int, timeout: float | None = None, *, dtype: str = "int16") -> Block:
        """As `Microphone.read`; a read that times out or is cancelled takes nothing."""
        woken = asyncio.Event()
        undo = self._wake_with(woken)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    woken.clear()
                    try:
                        return self._inner.read(frames, 0, dtype=dtype)
                    except TimeoutError:
                        await woken.wait()
        finally:
            undo()

    def close(self) -> None:
        """Take no more part in the stream."""
        self._inner.close()

    async def _iterate(self, view: View[T]) -> AsyncGenerator[T, None]:
        woken = asyncio.Event()
        undo = self._wake_with(woken)
        try:
            while True:
                woken.clear()
                item = self._inner.take(view.wants)
                if item is None:
                    await woken.wait()
                    continue
                over = isinstance(item, End)
                for thing in view.end() if isinstance(item, End) else view.feed(item):
                    yield thing
                if over:
                    return
        finally:
            undo()

    def _wake_with(self, woken: asyncio.Event) -> Callable[[], None]:
        loop = asyncio.get_running_loop()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(woken.set)

        return self._inner.on_change(wake)


class AsyncMicrophone(AsyncSubscription):
    """A microphone for asyncio; `ossicle.connect` gives it."""

    def __init__(self, microphone: Microphone) -> None:
        super().__init__(microphone.primary)
        self._microphone = microphone

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self._microphone.rate

    @property
    def channels(self) -> int:
        """Channels."""
        return self._microphone.channels

    @property
    def device(self) -> str:
        """The device's id."""
        return self._microphone.device

    @property
    def notes(self) -> list[str]:
        """What the user should know."""
        return self._microphone.notes

    @property
    def stats(self) -> MicrophoneStats:
        """A snapshot of every counter."""
        return self._microphone.stats

    def subscribe(self, maxsize_s: float = 5.0, overflow: str = "overwrite") -> AsyncSubscription:
        """As `Microphone.subscribe`."""
        return AsyncSubscription(self._microphone.subscribe(maxsize_s, overflow))

    def stop(self) -> None:
        """Ask the device to end the stream; the iterations end when all has come."""
        self._microphone.stop()

    async def aclose(self) -> None:
        """End the stream and give the port back."""
        await asyncio.to_thread(self._microphone.close)

    async def __aenter__(self) -> AsyncMicrophone:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.aclose()


class Connecting:
    """What `connect` returns: to await, or for `async with`."""

    def __init__(self, opening: Callable[[], Microphone]) -> None:
        self._opening = opening
        self._microphone: AsyncMicrophone | None = None

    async def _connect(self) -> AsyncMicrophone:
        opening = asyncio.ensure_future(asyncio.to_thread(self._opening))
        try:
            return AsyncMicrophone(await asyncio.shield(opening))
        except asyncio.CancelledError:
            # The thread cannot be stopped; what it opens must not stay open.
            opening.add_done_callback(_close_opened)
            raise

    def __await__(self) -> Generator[Any, None, AsyncMicrophone]:
        return self._connect().__await__()

    async def __aenter__(self) -> AsyncMicrophone:
        self._microphone = await self._connect()
        return self._microphone

    async def __aexit__(self, *details: object) -> None:
        if self._microphone is not None:
            await self._microphone.aclose()


def _close_opened(opening: asyncio.Future[Microphone]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
