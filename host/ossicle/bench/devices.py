"""How many devices one core carries, each heard by a voice detector.

What is measured is the whole host as `ossicle listen` uses it, N times in one process: a serial port, the
pump's thread, receiver, buffer, a consumer's thread with segmenter and webrtc. The devices are simulated, by
the packet layer, in another process, which plays speech in real time over pseudo-terminals. So CPU time of
this process is that of the hosts alone: user and system, all threads. A core then carries as many devices as
this goes into a second.

Beside that, `bare`: as many by one thread from bytes to segments, without ports and threads. The bound is on
that figure, since what a thread and a port cost depends on the system more than on this package; the others
say what they add.

Measured over some seconds in which all streams run. Afterwards they are stopped, each device's segments are
compared with those of the same audio heard in one piece, and every frame must have come.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from threading import Event, Thread
from time import process_time_ns, sleep

from ossicle.audio.segmenter import find_segments
from ossicle.links.serial import SerialLink
from ossicle.microphone import Microphone
from ossicle.proto.events import Frames
from ossicle.proto.receiver import Receiver

from . import bare
from .figures import Column, Effort, Limit, Row, Table
from .source import RATE, BenchmarkError, speech

VAD = "webrtc"
LEAST = 200
LENGTH_S = 60.0  # of a stream that nobody stops
_WINDOWS = 5  # of which the median counts
TIMEOUT_S = 20.0
_SETTLE_S = 0.2  # between opening and measuring
_STOP_S = 5.0
_BRIDGE_BYTES_A_MS = 92  # 921600 baud, ten bits a byte


@dataclass(frozen=True, slots=True)
class Setting:
    """So many devices; `bytes_a_ms` as in `senders`; `listens`: a voice detector hears each."""

    name: str
    devices: int
    bytes_a_ms: int = 0
    listens: bool = True


Segments = list[tuple[int, int]]


class Listener:
    """One device that is heard by a thread of its own, to its end; what was found lies in `segments`."""

    def __init__(self, port: str, listens: bool) -> None:
        link = SerialLink(port)
        self.microphone = Microphone(link, Receiver(baud=link.baud), timeout=TIMEOUT_S, hang_up=True)
        self.segments: Segments = []
        self._listens = listens
        self._failure: Exception | None = None
        self._opened = Event()
        self._thread = Thread(target=self._run, name=f"listener {port}", daemon=True)
        self._thread.start()

    @property
    def frames(self) -> int:
        """That came so far."""
        return self.microphone.stats.link.host.frames

    def opened(self) -> None:
        """Wait for the stream to start. Raises what prevented it."""
        if not self._opened.wait(2 * TIMEOUT_S):
            raise BenchmarkError("a simulated device cannot be opened")
        self.check()

    def check(self) -> None:
        """Raises what ended the stream, if it has not ended as it should."""
        if self._failure is not None:
            raise self._failure

    def finish(self) -> None:
        """Hear what remains of the stream, which was stopped."""
        self._thread.join(TIMEOUT_S)
        if self._thread.is_alive():
            raise BenchmarkError("a simulated device's stream does not end")
        self.check()

    def _run(self) -> None:
        try:
            self.microphone.start()
            self._opened.set()
            self._listen()
            self.microphone.close()
        except Exception as error:  # told by `check`: a thread's exception is seen by nobody
            self._failure = error
            self._opened.set()

    def _listen(self) -> None:
        if self._listens:
            for segment in self.microphone.segments(VAD):
                self.segments.append((segment.start, segment.stop))
        else:
            for _ in self.microphone.events():
                pass


def run(effort: Effort) -> Table:
    """The table."""
    try:
        import pty  # noqa: F401
    except ImportError:
        return _table((), ("Not measured: this system has no pseudo-terminals.",), ())
    settings, bare_devices = choose(effort.quick)
    measured_s = 0.4 if effort.quick else 5.0
    costs = {}
    for setting in settings:
        effort.say(f"devices: {setting.name}, {measured_s:g} s")
        costs[setting] = measure(setting, measured_s)
    rows = tuple(_row(setting, cost) for setting, cost in costs.items())
    effort.say(f"devices: {bare_devices} by one thread")
    cost = bare.measure(bare_devices, speech(effort.pick(10, 2)), VAD, effort.pick(3, 1))
    name = f"{bare_devices} devices, packets to segments in one thread"
    rows = (Row(name, {"cpu_ms": cost * 1e3, "devices": 1 / cost}), *rows)
    limit = Limit(
        f"devices that a core carries, {bare_devices} from packets to segments in one thread",
        1 / cost,
        LEAST,
        at_most=False,
    )
    notes = (
        f"The host as `ossicle listen --vad {VAD}` has it, once a device, all in one process, over serial "
        f"ports at 16 kHz mono, hop 512; in real time, {measured_s:g} s each. CPU time, user and system, of "
        f"all threads, the median of {_WINDOWS} parts; devices a core: a second over that of one device.",
        "In one thread: the bytes of a link, made before, through receiver, segmenter and detector, the "
        "devices in turns; no port, no thread, no pause.",
        "Simulated: the devices, in another process, behind pseudo-terminals. They send a packet at once; "
        f"by the millisecond: {_BRIDGE_BYTES_A_MS} bytes at a time, as a USB bridge at 921600 baud may.",
        "Every frame came, and each device's segments are those of the same audio in one piece.",
    )
    return _table(rows, notes, (limit,))


def choose(quick: bool) -> tuple[list[Setting], int]:
    """What is measured over ports, and how many devices without."""
    few, many, bare_devices = (2, 3, 3) if quick else (8, 32, 96)
    heard = Setting(f"{many} devices", many)
    pieces = Setting(f"{few} devices, by the millisecond", few, bytes_a_ms=_BRIDGE_BYTES_A_MS)
    if quick:
        return [heard, pieces], bare_devices
    deaf = Setting(f"{many} devices, no voice detector", many, listens=False)
    return [Setting(f"{few} devices", few), heard, Setting("96 devices", 96), deaf, pieces], bare_devices


def measure(setting: Setting, measured_s: float) -> float:
    """Run so many devices: CPU seconds that a second of one costs the host while all of them stream.

    Raises BenchmarkError when frames are missing or the segments are wrong.
    """
    with contextlib.ExitStack() as stack:
        ports = stack.enter_context(simulated(setting.devices, LENGTH_S, setting.bytes_a_ms))
        listeners = []
        for port in ports:
            listeners.append(Listener(port, setting.listens))
            stack.callback(listeners[-1].microphone.close)
        for listener in listeners:
            listener.opened()
        sleep(_SETTLE_S)
        cost = median(_watch(listeners, measured_s / _WINDOWS) for _ in range(_WINDOWS))
        for listener in listeners:
            listener.microphone.stop()
        for listener in listeners:
            listener.finish()
            check(listener, speech(LENGTH_S), setting.listens)
    return cost


def check(listener: Listener, audio: Frames, listens: bool) -> None:
    """Raises BenchmarkError unless all frames came, and the segments are those of the audio."""
    counted = listener.microphone.stats.link.host
    heard = audio[: counted.frames]
    truth = [(s.start, s.stop) for s in find_segments(heard, RATE, VAD)] if listens else []
    if not counted.frames or counted.gaps or listener.segments != truth:
        raise BenchmarkError(
            f"{counted.frames} frames came with {counted.gaps} gaps, and {len(listener.segments)} segments "
            f"where there are {len(truth)}: what was measured is not the work"
        )


@contextlib.contextmanager
def simulated(devices: int, seconds: float, bytes_a_ms: int) -> Iterator[list[str]]:
    """The ports of so many simulated devices, which live in another process until this ends."""
    import pty
    import tty

    with contextlib.ExitStack() as stack:
        masters, ports = [], []
        with contextlib.ExitStack() as childs:
            for _ in range(devices):
                master, slave = pty.openpty()
                childs.callback(os.close, master)
                stack.callback(os.close, slave)  # held open, so that the line never hangs up
                tty.setraw(slave)
                os.set_blocking(master, False)
                masters.append(master)
                ports.append(os.ttyname(slave))
            child = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.senders", f"{seconds}", f"{bytes_a_ms}"]
                + [str(master) for master in masters],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=masters,
                start_new_session=True,
            )
        stack.callback(_end, child)
        yield ports
        if child.poll() is not None:
            raise BenchmarkError(f"the simulated devices have ended: {_last_word(child)}")


def _watch(listeners: list[Listener], window_s: float) -> float:
    """CPU seconds of this process for a second of one device's audio, over so many seconds."""
    frames, cpu_ns = sum(each.frames for each in listeners), process_time_ns()
    sleep(window_s)
    cpu_ns = process_time_ns() - cpu_ns
    frames = sum(each.frames for each in listeners) - frames
    for listener in listeners:
        listener.check()
    if not frames:
        raise BenchmarkError(f"no frame came in {window_s:g} s from {len(listeners)} devices")
    return cpu_ns / 1e9 * RATE / frames


def _end(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    assert child.stderr is not None
    child.stdin.close()
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stderr.close()


def _last_word(child: subprocess.Popen[bytes]) -> str:
    assert child.stderr is not None
    said = child.stderr.read().decode(errors="replace").strip()
    return (said or "they said nothing").splitlines()[-1][:300]


def _row(setting: Setting, cost: float) -> Row:
    return Row(setting.name, {"cpu_ms": cost * 1e3, "devices": 1 / cost})


def _table(rows: tuple[Row, ...], notes: tuple[str, ...], limits: tuple[Limit, ...]) -> Table:
    columns = (
        Column("cpu_ms", "a second of one device", "ms CPU"),
        Column("devices", "devices a core", "", 0),
    )
    return Table("devices", "How many devices one core carries", columns, rows, notes, limits)
