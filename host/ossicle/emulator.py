"""The emulated board: the real firmware on MicroPython's unix port, its microphone fed from a recording.

Its I2S plays a file of 32-bit slots, its serial port is a pty. Nothing is left
behind: the slots and the settings are files without a name, which the child
gets as descriptors, and the child ends when the other end of its lifeline is
closed, whatever closed it.

Ctrl-C reaches the user's program only: the child has a session of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ossicle import micropython as finder
from ossicle import recording
from ossicle.errors import LinkError
from ossicle.paths import data_folder
from ossicle.pattern import Pattern
from ossicle.proto._wire import DEFAULT_PORT, KEY_MAX_BYTES

OUTPUT_MAX_BYTES = 65536  # of what the child says, the last so many are kept
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 3.0
LINKS = ("serial", "udp", "ws")
READY = "ossicle: the board is up"  # printed by boards/unix.py

# A slot holds the file's 16-bit sample in its upper half.
IDENTITY: Mapping[str, Any] = {"shift": 16, "dc_blocker": False}  # gives the file's samples back
REAL: Mapping[str, Any] = {}  # the firmware's defaults, as for a microphone


class Emulator:
    """One emulated board.

    `source` is a recording that soundfile reads, a Pattern, or RawSlots. `speed` is "realtime" or "max" (flat
    out). `channels` and `rate` (Hz) are those of the microphone; None takes the source's. `conversion`
    "identity" makes the firmware hand on the file's samples as they are, "real" converts as for a microphone;
    slots are `int16 << 16` either way. `stalls` are pairs of frames (where, how long) in which it does not
    get to fetch audio. `pace` holds the link to its baud rate and garbles bytes at the wrong one; None
    means in real time. `ibuf` is the I2S buffer in bytes, `config` goes over the firmware's configuration,
    `lost_callbacks` are the numbers of I2S callbacks that never come. Into the file `record` the board puts
    what it captured and when (`boards/unix_shims/record.py`). `report` is called with a line of text
    when starting takes a while. `heapsize` is 164 K as on an ESP32 without Wi-Fi, and 52 K for what only the
    emulation has: the shims, and firmware that is compiled where it runs.

    `troubles` go over the settings of its peripherals (`boards/unix_shims/emulation.py`), such as
    `wifi_outages`, pairs of milliseconds (when, for how long) without Wi-Fi.

    `link` "udp" or "ws" has it speak to `host`:`host_port` in place of its serial port. There it seals with
    `key`, one of its own unless one is given, or, if it is `plain`, with none. On a serial line it has a key
    only if one is given. Its id is a hash of the name `device`, or `config`'s own `device` as it stands.

    Raises SourceError when the recording cannot be played, LinkError when the board does not come up.
    """

    def __init__(
        self,
        source: str | Path | Pattern | recording.RawSlots,
        *,
        speed: str = "realtime",
        channels: int | None = None,
        rate: int | None = None,
        conversion: str = "identity",
        stalls: Sequence[tuple[int, int]] = (),
        pace: bool | None = None,
        ibuf: int = 40960,
        heapsize: str = "216K",
        device: str | None = None,
        micropython: str | None = None,
        config: Mapping[str, Any] | None = None,
        lost_callbacks: Sequence[int] = (),
        report: Callable[[str], object] | None = None,
        record: IO[bytes] | None = None,
        link: str = "serial",
        host: str = "127.0.0.1",
        host_port: int = DEFAULT_PORT,
        key: bytes | None = None,
        plain: bool = False,
        troubles: Mapping[str, Any] | None = None,
    ) -> None:
        if link not in LINKS:
            raise ValueError(f"link is {', '.join(LINKS)}, not {link!r}")
        if speed not in ("realtime", "max"):
            raise ValueError(f"speed is realtime or max, not {speed!r}")
        if conversion not in ("identity", "real"):
            raise ValueError(f"conversion is identity or real, not {conversion!r}")
        self.notes: list[str] = []  # what was done to the recording, and what this MicroPython cannot check
        self._micropython = micropython
        self._report = report or self.notes.append
        self._heapsize = heapsize
        self._pace = speed == "realtime" if pace is None else pace
        self._record = record
        self._output = b""
        self._ready = threading.Event()
        self._lifeline = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.ExitStack() as stack:
            with above_streams():
                self._slots: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())
            if isinstance(source, Pattern):
                played = recording.Slots(source.rate, source.channels, source.frames, ())
            elif isinstance(source, recording.RawSlots):
                played = source.write(self._slots)
            else:
                played = recording.write_slots(Path(source), self._slots, channels=channels, rate=rate)
            self._open = stack.pop_all()
        self.notes += played.notes
        self.rate = played.rate
        self.channels = played.channels
        self.frames = played.frames
        self._place = f"{link}://{host}:{host_port}"
        self._network = link != "serial"
        self.key = key or (secrets.token_bytes(KEY_MAX_BYTES) if self._network and not plain else None)
        name = device or (secrets.token_hex(3) if self._network else "")
        said = hashlib.sha256((name or "emulator").encode()).digest()[:6].hex()  # as the shim says
        self.device = str((config or {}).get("device") or said)
        linked: dict[str, Any] = {"link": link, "key": self.key.hex() if self.key is not None else ""}
        if self._network:
            linked |= {"ssid": "emulated", "host": host, "port": host_port, "plain": plain}
        self._settings: dict[str, Any] = {
            "rate": self.rate,
            "channels": self.channels,
            "speed": speed,
            "pace": self._pace,
            "ibuf": ibuf,
            "stalls": [list(stall) for stall in stalls],
            "lost_callbacks": list(lost_callbacks),
            "pattern": [source.frames, source.key] if isinstance(source, Pattern) else [],
            "device": name,
            "config": {**(IDENTITY if conversion == "identity" else REAL), **linked, **(config or {})},
            **(troubles or {}),
        }

    def start(self) -> None:
        """Start the firmware and return when its port is open."""
        if self._process is not None:
            raise RuntimeError("this emulator has been started before")
        command = self._command()
        import pty  # not on Windows
        import termios
        import tty

        with contextlib.ExitStack() as childs:
            childs.enter_context(above_streams())
            master, self._slave = pty.openpty()
            self._open.callback(os.close, self._slave)  # held open, so that the line never hangs up
            childs.callback(os.close, master)
            tty.setraw(self._slave)
            attributes = termios.tcgetattr(self._slave)
            attributes[4] = attributes[5] = termios.B115200
            termios.tcsetattr(self._slave, termios.TCSANOW, attributes)
            os.set_blocking(master, False)
            self.port = os.ttyname(self._slave)
            lifeline, held = os.pipe()
            childs.callback(os.close, lifeline)
            self._lifeline.callback(os.close, held)
            self._held = held
            os.set_blocking(lifeline, False)
            slots = self._slots.fileno()
            settings = childs.enter_context(tempfile.TemporaryFile())
            given = [master, lifeline, slots, settings.fileno()]
            text = {**self._settings, "fd": master, "lifeline": lifeline, "slots": f"/dev/fd/{slots}"}
            if self._record is not None:
                text["record"] = self._record.fileno()
                given.append(self._record.fileno())
            settings.write(json.dumps(text).encode())
            settings.flush()
            firmware = data_folder("firmware")
            self._process = subprocess.Popen(
                [*command, str(firmware / "main.py")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={
                    **os.environ,
                    "MICROPYPATH": f"{firmware / 'boards/unix_shims'}:{firmware}:.frozen",
                    "OSSICLE_EMULATOR": f"/dev/fd/{settings.fileno()}",
                },
                pass_fds=given,
                start_new_session=True,
            )
            self._reader = threading.Thread(target=self._listen, name="ossicle-emulator", daemon=True)
            self._reader.start()
            self._await_ready()

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
        heapsize = self._heapsize
        if found.note:
            self.notes.append(found.note)
            # Each object takes twice the room.
            heapsize = f"{2 * int(heapsize[:-1])}{heapsize[-1]}" if heapsize[-1].isalpha() else heapsize
        return [*found.command, "-X", f"heapsize={heapsize}"]

    def _listen(self) -> None:
        """Keep the last of what the child says."""
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as output:
            while data := os.read(output.fileno(), 4096):
                self._output = (self._output + data)[-OUTPUT_MAX_BYTES:]
                if READY.encode() in self._output:
                    self._ready.set()
        self._ready.set()

    def _await_ready(self) -> None:
        self._ready.wait(START_TIMEOUT_S)
        if READY.encode() not in self._output:
            self.stop()
            last = (self.stderr.strip() or "it said nothing").splitlines()[-1]
            raise LinkError(f"the emulated board did not come up: {last[:300]}", self.port)

    def ask_heap(self) -> None:
        """Have the board collect its garbage and put the heap in use into the `record`, in 0.1 s or so."""
        if self.pid is not None:
            os.write(self._held, b"h")

    @property
    def url(self) -> str:
        """What `ossicle.open` has to be given, and `key` where there is one."""
        if not self._network:
            return f"serial://{self.port}"
        return f"{self._place}?device={self.device}" + ("" if self.key is not None else "&plain=1")

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process is not None and self.returncode is None else None

    @property
    def returncode(self) -> int | None:
        """The child's exit code, or None while it runs (or was never started)."""
        return None if self._process is None else self._process.poll()

    @property
    def stderr(self) -> str:
        """What the child said, without the line that it is up: empty when all is well."""
        return self._output.decode(errors="replace").replace(READY + "\n", "", 1)

    @property
    def failure(self) -> str | None:
        """One line when the child has ended and should not have, else None."""
        code = self.returncode
        if code is None or code == 0:
            return None
        last = (self.stderr.strip() or "it said nothing").splitlines()[-1]
        return f"the emulated board ended with code {code}: {last[:300]}"

    def stop(self) -> int:
        """End the child, wait for it, give everything back. Returns its exit code; harmless when repeated."""
        self._lifeline.close()
        code = 0
        if self._process is not None:
            try:
                code = self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                code = self._process.wait()
            self._reader.join(STOP_TIMEOUT_S)
        self._open.close()
        return code

    def __enter__(self) -> Emulator:
        if self._process is None:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextlib.contextmanager
def above_streams() -> Iterator[None]:
    """What is opened in here gets none of the numbers 0 to 2, which in the child are its own streams."""
    with contextlib.ExitStack() as stack:
        number = -1
        while number < 2:
            number = os.open(os.devnull, os.O_RDWR)
            stack.callback(os.close, number)
        yield
