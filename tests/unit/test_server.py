"""`ossicle.serve`: every device that appears, each with its own stream. Simulated devices, real sockets."""

import re
import socket
import threading
from pathlib import Path

import pytest
from simnet import HERE, LATE_S, Faults, collect, device, exact, fleet, free_port, until, url

import ossicle
from ossicle.errors import LinkError, SilentError, UrlError
from ossicle.proto import events as ev
from ossicle.server import Server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "wifi.md"
RATE = 16000
KINDS = pytest.mark.parametrize("kind", ["udp", "ws"])


@pytest.fixture
def free():
    """A port that nobody has."""
    return free_port()


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.soak)])
@KINDS
def test_twenty_devices_nothing_lost_nothing_crossed(kind, seconds):
    with ossicle.serve(f"{kind}://{HERE}:0", plain=True) as server:
        devices = [
            device(
                kind,
                server.port,
                f"device {n}",
                seed=n,
                shift=n * 1_000_003,
                length=seconds * RATE,
                faults=Faults(n, drop=0.1, corrupt=0.02, reorder=0.05, repeat=0.02),
            )
            for n in range(20)
        ]
        with fleet(*devices):
            mics = [server.accept(LATE_S) for _ in devices]
            waits = [collect(mic) for mic in mics]
            for mic, wait in zip(mics, waits, strict=True):
                shift = int(mic.device.split()[1]) * 1_000_003
                assert exact(wait(), shift) == (seconds * RATE, [])
            assert len({mic.device for mic in mics}) == 20
            for mic in mics:
                mic.close()
        assert server.stats.accepted == 20


def test_a_server_hands_out_devices_as_they_appear_and_again_when_they_return(free):
    simulated = device("udp", free, waits=True, length=RATE * 1000)
    with ossicle.serve(url("udp", free)) as server:
        with pytest.raises(TimeoutError, match=r"no device appeared in 0\.1 s"):
            server.accept(0.1)
        with fleet(simulated):
            for mic in server:
                with mic:
                    assert mic.read(100).start == 0
                if server.stats.accepted == 2:
                    break
    with pytest.raises(LinkError, match="closed"):
        server.accept(0.1)
    assert list(server) == []


def test_closing_a_server_leaves_accepted_microphones_and_ends_the_others(free):
    devices = {name: device("udp", free, name, length=2 * RATE) for name in "ab"}
    with fleet(*devices.values()):
        server = ossicle.serve(url("udp", free))
        mic = server.accept(LATE_S)
        (other,) = set(devices) - {mic.device}
        until(lambda: server.stats.ready == 1)
        server.close()
        until(lambda: devices[other].ended)
        assert exact(mic.events()) == (2 * RATE, [])
        mic.close()
    assert devices[other].stopped_at is not None
    with socket.socket(type=socket.SOCK_DGRAM) as again:
        again.bind((HERE, free))


def test_a_server_tells_which_device_could_not_be_had(free):
    with (
        fleet(device("udp", free, "broken", microphone=False)),
        ossicle.serve(url("udp", free)) as server,
        pytest.raises(TimeoutError, match="broken: the device refused"),
    ):
        server.accept(0.8)
    assert server.stats.failed >= 1


def test_what_a_server_is_not():
    with pytest.raises(UrlError, match="udp://HOST:PORT or ws"):
        ossicle.serve("/dev/ttyUSB0")
    with pytest.raises(ValueError, match="backlog"):
        ossicle.serve(f"udp://{HERE}:0", plain=True, backlog=0)


def test_the_server_that_the_page_shows_runs(free, tmp_path, monkeypatch):
    (code,) = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert '"udp://0.0.0.0:4747"' in code
    code = code.replace('"udp://0.0.0.0:4747"', f'"{url("udp", free)}"')
    heard = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ossicle.Microphone, "segments", lambda mic: heard.append(mic.device) or [])
    monkeypatch.setattr(Server, "__next__", two_devices)
    with fleet(device("udp", free, "a"), device("udp", free, "b")):
        exec(compile(code, "wifi.md", "exec"), {})
        until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("ossicle ")])
    assert sorted(heard) == ["a", "b"]


def two_devices(server):
    if server.stats.accepted == 2:
        raise StopIteration
    return server.accept(LATE_S)


def test_a_device_that_falls_silent_ends_its_microphone_and_may_return(free):
    simulated = device("udp", free, length=60 * RATE)
    with ossicle.serve(url("udp", free), timeout=0.7) as server, fleet(simulated):
        mic = server.accept(LATE_S)
        simulated.mute = True
        with pytest.raises(SilentError):
            list(mic.events())
        simulated.mute = False
        with server.accept(LATE_S) as again:
            assert isinstance(next(iter(again.events())), ev.Event)
        mic.close()
