"""Ports: shared, given back, and what is said where one cannot be had. Real sockets on this machine."""

import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from simnet import WebSocketEnd, hello, packet
from websockets.exceptions import ConnectionClosed, InvalidStatus, NegotiationError, WebSocketException
from websockets.sync.client import connect

from ossicle.errors import LinkError
from ossicle.links import ports
from ossicle.links.hub import Claim
from ossicle.proto._wire import PACKET_MAX_BYTES

HERE = "127.0.0.1"
KINDS = pytest.mark.parametrize("kind", ["udp", "ws"])
LATE_S = 20.0


@pytest.fixture
def listen():
    """`ports.listen`, with all released at the end."""
    held = []

    def listens(kind, host=HERE, number=0):
        hub = ports.listen(kind, host, number, "test")
        held.append(hub)
        return hub

    yield listens
    for hub in held:
        hub.drop()
        ports._ports._close(hub)
    assert not [thread for thread in threading.enumerate() if thread.name == "ossicle sockets"]


def number_of(hub):
    return int(hub.url.rpartition(":")[2])


def until(predicate):
    stop = time.monotonic() + LATE_S
    while not predicate():
        assert time.monotonic() < stop
        time.sleep(0.005)


def claimed(hub):
    links = []
    hub.claim(Claim(lambda device: "", lambda: True, links.append))
    return links


@KINDS
def test_whoever_asks_for_an_open_port_shares_it_and_the_last_gives_it_back(kind, listen):
    hub = listen(kind)
    number = number_of(hub)
    assert ports.listen(kind, HERE, number, "test") is hub
    hub.release()
    assert ports.listen(kind, HERE, number, "test") is hub
    hub.release()
    ports._ports._close(hub)  # as by one who released it just before another held it
    assert ports.listen(kind, HERE, number, "test") is hub
    hub.release()
    hub.release()
    again = listen(kind, HERE, number)
    assert again is not hub


@KINDS
def test_a_port_in_use_is_named(kind, listen):
    sort = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, sort) as other:
        other.bind((HERE, 0))
        if kind == "ws":
            other.listen()
        number = other.getsockname()[1]
        with pytest.raises(LinkError, match=f"{kind}://{HERE}:{number}: port {number} is in use") as caught:
            listen(kind, HERE, number)
    assert "\n" not in str(caught.value)
    listen(kind, HERE, number)


@KINDS
def test_an_address_that_is_not_ours_is_told(kind, listen):
    with pytest.raises(LinkError, match=r"192\.0\.2\.1 is no address of this machine; 0\.0\.0\.0"):
        listen(kind, "192.0.2.1")
    with pytest.raises(LinkError, match=r"nowhere\.invalid is not known"):
        listen(kind, "nowhere.invalid")


