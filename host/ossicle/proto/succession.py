"""One stream after another: what a STARTED begins, or goes on with, or why not (W-21, W-22, W-40)."""

from __future__ import annotations

from collections.abc import Callable

from . import _wire as wire
from .counters import Counters
from .events import Event, Gap, SessionChanged
from .request import Resume, StreamRequest
from .stream import Stream
from .terms import describe, misfit


class Succession:
    """Which stream is in force.

    `deadline_s` None: a stream waits for what is missing. `resume` is a stream that an earlier process heard.
    """

    def __init__(
        self,
        request: StreamRequest,
        deadline_s: float | None,
        counters: Counters,
        tell: Callable[[Event], None],
        resume: Resume | None,
    ) -> None:
        self.stream: Stream | None = None
        self.misfit = ""
        """Why the device's last answer to a START was not believed."""
        self._request = request
        self._deadline_s = deadline_s
        self._counters = counters
        self._tell = tell
        self._resume = resume  # until a stream is in force

    @property
    def session(self) -> int:
        """The session in force, 0 before the first."""
        return self.stream.started.session if self.stream is not None else 0

    @property
    def position(self) -> int:
        """The position after all that was told as audio or as a gap."""
        if self.stream is not None:
            return self.stream.audio.told
        return self._resume.position if self._resume is not None else 0

    def start(self, token: int) -> bytes:
        """The payload of a START: that goes on with what there is, or begins."""
        if self.stream is not None:
            return self.stream.start(self._request, token)
        resume = self._resume
        if resume is None:
            return self._request.start(token)
        return self._request.start(token, resume.stream_id, resume.sequence(self._request.overlap))

    def take(self, fields: wire.StartedFields, session: int, now: float, *, answer: bool) -> bool:
        """A STARTED; true when a stream is in force by it. `answer`: to the START that waits for one."""
        stream = self.stream
        if stream is not None and stream.started.stream_id != fields.stream_id:
            stream = None
        why = misfit(fields, session, self._request, self._resume)
        if not why and stream is not None:
            why = stream.misfit(fields)
        if why:
            self._counters.malformed += 1
            self.misfit = why if answer else self.misfit
            return False
        if answer:
            self.misfit = ""
        if answer and stream is not None:
            self._go_on(stream, fields, session, now)
        elif answer:
            self._begin(fields, session, now)
        elif stream is None:
            self._counters.unexpected += 1
        elif fields.token == 0 and session != stream.started.session:
            stream.renew(session)
            self._tell(SessionChanged(session))
        return answer

    def _begin(self, fields: wire.StartedFields, session: int, now: float) -> None:
        """A stream of which nothing is known yet; the one before it is over (W-40)."""
        resume, self._resume = self._resume, None
        resumed = resume is not None and resume.stream_id == fields.stream_id
        if resumed:
            self._counters.resumes += 1
        elif resume is not None:
            self._counters.resets += 1
            self._tell(Gap(resume.position, None, "reset"))
        elif self.stream is not None and not self.stream.audio.ended:
            self._counters.resets += 1
            self.stream.audio.close("reset")
        started = describe(fields, session, resumed=resumed)
        self._tell(started)
        position = resume.position if resume is not None and resumed else 0
        self.stream = Stream(started, self._deadline_s, self._counters, self._tell, position)
        self.stream.enter(started, now)

    def _go_on(self, stream: Stream, fields: wire.StartedFields, session: int, now: float) -> None:
        self._counters.resumes += 1
        started = describe(fields, session, resumed=True)
        self._tell(started)
        stream.enter(started, now)
