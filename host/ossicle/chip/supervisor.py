"""The thread behind a Chip: it relays bytes between the line and the child, and starts the child anew.

All that is said by the child is taken in order, and no faster than the line carries it: so what a byte meets
on its way (who has the pins, whether Ctrl-C interrupts) is what held when it was sent.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections import deque
from collections.abc import Callable
from typing import IO, Any

from .child import STDIN_BYTES, Child
from .frames import TEXT, Said
from .kinds import Kind
from .line import Line
from .pins import Pins

PWRON, HARD, WDT, DEEPSLEEP, SOFT = range(1, 6)  # machine.reset_cause()
KEPT_BYTES = 65536  # of what went to the console
HOLD_S = 0.15  # for which a byte of the host waits for room
TICK_S = 0.002  # between two pieces of what is paced
LISTEN_S = 0.02  # how often it is looked whether somebody listens
ROM = {
    PWRON: "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
    HARD: "rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
    WDT: "rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
    DEEPSLEEP: "rst:0x5 (DEEPSLEEP_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
}
BITTEN = "E (%d) task_wdt: Task watchdog got triggered.\r\nE (%d) task_wdt:  - mpy_machine_wdt (CPU 0/1)\r\n"


class Supervisor:
    """Everything here runs in one thread; `post` is for the others."""

    def __init__(
        self, kind: Kind, command: list[str], settings: dict[str, Any], slots: IO[bytes] | None, line: Line
    ) -> None:
        self._kind = kind
        self._command = command
        self._settings = settings
        self._slots = slots
        self.line: Line | None = line
        self._child: Child | None = None
        self._queue: deque[Said] = deque()
        self._posted: deque[Callable[[], None]] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._on = True
        self._began = time.monotonic()
        self._mode = "friendly"
        self._sleeps_until: float | None = None
        self._watch_s = 0.0  # the watchdog's time; 0: there is none
        self._fed = 0.0
        self._turned = time.monotonic()
        self.rtc = b""
        self.rtc_off_s = 0
        self._pins = Pins(*kind.uart_pins)
        self._held = b""  # bytes of the host that wait for room
        self._held_since = 0.0  # when room was had last
        self._heard_by = 0  # the UART that they are for
        self.said = b""
        self.boots: list[int] = []
        self.crashes = 0
        self.lost_bytes = 0
        self.failure: str | None = None

    # ---- for other threads

    def post(self, task: Callable[[], None]) -> None:
        """Have the thread do it."""
        self._posted.append(task)
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b".")

    def stop(self) -> None:
        """Have the thread end."""
        self.post(self._halt)

    @property
    def is_up(self) -> bool:
        """Whether MicroPython runs what a chip runs."""
        child = self._child
        return child is not None and child.up

    @property
    def pid(self) -> int | None:
        """Of the process that runs."""
        child = self._child
        return child.process.pid if child is not None else None

    @property
    def lost_in(self) -> int:
        """Bytes from the host that were lost."""
        return self.lost_bytes

    # ---- the thread

    def run(self) -> None:
        """Until it is stopped, or the child cannot be started."""
        try:
            self.boot(PWRON)
            while self._on:
                self._turn()
        except Exception as error:
            self.failure = f"the emulated chip: {error}"
            raise
        finally:
            self._end_child()
            if self.line is not None:
                self.line.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _halt(self) -> None:
        self._on = False

    def _turn(self) -> None:
        now = time.monotonic()
        if self.line is not None:
            self.line.look()
        self._listen()
        self._relay(now)
        self._hear(now)
        self._watch(now)
        if self._sleeps_until is not None and now >= self._sleeps_until:
            self.boot(DEEPSLEEP)
        self._wait(now)
        while self._posted:
            self._posted.popleft()()

    def _wait(self, now: float) -> None:
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        timeout_s = 1.0
        if self._child is not None:
            poll.register(self._child.watchdog, select.POLLIN)
            if not self._queue:
                poll.register(self._child.out, select.POLLIN)
            if self._queue or self._held or self._child.parser.held:
                timeout_s = TICK_S
        if self.line is not None:
            if self.line.readable:
                timeout_s = min(timeout_s, TICK_S)
            elif self.line.listening:
                poll.register(self.line.master, select.POLLIN)
            else:
                timeout_s = min(timeout_s, LISTEN_S)
        if self._watch_s:
            timeout_s = min(timeout_s, max(self._fed + self._watch_s - now, 0.0) + TICK_S)
        if self._sleeps_until is not None:
            timeout_s = min(timeout_s, max(self._sleeps_until - now, 0.0))
        self._turned = time.monotonic() + timeout_s
        poll.poll(timeout_s * 1000)
        with contextlib.suppress(OSError):
            os.read(self._wake_read, 4096)

    # ---- from the child

    def _listen(self) -> None:
        """Take what it has said, when all before has gone."""
        if self._child is None or self._queue:
            return
        came = self._child.said()
        if came is None:
            self._crashed()
        elif came:
            self._queue.extend(came)
        else:
            self._queue.extend(self._child.parser.flush())

    def _relay(self, now: float) -> None:
        while self._queue:
            item = self._queue.popleft()
            if item.kind == TEXT:
                item = Said(ord("r"), 0, item.data.replace(b"\n", b"\r\n"))
            if item.kind in (ord("r"), ord("u")):
                rest = self._send(item, now)
                if rest:
                    self._queue.appendleft(Said(item.kind, item.number, rest))
                    return
            else:
                self._obey(item)

    def _send(self, item: Said, now: float) -> bytes:
        """Returns what could not go yet."""
        console = item.kind == ord("r")
        number = 0 if console else item.number
        wired = self.line is not None and (console if self.line.jtag else number == self._pins.sender)
        done = len(item.data)
        if self.line is not None and wired:
            done = self.line.write(item.data, self._pins.baud(number), now)
        if console:
            self.said = (self.said + item.data[:done])[-KEPT_BYTES:]
        return item.data[done:]

    def _obey(self, item: Said) -> None:
        child = self._child
        if child is None:
            return
        kind = chr(item.kind)
        if kind == "k":
            child.key = item.data[0]
        elif kind == "o":
            self._pins.set_up(item.data)
        elif kind == "p":
            self._pins.give_back(item.data[0])
        elif kind == "i":
            self._heard_by = 0
            self._hold(self._without_key(item.data), time.monotonic())
        elif kind == "M":
            self.rtc = item.data
        elif kind == "T":
            self.rtc_off_s = int(item.data)
        elif kind == "W":
            self._watch_s = int.from_bytes(item.data, "little") / 1000
            self._fed = time.monotonic()
        elif kind == "B":
            child.up = True
        elif kind == "x":
            self._left(item.data)
        if kind in "ky" and item.number:
            child.answer(item.number)

    # ---- from the host

    def _hear(self, now: float) -> None:
        """Into the receive buffers goes what fits, and what does not is lost.

        The machine may hold the child up where nothing holds up a chip: so a byte waits a little for room.
        """
        self._deliver(now)
        line = self.line
        if line is None or not line.readable or (line.jtag and self._held):  # USB waits
            return
        number = 0 if line.jtag else self._pins.receiver
        count = line.room_in(self._pins.baud(number), now)
        data = line.read(self._pins.baud(number), count) if count else b""
        if not data:
            return
        if self._child is None or number is None:
            self.lost_bytes += len(data)
            return
        if number != self._heard_by:
            self.lost_bytes += len(self._held)
            self._held = b""
            self._heard_by = number
        if number == 0:
            data = self._without_key(data)
        self._hold(data, now)
        self._deliver(now)

    def _hold(self, data: bytes, now: float) -> None:
        if not self._held:
            self._held_since = now
        self._held += data

    def _deliver(self, now: float) -> None:
        child, number = self._child, self._heard_by
        if child is None or not self._held:
            return
        size = self._pins.size(number) if number else STDIN_BYTES
        taken = child.hear(number, self._held, size)
        if taken:
            self._held = self._held[taken:]
            self._held_since = now
        elif now - self._held_since > HOLD_S and not (self.line is not None and self.line.jtag):
            self.lost_bytes += len(self._held)
            self._held = b""

    def _without_key(self, data: bytes) -> bytes:
        """Bytes for the REPL: while code runs, one of them may be the one that interrupts."""
        child = self._child
        if child is not None and child.key != 255 and child.key in data:
            data = data.replace(bytes((child.key,)), b"")
            child.interrupt()
        return data

    # ---- resets

    def boot(self, cause: int) -> None:
        """Start anew, as after a reset by this cause; power has been on before, but for PWRON."""
        self._end_child()
        self._queue.clear()
        self._sleeps_until = None
        self._pins.reset()
        self._held = b""
        self._heard_by = 0
        if cause != SOFT:
            self._mode = "friendly"
            self._watch_s = 0.0
            self._print(f"{self._kind.rom}\r\n\r\n{ROM[cause]}\r\n")
        if cause == PWRON:
            self.rtc = b""
            self.rtc_off_s = 0
        settings = {
            **self._settings,
            "cause": cause,
            "mode": self._mode,
            "rtc": self.rtc.hex(),
            "rtc_off_s": self.rtc_off_s,
        }
        self.boots.append(cause)
        self._child = Child(
            self._command, settings, self._slots, [n for n in self._kind.uarts if n or self._has_uart0()]
        )

    def _has_uart0(self) -> bool:
        return not self._settings["uart0_repl"]

    def off(self) -> None:
        """Without power."""
        self._end_child()
        self._queue.clear()
        self._watch_s = 0.0
        self._sleeps_until = None

    def _print(self, text: str) -> None:
        self._queue.append(Said(ord("r"), 0, text.encode()))

    def _left(self, how: bytes) -> None:
        """The child has asked for a reset."""
        kind = how[:1]
        if kind == b"h":
            self.boot(HARD)
        elif kind == b"d":
            self.off()
            self._sleeps_until = time.monotonic() + (int.from_bytes(how[1:5], "little") or 10**9) / 1000
        else:
            self._mode = "raw" if kind == b"r" else "friendly"
            self.boot(SOFT)
            self._queue.appendleft(Said(ord("r"), 0, b"MPY: soft reboot\r\n"))

    def _crashed(self) -> None:
        """It has ended by itself: on the chip a panic."""
        child = self._child
        assert child is not None
        up = child.up
        self._child = None
        code = child.end()
        if not up:
            last = (self.said.decode(errors="replace").strip() or "it said nothing").splitlines()[-1]
            self.failure = f"the emulated chip ended with code {code}: {last[:300]}"
            self._on = False
            return
        self.crashes += 1
        self.boot(HARD)

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _watch(self, now: float) -> None:
        """The watchdog. Time in which this thread itself was held up does not count."""
        if not self._watch_s or self._child is None:
            return
        late = now - self._turned
        if late > 0.1:
            self._fed += late
        if self._child.fed():
            self._fed = now
        elif now - self._fed > self._watch_s:
            ms = int((now - self._began) * 1000)
            bitten = BITTEN % (ms, ms)
            self.boot(WDT)
            self._queue.appendleft(Said(ord("r"), 0, bitten.encode()))

    # ---- the cable

    def unplug(self, powered: bool) -> None:
        """The port is gone, and the power with it unless it comes from elsewhere."""
        if self.line is not None:
            self.line.close()
            self.line = None
        if not powered:
            self.off()

    def plug(self, line: Line) -> None:
        """The port is there again; a chip without power has it."""
        self.line = line
        if self._child is None and self._sleeps_until is None:
            self.boot(PWRON)
