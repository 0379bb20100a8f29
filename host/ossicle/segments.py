"""Speech as a consumer gets it: an iterator whose options can be changed while it runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Unpack

from .views import SegmentView

if TYPE_CHECKING:
    from .audio.options import Options, Values
    from .audio.segmenter import Segment


class Configurable:
    """What both kinds of stream have. All of it may be called from any thread, also while one waits."""

    def __init__(self, view: SegmentView) -> None:
        self._view = view

    def configure(
        self, *, at: int | None = None, preset: str | None = None, **options: Unpack[Values]
    ) -> int:
        """Change options of this stream and of no other; see `ossicle.Segmenter.configure`.

        Without `at` the change takes effect with the audio that this stream has not judged yet, so it
        depends on the moment; with `at` it is the same each time. Returns the position. After a reset of the
        device, where positions begin anew, all changes that were asked for are in force.

        Raises `ValueError`, and then nothing has changed.
        """
        return self._view.configure(at=at, preset=preset, **options)

    @property
    def position(self) -> int:
        """Up to here the capture was judged, but for less than a VAD frame: the first `at` possible."""
        return self._view.position

    @property
    def options(self) -> Options:
        """The options in force."""
        return self._view.options


class Segments(Configurable, Iterator["Segment"]):
    """Stretches of speech, each as soon as it is over. Iterate over it in one thread."""

    def __init__(self, view: SegmentView, found: Generator[Segment, None, None]) -> None:
        super().__init__(view)
        self._found = found

    def __next__(self) -> Segment:
        return next(self._found)

    def close(self) -> None:
        """End the iteration."""
        self._found.close()


class AsyncSegments(Configurable, AsyncIterator["Segment"]):
    """Stretches of speech, each as soon as it is over. Iterate over it in one task."""

    def __init__(self, view: SegmentView, found: AsyncGenerator[Segment, None]) -> None:
        super().__init__(view)
        self._found = found

    async def __anext__(self) -> Segment:
        return await anext(self._found)

    async def aclose(self) -> None:
        """End the iteration."""
        await self._found.aclose()
