"""The benchmark of many devices: it hears them all, notices what is missing, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import ossicle
from ossicle.bench import bare, devices
from ossicle.bench.devices import Listener, Setting, simulated
from ossicle.bench.figures import Effort
from ossicle.bench.source import BenchmarkError, Source, speech
from ossicle.proto.events import Audio, Ended
from ossicle.proto.framing import SerialFraming


def test_the_table():
    table = devices.run(Effort(quick=True))
    settings, bare_devices = devices.choose(quick=True)
    alone, *rest = table.rows
    assert alone.name.startswith(f"{bare_devices} devices, packets to segments")
    assert [row.name for row in rest] == [setting.name for setting in settings]
    for row in table.rows:
        assert row.values["cpu_ms"] > 0
        assert row.values["devices"] == pytest.approx(1000 / row.values["cpu_ms"])
    (limit,) = table.limits
    assert (limit.bound, limit.at_most) == (200, False)
    assert limit.value == pytest.approx(alone.values["devices"])


def test_the_thorough_one_hears_as_many_as_it_says():
    settings, bare_devices = devices.choose(quick=False)
    assert bare_devices == 96
    assert {setting.devices for setting in settings} == {8, 32, 96}
    assert len({setting.name for setting in settings}) == len(settings)


def test_without_ports_every_segment_is_found_and_a_wrong_one_is_noticed(monkeypatch):
    assert bare.measure(2, speech(4), "energy", 1) > 0
    monkeypatch.setattr(bare, "find_segments", lambda frames, rate, vad: [])
    with pytest.raises(BenchmarkError, match="segments"):
        bare.measure(2, speech(4), "energy", 1)


@pytest.mark.parametrize("bytes_a_ms", [0, 92])
def test_a_simulated_device_sends_the_speech_to_the_end(bytes_a_ms):
    with (
        simulated(1, 0.7, bytes_a_ms) as (port,),
        ossicle.open(port, timeout=20) as microphone,
    ):
        events = list(microphone.events())
    heard = np.concatenate([event.frames for event in events if isinstance(event, Audio)])
    assert np.array_equal(heard, speech(0.7))
    assert Ended(len(heard)) in events


def test_every_segment_is_found_and_a_wrong_one_is_noticed():
    with simulated(1, 1.8, 0) as (port,):
        listener = Listener(port, listens=True)
        try:
            listener.opened()
            listener.finish()
        finally:
            listener.microphone.close()
    whole = speech(1.8)
    assert listener.frames == len(whole)
    assert listener.segments
    devices.check(listener, whole, True)
    with pytest.raises(BenchmarkError, match="not the work"):
        devices.check(listener, np.zeros_like(whole), True)
    listener.segments = listener.segments[1:]
    with pytest.raises(BenchmarkError, match="not the work"):
        devices.check(listener, whole, True)


def test_the_stream_ends_where_it_is_stopped():
    source = Source(speech(1.0), SerialFraming())
    whole = source.last
    for sequence in range(5):
        source.chunk(sequence)
    source._stop(None, 0.0)
    assert whole > source.last == 5
    assert len(source.chunk(5)) < 30


@pytest.fixture
def children(monkeypatch):
    """The processes that were started."""
    started = []
    popen = subprocess.Popen

    def spawn(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(devices.subprocess, "Popen", spawn)
    return started


def test_nothing_is_left_when_it_is_interrupted(monkeypatch, children):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(devices, "_watch", interrupt)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyboardInterrupt):
        devices.measure(Setting("x", 2), 0.1)
    (child,) = children
    assert child.returncode == 0
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_devices_end_with_whoever_started_them():
    code = (
        "import sys, time\n"
        "from ossicle.bench import devices\n"
        "popen = devices.subprocess.Popen\n"
        "def spawn(*a, **k):\n"
        "    child = popen(*a, **k)\n"
        "    print(child.pid, flush=True)\n"
        "    return child\n"
        "devices.subprocess.Popen = spawn\n"
        "with devices.simulated(1, 5, 0):\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 20
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(pid)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_devices_that_fail_are_told(monkeypatch, children):
    monkeypatch.setattr(devices.sys, "executable", "/bin/false")
    with pytest.raises(BenchmarkError, match="have ended"), simulated(1, 1, 0):
        children[0].wait(20)
