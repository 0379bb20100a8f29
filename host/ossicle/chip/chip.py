"""The emulated chip: MicroPython as on an ESP32, behind a serial port that mpremote works on.

    with Chip("esp32", files=folder, source="speech.wav") as chip:
        subprocess.run(["mpremote", "connect", chip.port, "fs", "ls"])
        chip.reset()            # the EN button
        chip.power_cycle()      # also forgets what RTC memory held
        chip.unplug(); chip.plug()

`files` is the chip's file system: /boot.py and /main.py in it run as on a chip, with `sys.platform` "esp32"
and the modules machine, network, socket and esp32 of `firmware/boards/unix_shims`. A thread of this process
relays the bytes and starts MicroPython anew for each reset; nothing outlives this process, however it ends.

What is emulated, and what is not: docs/chip.md.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from .. import micropython as finder
from .. import recording
from ..emulator import above_streams
from ..errors import LinkError
from ..pattern import Pattern
from .child import SPARE
from .kinds import KIB, KINDS
from .line import Line
from .supervisor import PWRON, Supervisor

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
TASK_TIMEOUT_S = 20.0
BOOT_PY = b"# This file is executed on every boot (including wake-boot from deepsleep)\n"
HEARS_NOTHING = Pattern(frames=2**28)  # what the microphone plays where there is no source


class Chip:
    """One emulated chip on its board.

    `kind` is one of KINDS. `files` is the folder that is its file system; where it is empty it gets the
    boot.py that a chip makes itself. `source` is a recording that soundfile reads or a Pattern: what I2S
    plays, at its own rate. `usb` "bridge" has a USB-UART chip on UART0, whose speed counts, "jtag" the
    chip's own USB; None is what is common for the kind. `pace` False lets bytes pass at any speed, at once.
    `heap` is what gc.mem_free() gives at boot, in bytes; None is the kind's. `device` is a name of which
    the chip's unique id is a hash. `link` is a path at which a symbolic link to the port is kept, so that
    it has one name when it is plugged in again. `troubles` go over the settings of its peripherals
    (`boards/unix_shims/emulation.py`).

    Raises SourceError when the recording cannot be played, LinkError when the chip does not start.
    """

    def __init__(
        self,
        kind: str = "esp32",
        *,
        files: str | Path,
        source: str | Path | Pattern | None = None,
        usb: str | None = None,
        pace: bool = True,
        heap: int | None = None,
        device: str = "",
        link: Path | None = None,
        micropython: str | None = None,
        troubles: Mapping[str, Any] | None = None,
        report: Callable[[str], object] | None = None,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, not {kind!r}")
        self.kind = KINDS[kind]
        self._usb = usb or self.kind.usb
        if self._usb not in ("bridge", "jtag"):
            raise ValueError(f"usb is bridge or jtag, not {usb!r}")
        self.files = Path(files).resolve()
        self.notes: list[str] = []  # what was done to the recording, and what this MicroPython cannot check
        self._pace = pace
        self._link = link
        self._micropython = micropython
        self._report = report or self.notes.append
        self._open = contextlib.ExitStack()
        self._slots: IO[bytes] | None = None
        self._thread: threading.Thread | None = None
        source = HEARS_NOTHING if source is None else source
        if isinstance(source, Pattern):
            self.rate, self.channels = source.rate, source.channels
        else:
            with contextlib.ExitStack() as stack:
                with above_streams():
                    self._slots = stack.enter_context(tempfile.TemporaryFile())
                played = recording.write_slots(Path(source), self._slots)
                self._open = stack.pop_all()
            self.notes += played.notes
            self.rate, self.channels = played.rate, played.channels
        self._settings: dict[str, Any] = {
            "rate": self.rate,
            "channels": self.channels,
            "speed": "realtime",
            "endless": True,
            "pace": pace,
            "pattern": [source.frames, source.key] if isinstance(source, Pattern) else [],
            "device": device,
            "files": str(self.files),
            "heap": heap or self.kind.heap,
            "blocks": self.kind.blocks,
            "pins": self.kind.pins,
            "machine": self.kind.machine,
            "build": "2025-04-15",
            "uart0_repl": self._usb == "bridge",
            "idf_free": 80 * KIB,
            **(troubles or {}),
        }

    def start(self) -> None:
        """Switch it on; returns when MicroPython runs. What boot.py and main.py do comes after."""
        if self._thread is not None:
            raise RuntimeError("this chip has been started before")
        self.files.mkdir(parents=True, exist_ok=True)
        if not any(self.files.iterdir()):
            (self.files / "boot.py").write_bytes(BOOT_PY)
        command = self._command()
        line = self._plugged()
        self._supervisor = Supervisor(self.kind, command, self._settings, self._slots, line)
        self._thread = threading.Thread(target=self._supervisor.run, name="ossicle-chip", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._supervisor.is_up:
            if self._supervisor.failure or time.monotonic() > deadline:
                self.stop()
                raise LinkError(self._supervisor.failure or "the emulated chip did not start", self._port)
            time.sleep(0.002)

    def _command(self) -> list[str]:
        if self._micropython is not None:
            found, why = finder.probe(self._micropython, "the caller")
            if found is None:
                raise LinkError(why)
        else:
            try:
                found = finder.find(report=self._report)
            except finder.MicroPythonMissing as error:
                raise LinkError(str(error)) from None
        if found.note:
            self.notes.append(found.note)
            self._settings["heap"] *= 2  # each object takes twice the room
        return [*found.command, "-X", f"heapsize={self._settings['heap'] // KIB + SPARE}K"]

    def _plugged(self) -> Line:
        line = Line(self._usb, self._pace)
        self._port = line.name
        if self._link is not None:
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(line.name)
        return line

    # ---- what a person can do

    def _do(self, task: Callable[[], None]) -> None:
        """In the supervisor's thread, and wait until it has."""
        if self._thread is None or not self._thread.is_alive():
            raise LinkError(self.failure or "the emulated chip does not run", self._port)
        done = threading.Event()

        def act() -> None:
            task()
            done.set()

        self._supervisor.post(act)
        if not done.wait(TASK_TIMEOUT_S):
            raise LinkError("the emulated chip does not answer", self._port)

    def reset(self) -> None:
        """The EN button: as a power-on."""
        self._do(lambda: self._supervisor.boot(PWRON))

    def power_cycle(self) -> None:
        """Off and on again, with the cable in: the port stays, RTC memory does not."""
        self._do(self._supervisor.off)
        self._do(lambda: self._supervisor.boot(PWRON))

    def unplug(self, *, powered: bool = False) -> None:
        """Pull the cable: the port is gone, and so is the power unless it is `powered` from elsewhere."""
        self._do(lambda: self._supervisor.unplug(powered))
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    def plug(self) -> None:
        """Put the cable in again. `port` may have another name than before."""
        line = self._plugged()
        self._do(lambda: self._supervisor.plug(line))

    # ---- what can be known

    @property
    def port(self) -> str:
        """The serial port, for mpremote and for `ossicle.open`."""
        return self._port if self._link is None else str(self._link)

    @property
    def url(self) -> str:
        """What `ossicle.open` has to be given where the firmware streams over the serial port."""
        return f"serial://{self.port}"

    @property
    def said(self) -> str:
        """What went to the console (UART0 or USB), heard or not: the last 64 KiB."""
        return self._supervisor.said.decode(errors="replace")

    @property
    def boots(self) -> list[int]:
        """The causes of all starts, as machine.reset_cause() gives them.

        1 is power-on, 2 machine.reset(), 3 the watchdog, 4 deep sleep, 5 a soft reset.
        """
        return list(self._supervisor.boots)

    @property
    def crashes(self) -> int:
        """How often MicroPython itself has ended; each is also a boot by cause 2."""
        return self._supervisor.crashes

    @property
    def bytes_in(self) -> int:
        """Bytes from the host to the chip since the cable was put in."""
        line = self._supervisor.line
        return line.bytes_in if line is not None else 0

    @property
    def bytes_out(self) -> int:
        """Bytes from the chip to the host since the cable was put in; not those that were lost."""
        line = self._supervisor.line
        return line.bytes_out if line is not None else 0

    @property
    def lost_in(self) -> int:
        """Bytes from the host that no buffer had room for, or nobody listened to."""
        return self._supervisor.lost_in

    @property
    def lost_out(self) -> int:
        """Bytes for the host that it did not take in time, or did not listen to."""
        line = self._supervisor.line
        return line.lost_bytes if line is not None else 0

    @property
    def garbled(self) -> int:
        """Bytes that passed at different speeds of both ends."""
        line = self._supervisor.line
        return line.garbled_bytes if line is not None else 0

    @property
    def pid(self) -> int | None:
        """MicroPython's process id; None while there is none. Each reset has another one."""
        return self._supervisor.pid

    @property
    def failure(self) -> str | None:
        """One line when the emulation itself has failed, else None."""
        return self._supervisor.failure

    def wait(self, text: str, timeout_s: float = 20.0) -> str:
        """Wait until the console has said `text`; returns all it said. TimeoutError with the last of it."""
        deadline = time.monotonic() + timeout_s
        while text not in self.said:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the chip did not say {text!r}: {self.said[-500:]!r}")
            time.sleep(0.005)
        return self.said

    def stop(self) -> None:
        """Switch it off and give everything back; harmless when repeated."""
        if self._thread is not None and self._thread.is_alive():
            self._supervisor.stop()
            self._thread.join(STOP_TIMEOUT_S)
        if self._link is not None:
            self._link.unlink(missing_ok=True)
        self._open.close()

    def __enter__(self) -> Chip:
        if self._thread is None:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
