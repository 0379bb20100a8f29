"""Many devices in one process, in real time, all of them archived: `run` gives what it took.

    python tests/many.py        a task comes as JSON on stdin, the figures go to stdout

The devices are simulated, in a process of their own, behind pseudo-terminals. This process is the host alone.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import time
from typing import Any


def run(**task: Any) -> dict[str, Any]:
    """`devices`, `seconds` of audio and the archive's `settings`."""
    done = subprocess.run(
        [sys.executable, __file__], input=json.dumps(task), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _resident_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def _heard(task: dict[str, Any]) -> dict[str, Any]:
    from ossicle.archive.settings import load
    from ossicle.bench.devices import simulated
    from ossicle.links.serial import SerialLink
    from ossicle.microphone import Microphone
    from ossicle.proto.receiver import Receiver
    from ossicle.sinks.archive import Archive

    resident: list[float] = []
    with contextlib.ExitStack() as stack:
        archive = Archive(load(**task["settings"]), lenient=True)
        stack.callback(archive.close, 20)
        ports = stack.enter_context(simulated(task["devices"], task["seconds"] + 30, 0))
        microphones = []
        for port in ports:
            link = SerialLink(port)
            microphones.append(Microphone(link, Receiver(baud=link.baud), timeout=20, hang_up=True))
            microphones[-1].start()
            stack.callback(microphones[-1].close)
            archive.follow(microphones[-1])
        end = time.monotonic() + task["seconds"]
        while time.monotonic() < end:
            time.sleep(0.2)
            resident.append(_resident_mb())
        stats = archive.stats()
        gaps = sum(microphone.stats.link.host.gaps for microphone in microphones)
        used = resource.getrusage(resource.RUSAGE_SELF)
    after = archive.stats().counts
    return {
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "resident_mb": max(resident),
        "cpu_share": (used.ru_utime + used.ru_stime) / task["seconds"],
        "memory": [stream.memory for stream in stats.streams],
        "peak": [stream.peak for stream in stats.streams],
        "lost_frames": after.lost_frames + after.dropped_frames,
        "uploaded": after.uploaded,
        "failed": after.failed,
        "gaps": gaps,
    }


def main() -> None:
    print(json.dumps(_heard(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
