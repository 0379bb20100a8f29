"""Devices on UDP and WebSocket, from their HELLO to every sample. Simulated devices, real sockets."""

import json
import signal
import socket
import threading
import time
from random import Random

import pytest
from simnet import (
    HERE,
    LATE_S,
    Faults,
    UdpEnd,
    collect,
    device,
    exact,
    fleet,
    free_port,
    hello,
    packet,
    until,
    url,
)

import ossicle
from ossicle.cli.commands import app
from ossicle.discover import callers
from ossicle.errors import KeyMissingError, LinkError, SilentError, UrlError
from ossicle.proto._wire import Flag, Kind

RATE = 16000
KINDS = pytest.mark.parametrize("kind", ["udp", "ws"])


@pytest.fixture
def free():
    """A port that nobody has."""
    return free_port()


@KINDS
def test_every_sample_of_a_device_comes(kind, free):
    with fleet(device(kind, free, length=RATE // 2)), ossicle.open(url(kind, free)) as mic:
        assert mic.device == "one"
        assert exact(mic.events()) == (RATE // 2, [])
        network = mic.stats.network
        assert (network.moves, network.overrun, network.unsent) == (0, 0, 0)


@KINDS
def test_the_same_for_asyncio(kind, free):
    import asyncio

    async def hear():
        async with ossicle.connect(url(kind, free)) as mic:
            return sum([len(block) async for block in mic.blocks()])

    with fleet(device(kind, free, length=RATE // 2)):
        assert asyncio.run(hear()) == RATE // 2


def test_a_device_is_taken_by_its_id(free):
    with (
        fleet(*(device("udp", free, name, length=RATE // 2, shift=n * 99) for n, name in enumerate("abc"))),
        ossicle.open(url("udp", free, "&device=b")) as mic,
    ):
        assert exact(mic.events(), 99) == (RATE // 2, [])
        with pytest.raises(LinkError, match="b is open already in this program"):
            ossicle.open(url("udp", free, "&device=b"))
        with ossicle.open(url("udp", free, "&device=c")) as other:
            assert exact(other.events(), 2 * 99) == (RATE // 2, [])


@KINDS
def test_closed_and_opened_again_at_once(kind, free):
    """The device has just heard a host, and says no HELLO for seconds: it is asked."""
    with fleet(device(kind, free, waits=True, length=RATE * 1000)):
        for _ in range(3):
            began = time.monotonic()
            with ossicle.open(url(kind, free)) as mic:
                assert mic.read(100).start == 0
            assert time.monotonic() - began < 2.5


@KINDS
def test_who_calls_is_listed_and_nothing_is_started(kind, free, ossicle_in_process):
    one, two = device(kind, free, "one"), device(kind, free, "two & more")
    with fleet(one, two):
        first, second = ossicle_in_process("devices", "--url", f"{kind}://{HERE}:{free}", "--timeout", "0.5")
        assert (first["event"], first["device"], first["problem"]) == ("port", "one", None)
        assert first["description"].startswith(HERE)
        assert second["url"] == f"{kind}://{HERE}:{free}?device=two%20%26%20more"
        assert one.fields is two.fields is None
        with ossicle.open(f"{second['url']}&plain=1") as mic:
            assert mic.device == "two & more"


def test_where_nobody_calls_that_is_said(free, ossicle_in_process):
    (row,) = ossicle_in_process("devices", "--url", f"udp://{HERE}:{free}", "--timeout", "0.1")
    assert row["event"] == "note"
    assert row["text"].startswith(f"no device called at udp://{HERE}:{free} in 0.1 s; ossicle logs PORT")
    with pytest.raises(UrlError, match="devices call on"):
        callers("/dev/ttyUSB0")


@pytest.fixture
def ossicle_in_process(capsys):
    """Runs a command, and gives its rows."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            app([*words, "--json"])
        assert not ended.value.code
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


# What is said when there is none


@KINDS
def test_where_no_device_is_the_port_is_named(kind, free):
    with pytest.raises(SilentError, match=f"{kind}://{HERE}:{free}: no device has said HELLO.*README: Wi-Fi"):
        ossicle.open(url(kind, free), timeout=0.2)


def test_where_another_device_is_it_is_named(free):
    with fleet(device("udp", free, "other")), pytest.raises(SilentError, match=r"one has not said.*: other"):
        ossicle.open(url("udp", free, "&device=one"), timeout=0.4)


def test_a_port_in_use_is_told(free):
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind((HERE, free))
        with pytest.raises(LinkError, match=f"port {free} is in use"):
            ossicle.open(url("udp", free))


@KINDS
def test_ctrl_c_while_waiting_leaves_the_port_free(kind, free):
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        ossicle.open(url(kind, free), timeout=LATE_S)
    timer.join()
    with socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as other:
        other.bind((HERE, free))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ossicle ")]


def test_sealed_is_the_default_and_needs_keys(free, tmp_path, monkeypatch):
    monkeypatch.setenv("OSSICLE_KEYS", str(tmp_path / "keys.toml"))
    for call in (ossicle.open, ossicle.serve):
        with pytest.raises(KeyMissingError, match=r"no key.*ossicle config PORT set key=new makes one"):
            call(f"udp://{HERE}:{free}")
    with pytest.raises(KeyMissingError, match="no key for one"):
        ossicle.open(f"udp://{HERE}:{free}?device=one", keys={"two": bytes(16)})
    with fleet(device("udp", free)), pytest.raises(KeyMissingError, match="no key for one"):
        ossicle.open(f"udp://{HERE}:{free}", keys={"two": bytes(16)}, timeout=0.4)
    with pytest.raises(ValueError, match="exclude"):
        ossicle.open("/dev/null?sealed=1", plain=True)


def test_a_device_without_a_key_is_not_heard_unsealed(free):
    """A host that means to seal starts nothing with a device that cannot."""
    simulated = device("udp", free)
    with fleet(simulated), pytest.raises(ossicle.OssicleError) as caught:
        ossicle.open(f"udp://{HERE}:{free}", keys={"one": bytes(range(16))}, timeout=0.5)
    assert bytes(range(16)).hex() not in str(caught.value)
    assert simulated.fields is None


# Troubles on the way


def test_nothing_is_lost_on_a_bad_network(free):
    bad = Faults(5, drop=0.1, corrupt=0.02, reorder=0.05, repeat=0.02)
    with fleet(device("udp", free, faults=bad, length=RATE)), ossicle.open(url("udp", free)) as mic:
        assert exact(mic.events()) == (RATE, [])


def test_an_outage_within_the_ring_loses_nothing(free):
    simulated = device("udp", free, length=3 * RATE // 2)
    with fleet(simulated), ossicle.open(url("udp", free)) as mic:
        heard = collect(mic)
        until(lambda: mic.stats.link.host.frames > RATE // 4)
        simulated.mute = True
        time.sleep(0.8)
        simulated.mute = False
        assert exact(heard()) == (3 * RATE // 2, [])


def test_a_device_that_comes_back_at_another_address_goes_on(free):
    """Its old socket is gone, so it hears nothing, falls silent, and says HELLO from the new one."""
    simulated = device("udp", free, ring=16 * RATE, length=4 * RATE)
    with fleet(simulated), ossicle.open(url("udp", free)) as mic:
        heard = collect(mic)
        until(lambda: mic.stats.link.host.frames > RATE // 4)
        old, simulated.end = simulated.end, UdpEnd((HERE, free))
        assert exact(heard()) == (4 * RATE, [])
        assert mic.stats.network.moves == 1
        old.close()


def test_a_connection_that_breaks_is_opened_anew_and_nothing_is_lost(free):
    simulated = device("ws", free, length=RATE)
    with fleet(simulated) as running, ossicle.open(url("ws", free)) as mic:
        heard = collect(mic)
        until(lambda: mic.stats.link.host.frames > RATE // 4)
        running.between(simulated.end.cut)
        assert exact(heard()) == (RATE, [])
        assert mic.stats.network.moves == 1
        assert mic.stats.link.host.silences == 0


def test_a_host_that_takes_over_from_one_that_was_killed_need_not_wait_for_hello(free):
    """The device still streams to a host that is no more: it is asked who it is."""
    simulated = device("udp", free, length=60 * RATE)
    with fleet(simulated), ossicle.open(url("udp", free)) as mic:
        mic.read(RATE // 2)
        resume = mic.resume()
        abandon(mic)
        began = time.monotonic()
        with ossicle.open(url("udp", free), resume=resume) as again:
            assert time.monotonic() - began < 1.5
            first = again.read(1600)
            assert (first.start, first.gaps) == (resume.position, ())


def abandon(mic):
    """What SIGKILL leaves of a host: nothing is said, and what comes is for a closed port."""
    from ossicle.links import ports

    mic._pump._stopping = True
    mic._pump._thread.join()
    for hub, _ in list(ports._ports._open.values()):
        hub.drop()
        ports._ports._close(hub)
    ports._ports._remembered.clear()


def test_two_devices_of_one_name_do_not_mix(free):
    one = device("udp", free, length=RATE)
    two = device("udp", free, length=RATE, shift=12345, seed=9)
    with fleet(one) as running, ossicle.open(url("udp", free)) as mic:
        heard = collect(mic)
        until(lambda: mic.stats.link.host.frames > RATE // 4)
        running.add(two)
        assert exact(heard()) == (RATE, [])
        assert mic.stats.network.astray > 0
        assert two.fields is None


def test_garbage_at_ten_megabytes_a_second_disturbs_nobody(free):
    stop = threading.Event()
    sent = []

    def flood():
        rng = Random(1)
        rubbish = [rng.randbytes(1400) for _ in range(64)]
        rubbish += [
            packet(Kind.AUDIO),
            packet(Kind.AUDIO, flags=Flag.SEALED),
            hello("one"),
            hello("two"),
            b"",
        ]
        began = time.monotonic()
        total = 0
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            while not stop.is_set():
                for data in rubbish:
                    stranger.sendto(data, (HERE, free))
                    total += len(data)
                time.sleep(max(0.0, total / 10e6 - (time.monotonic() - began)))
        sent.append(total / (time.monotonic() - began))

    with fleet(device("udp", free, length=RATE)), ossicle.open(url("udp", free)) as mic:
        thread = threading.Thread(target=flood)
        thread.start()
        try:
            assert exact(mic.events()) == (RATE, [])
        finally:
            stop.set()
            thread.join()
        assert mic.device == "one"
        assert mic.stats.network.moves == 0
