"""The thread between a link and a receiver: one for each open port.

It alone touches the link, and it alone calls the receiver's `receive` and `tick`. Others may ask the
receiver for numbers, under `lock`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

from .errors import LinkError, SilentError
from .links.link import Link
from .locks import Condition
from .proto.events import Event, Silent
from .proto.handshake import State
from .proto.receiver import Receiver

_READ_S = 0.04  # the longest that `tick` waits where nothing is due: a chunk comes each 32 ms
_REOPEN_S = 0.5
_JOIN_S = 5.0
_WAIT_MAX_S = 1e8  # what a lock can wait: infinity it cannot


class Pump:
    """Carries bytes until it is stopped or the device stays silent for `patience_s`.

    `deliver` gets the events, `finish` the reason for the end (None after a stream's own end or a stop);
    both are called by the pump's thread. `hold` gives the position beyond which nothing is acknowledged.
    `diagnose` may know why a device fell silent.
    """

    def __init__(
        self,
        link: Link,
        receiver: Receiver,
        *,
        deliver: Callable[[list[Event]], None],
        finish: Callable[[Exception | None], None],
        hold: Callable[[], int | None],
        diagnose: Callable[[], str | None],
        patience_s: float,
    ) -> None:
        self._changed = Condition()
        self.lock = self._changed.lock
        self.receiver = receiver
        self._link = link
        self._deliver = deliver
        self._finish = finish
        self._hold = hold
        self._diagnose = diagnose
        self._patience_s = patience_s
        self._stopping = False
        self._in_order_at = time.monotonic()  # when the stream was last in force
        self._thread = Thread(target=self._run, name=f"ossicle {link.url}", daemon=True)

    def start(self) -> None:
        """Begin; the first HELLO goes out at once."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """The thread runs."""
        return self._thread.is_alive()

    def wait_for(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until the receiver is as wanted, or the thread has ended."""
        with self.lock:
            self._changed.wait_for(lambda: predicate() or not self.alive, min(timeout_s, _WAIT_MAX_S))
            return predicate()

    def do(self, action: Callable[[float], None]) -> None:
        """Call a method of the receiver that takes the time; what it has to send goes out soon."""
        with self.lock:
            action(time.monotonic())

    def close(self) -> None:
        """End the thread, then close the link."""
        self._stopping = True
        if self.alive:
            self._thread.join(_JOIN_S)
        self._link.close()

    # The thread

    def _run(self) -> None:
        error: Exception | None = None
        try:
            while not self._stopping:
                try:
                    self._turn()
                except LinkError as lost:
                    self._reopen(lost)
                self._check_patience()
        except Exception as caught:  # told to the consumers: a thread's exception is seen by nobody
            error = caught
            self._link.close()  # nobody drives it any more, so another may have it
        self._finish(error)
        with self.lock:
            self._changed.notify_all()

    def _turn(self) -> None:
        """Read, let the receiver think, write."""
        came = self._link.read(min(_READ_S, self.receiver.wait_s(time.monotonic())))
        now = time.monotonic()
        receiver = self.receiver
        with self.lock:
            state = receiver.state
            receiver.hold(self._hold())
            for data in came:
                if receiver.receive(data, now):
                    self._link.believe(data)
            if not came:
                receiver.tick(now)
            events = receiver.events()
            baud = receiver.baud
            out = receiver.to_send()
            moved = receiver.state is not state
        if baud is not None and baud != self._link.baud:
            self._link.set_baud(baud)
        for item in out:
            self._link.write(item)
        if events:
            self._deliver(events)
        if moved:
            with self.lock:
                self._changed.notify_all()

    def _check_patience(self) -> None:
        now = time.monotonic()
        if self.receiver.state not in _WAITING:
            self._in_order_at = now
            return
        why = self._diagnose()
        if why is not None:
            raise LinkError(why, self._link.url)
        silent = now - self._in_order_at
        if silent >= self._patience_s:
            raise SilentError(explain(self.receiver, self._link, silent), silent)

    def _reopen(self, lost: LinkError) -> None:
        """The port is gone: a cable that comes back within the patience heals."""
        stop = time.monotonic() + self._patience_s
        since = time.monotonic()
        self._deliver([Silent(0.0)])
        while not self._stopping:
            why = self._diagnose()
            if why is not None:
                raise LinkError(why, self._link.url) from None
            if self.receiver.stream is None or time.monotonic() >= stop:
                raise lost
            time.sleep(_REOPEN_S)
            try:
                self._link.reopen()
            except LinkError:
                continue
            with self.lock:
                self.receiver.lost(time.monotonic())
            self._in_order_at = since
            return


_WAITING = frozenset({State.GREETING, State.SPEEDING, State.SWITCHING, State.STARTING})


def explain(receiver: Receiver, link: Link, seconds: float) -> str:
    """Why nothing came for so long, as far as can be told, and what to do."""
    hello, url = receiver.hello, link.url
    if link.trouble:
        return f"{url}: no answer in {seconds:.0f} s, and what is sent does not go out: {link.trouble}"
    if receiver.misfit:
        return (
            f"{url}: the device answered START with a stream that cannot be: {receiver.misfit}; "
            f"is its firmware of this version? (README: A board)"
        )
    if receiver.stream is not None:
        return f"{url}: the device has been silent for {seconds:.0f} s; is it still connected and powered?"
    if hello is not None:
        hint = "; try a lower ?baud=" if receiver.baud is not None else ""
        return f"{url}: the device answered, but no stream started in {seconds:.0f} s{hint}"
    if receiver.counters.bytes_in:
        return (
            f"{url}: {receiver.counters.bytes_in} bytes came in {seconds:.0f} s, but nothing that Ossicle "
            f"says; ossicle doctor {url} tells what is there, ossicle install puts the firmware on a board"
        )
    return (
        f"{url}: nothing answered in {seconds:.0f} s; is the device powered, and its firmware installed? "
        f"ossicle doctor {url} looks closer"
    )