def test_a_name_with_both_is_heard_by_ipv4_first(listen, monkeypatch):
    def resolve(host, number, **more):
        return [
            (family, more["type"], 0, "", (address, number))
            for family, address in [(socket.AF_INET6, "::1"), (socket.AF_INET, HERE)]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert ports._resolve("udp://both:1", "both", 1, "udp") == (socket.AF_INET, (HERE, 1))


def test_no_permission_says_which_ports_are_free_to_take():
    said = ports._explain("udp://h:80", "h", 80, PermissionError(13, "Permission denied"))
    assert said == "udp://h:80: port 80 is not open to you; take one above 1023"
    assert "no such network" in ports._explain("udp://[::1]:1", "::1", 1, OSError(97, "x"))
    assert "cannot be opened (odd)" in ports._explain("udp://h:1", "h", 1, OSError(5, "odd"))


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as end:
            end.bind(("::1", 0))
    except OSError:
        return False
    return True


@KINDS
@pytest.mark.parametrize("host", ["::1", "::"])
def test_ipv6_and_on_all_addresses_ipv4_as_well(kind, host, listen):
    if not has_ipv6():
        with pytest.raises(LinkError, match=r"no such network|no address"):
            listen(kind, "::1")
        return
    hub = listen(kind, host)
    assert hub.url == f"{kind}://[{host}]:{number_of(hub)}"
    links = claimed(hub)
    for number, place in enumerate(["::1"] if host == "::1" else ["::1", HERE]):
        end = say_hello(kind, place, number_of(hub), f"device {number}")
        until(lambda n=number: len(links) > n)
        assert "]:" in links[number].counts.address
        if end is not None:
            end.close()


def say_hello(kind, host, number, device):
    if kind == "udp":
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as device_end:
            device_end.sendto(hello(device), (host, number))
        return None
    end = WebSocketEnd((host, number))
    end.get()
    end.put(hello(device))
    return end


# WebSocket only


def dial(hub, path="/ossicle", **more):
    options = {"subprotocols": ["ossicle"], "compression": None, "open_timeout": 5, "close_timeout": 0.2}
    return connect(f"{hub.url}{path}", **{**options, **more})


def test_only_the_path_the_subprotocol_and_no_browser_get_in(listen):
    hub = listen("ws")
    with pytest.raises(InvalidStatus, match="404"):
        dial(hub, "/other")
    with pytest.raises((InvalidStatus, NegotiationError)):
        dial(hub, subprotocols=["chat"])
    with pytest.raises(InvalidStatus, match="403"):
        dial(hub, origin="http://evil.example")
    with dial(hub) as good:
        assert good.subprotocol == "ossicle"


def test_text_is_counted_and_too_long_a_message_ends_the_connection(listen):
    hub = listen("ws")
    links = claimed(hub)
    with dial(hub) as device:
        device.send(hello("one"))
        device.send("text")
        device.send(packet())
        until(lambda: links and links[0].counts.came == 2)
        assert hub.counts.misshapen == 1
        device.send(bytes(PACKET_MAX_BYTES + 1))
        with pytest.raises(ConnectionClosed):
            device.recv(timeout=LATE_S)
        until(lambda: links[0].counts.address == "")


def test_a_stranger_who_talks_rubbish_is_shown_out(listen):
    hub = listen("ws")
    with dial(hub) as stranger:
        for _ in range(17):
            stranger.send(bytes(100))
        with pytest.raises(ConnectionClosed):
            stranger.recv(timeout=LATE_S)
    assert hub.counts.strangers + hub.counts.misshapen >= 16


def test_connections_are_bounded_and_strangers_keep_no_device_away(listen, monkeypatch):
    from ossicle.links import websocket

    monkeypatch.setattr(websocket, "_CONNECTIONS_MAX", 3)
    hub = listen("ws")
    links = claimed(hub)
    with dial(hub) as first, dial(hub) as second, dial(hub) as third:
        first.send(hello("one"))
        until(lambda: len(links) == 1)
        with dial(hub) as fourth:  # in the place of the oldest stranger
            with pytest.raises(ConnectionClosed):
                second.recv(timeout=LATE_S)
            fourth.send(hello("two"))
            third.send(hello("three"))
            until(lambda: len(links) == 3)
            assert not can_dial(hub)
            first.send(packet())
            until(lambda: links[0].counts.came == 2)
        until(lambda: can_dial(hub))


def test_a_stranger_who_pings_and_goes_writes_nothing_to_the_log(listen, caplog):
    hub = listen("ws")
    ping = bytes([0x89, 0x80 | 125]) + bytes(4 + 125)
    for _ in range(5):
        with dial(hub) as stranger:
            stranger.socket.sendall(ping * 4000)
            stranger.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stranger.socket.close()  # the rest of the answers has nowhere to go
    until(lambda: can_dial(hub))
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def can_dial(hub):
    try:
        with dial(hub):
            return True
    except (OSError, WebSocketException, EOFError):
        return False


def test_a_half_open_connection_is_noticed_within_three_seconds(listen):
    """A device that went away without a word: nothing more comes, and no ping is answered."""
    hub = listen("ws")
    links = claimed(hub)
    with socket.create_connection((HERE, number_of(hub))) as device:
        device.sendall(
            b"GET /ossicle HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Protocol: ossicle\r\n\r\n"
        )
        assert b" 101 " in device.recv(4096)
        said = hello("one")
        device.sendall(bytes([0x82, 0x80 | 126]) + len(said).to_bytes(2, "big") + bytes(4) + said)
        until(lambda: links and links[0].counts.address)
        began = time.monotonic()
        until(lambda: links[0].counts.address == "")
        assert time.monotonic() - began < 3.0


def test_a_device_that_takes_nothing_costs_a_bounded_queue(listen):
    hub = listen("ws")
    links = claimed(hub)
    with dial(hub) as device:
        device.send(hello("one"))
        until(lambda: links)
        big = bytes(1300)
        until(lambda: [links[0].write(big) for _ in range(500)] and links[0].trouble)
    assert "takes nothing" in links[0].trouble
    assert links[0].counts.unsent > 0


# The process


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@KINDS
def test_a_program_that_closes_nothing_ends_by_itself_and_quietly(kind):
    run(f"from ossicle.links import ports; ports.listen({kind!r}, '127.0.0.1', 0, 'x')")


@KINDS
def test_a_child_by_fork_has_ports_of_its_own(kind):
    said = run(f"""
import os, warnings
warnings.simplefilter("ignore")
from ossicle.errors import LinkError
from ossicle.links import ports
from ossicle.links.hub import Claim
hub = ports.listen({kind!r}, "127.0.0.1", 0, "x")
number = int(hub.url.rpartition(":")[2])
wait, done = os.pipe()
told, tell = os.pipe()
child = os.fork()
if not child:
    hub.release()
    try:
        ports.listen({kind!r}, "127.0.0.1", number, "x")
    except LinkError:
        print("in-use", flush=True)
    other = ports.listen({kind!r}, "127.0.0.1", 0, "x")
    other.release()
    print("released", flush=True)
    os.write(tell, b"x")
    os.close(done)
    os.read(wait, 1)
    os._exit(0)
os.read(told, 1)
hub.release()
ports.listen({kind!r}, "127.0.0.1", number, "x").release()
print("again", flush=True)
os.close(done)
os.waitpid(child, 0)
""")
    assert sorted(said) == ["again", "in-use", "released"]
