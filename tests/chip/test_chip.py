"""What the emulated chip has beside files: resets and what outlives them, memory, the cable, the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from onchip import Remote

from ossicle.chip import KINDS, Chip
from ossicle.errors import LinkError
from ossicle.micropython import find

BITES = "import machine\nw = machine.WDT(timeout={})\nprint('on')\n"


def gone(pid: int) -> bool:
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_what_the_rtc_keeps_outlives_resets_but_no_power_cycle(chip: Chip, remote: Remote) -> None:
    ask = ("exec", "import machine\nprint(machine.RTC().memory(), machine.reset_cause())")
    remote("exec", "import machine\nmachine.RTC().memory(b'kept')")
    assert remote(*ask) == "b'kept' 5\n"
    remote.run("exec", "--no-follow", "import machine\nmachine.reset()")
    chip.wait("SW_CPU_RESET")
    assert remote("resume", *ask) == "b'kept' 2\n"
    chip.power_cycle()
    assert remote("resume", *ask) == "b'' 1\n"


def test_deep_sleep_ends(chip: Chip, remote: Remote) -> None:
    remote.run("exec", "--no-follow", "import machine\nmachine.deepsleep(50)")
    chip.wait("DEEPSLEEP_RESET")
    assert chip.boots[-1] == 4


def test_the_watchdog_bites_what_hangs_and_the_repl_too(chip: Chip, remote: Remote, files: Path) -> None:
    (files / "main.py").write_text(BITES.format(250) + "while machine.reset_cause() != 3: pass\n")
    chip.reset()
    chip.wait("task_wdt")
    assert "main.py" not in chip.said  # no exception is raised
    (files / "main.py").write_text("")
    bites = chip.boots.count(3)
    remote("exec", BITES.format(250))
    deadline = time.monotonic() + 20
    while chip.boots.count(3) == bites and time.monotonic() < deadline:
        time.sleep(0.01)
    assert chip.boots.count(3) == bites + 1


def test_the_watchdog_is_fed_and_made_patient(chip: Chip, remote: Remote) -> None:
    feeds = "for i in range(40):\n w.feed()\n time.sleep_ms(20)\n"
    said = remote(
        "exec", "import time\n" + BITES.format(400) + feeds + "machine.WDT(timeout=100000)\nprint('fed')"
    )
    assert said == "on\nfed\n"
    time.sleep(0.6)
    assert 3 not in chip.boots


def test_timers_call_back(remote: Remote) -> None:
    said = remote(
        "exec",
        "import machine, time\nn = []\nt = machine.Timer(0, period=5, callback=lambda t: n.append(t.id))\n"
        "while len(n) < 3: time.sleep_ms(1)\n"
        "t.deinit()\nprint(n[:3], machine.freq(), len(machine.unique_id()))",
    )
    assert said == "[0, 0, 0] 160000000 6\n"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_kinds_have_their_heap_and_name(kind: str, tmp_path: Path) -> None:
    ask = (
        "import gc, os, sys\ngc.collect()\n"
        "print(gc.mem_free(), os.uname().machine)\nprint(sys.implementation[2])"
    )
    bits = find().bits // 32
    with Chip(kind, files=tmp_path, pace=False) as chip:
        free, machine = Remote(chip)("exec", ask).split("\n", 1)
        assert abs(int(free.split()[0]) - bits * KINDS[kind].heap) < 4096 * bits
        assert machine.strip() == KINDS[kind].machine == free.split(" ", 1)[1]
    with Chip(kind, files=tmp_path, pace=False, heap=100 * 1024) as chip:
        assert abs(int(Remote(chip)("exec", ask).split()[0]) - bits * 100 * 1024) < 4096 * bits


def test_a_cable_is_pulled_and_put_in(files: Path, tmp_path: Path) -> None:
    with Chip(files=files, pace=False, link=tmp_path / "tty") as chip:
        remote = Remote(chip)
        assert chip.port == str(tmp_path / "tty")
        with open(os.open(chip.port, os.O_RDWR | os.O_NOCTTY), "r+b", buffering=0) as held:
            chip.unplug()
            assert not held.read(1)
        assert chip.pid is None
        assert remote.run("exec", "1").returncode == 1
        chip.plug()
        assert remote("exec", "import machine\nprint(machine.RTC().memory())") == "b''\n"
        assert chip.boots[:2] == [1, 1]


def test_power_may_come_from_elsewhere(chip: Chip, remote: Remote) -> None:
    pid = chip.pid
    chip.unplug(powered=True)
    chip.plug()
    assert chip.pid == pid
    assert remote("resume", "exec", "print(1)") == "1\n"


def test_nothing_is_left_however_it_ends(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom ossicle.chip import Chip\n"
        "chip = Chip(files=sys.argv[1]); chip.start(); print(chip.pid, flush=True); time.sleep(60)\n"
    )
    (tmp_path / "main.py").write_text("while True: pass\n")
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        assert not gone_now(pid)
        started.send_signal(signal.SIGKILL)
        started.wait()
        assert gone(pid)


def gone_now(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_stop_ends_it_and_may_be_repeated(files: Path) -> None:
    chip = Chip(files=files)
    chip.start()
    pid = chip.pid
    assert pid is not None
    chip.stop()
    chip.stop()
    assert gone_now(pid)
    with pytest.raises(LinkError):
        chip.reset()


def test_a_crash_of_micropython_is_a_reset_that_is_counted(chip: Chip) -> None:
    assert chip.pid is not None
    os.kill(chip.pid, signal.SIGSEGV)
    deadline = time.monotonic() + 20
    while chip.crashes == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (chip.crashes, chip.boots) == (1, [1, 2])


def test_what_cannot_start_is_told(files: Path) -> None:
    with pytest.raises(LinkError, match="ended with code 1: TypeError"):
        Chip(files=files, troubles={"files": 5}).start()


def test_a_process_without_streams_of_its_own_has_a_chip(tmp_path: Path) -> None:
    """The numbers 0 to 2 are the child's own; nothing of the supervisor's may have them there."""
    program = (
        "import os, sys\nout = os.dup(1)\nfor n in range(3): os.close(n)\nfrom ossicle.chip import Chip\n"
        "with Chip(files=sys.argv[1], pace=False) as chip: os.write(out, chip.wait('>>> ').encode())\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, timeout=60)
    assert b"Generic ESP32" in done.stdout
