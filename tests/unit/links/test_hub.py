"""Who is heard on a port: strangers, devices, and devices that move. No socket is open here."""

import time

import pytest
from simnet import hello, packet

from ossicle.errors import LinkError, SilentError
from ossicle.links import hub as hubs
from ossicle.links import peer as peers
from ossicle.links.hub import Claim, Hub
from ossicle.network import wait_for
from ossicle.opening import Wish
from ossicle.proto import _wire as wire
from ossicle.proto._wire import Flag, Kind
from ossicle.proto.request import StreamRequest


class FakeWay:
    """Keeps what is sent."""

    def __init__(self, name="way", trouble=""):
        self.name = name
        self.trouble = trouble
        self.sent = []

    def send(self, data):
        if not self.trouble:
            self.sent.append(data)
        return self.trouble


class Clock:
    """The time that links and hubs see."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    told = Clock()
    monkeypatch.setattr(hubs, "time", told)
    monkeypatch.setattr(peers, "time", told)
    return told


class Port:
    """A hub with ways by name, and a claim that takes whatever it is told to."""

    def __init__(self, wanted=lambda device: "", room=True):
        self.emptied = []
        self.hub = Hub("udp://here:1", "host", self.emptied.append)
        self.ways = {}
        self.links = []
        self.room = room
        self.claim = Claim(wanted, lambda: self.room, self.links.append)
        self.hub.claim(self.claim)

    def way(self, key):
        return self.ways.setdefault(key, FakeWay(str(key)))

    def came(self, key, data):
        return self.hub.came(key, data, self.way)


def test_a_device_gets_a_link_by_its_hello_and_its_packets_come_there(clock):
    port = Port()
    assert port.came("a", hello("one"))
    (link,) = port.links
    port.came("a", packet())
    assert link.read(0) == [hello("one"), packet()]
    assert link.read(0) == []
    assert link.device == "one"
    link.write(b"answer" * 4)
    assert port.ways["a"].sent == [b"answer" * 4]
    assert link.counts.came == 2
    assert link.counts.address == "a"


def test_each_device_has_a_link_of_its_own(clock):
    port = Port()
    for name in "abc":
        port.came(name, hello(name))
    for name in "abc":
        port.came(name, packet(size=ord(name) - 90))
    for link in port.links:
        assert [len(data) for data in link.read(0)][1:] == [20 + ord(link.device) - 90]


def test_strangers_are_counted_and_reach_nobody(clock):
    port = Port()
    port.came("a", hello("one"))
    assert not port.came("b", packet())
    assert not port.came("b", bytes(19))
    assert not port.came("b", bytes(wire.DATAGRAM_MAX_BYTES + 1))
    assert not port.came("b", hello("one")[:-1] + b"x")
    assert not port.came("b", hello(""))
    assert not port.came("b", hello("x" * 256))
    assert port.links[0].read(0) == [hello("one")]
    counts = port.hub.counts
    assert (counts.strangers, counts.misshapen) == (1, 5)


def test_a_flood_of_hellos_with_random_names_leaves_little_behind(clock):
    port = Port(wanted=lambda device: "no")
    for number in range(5000):
        port.came(number, hello(f"device {number}"))
    assert port.hub.counts.hellos_refused == 5000 - hubs._HELLOS_A_S
    assert len(port.hub.idle) == hubs._IDLE_MAX
    assert len(port.claim.passed) == hubs._REASONS_MAX
    assert port.links == []
    assert port.hub._paths == {}
    clock.now += 1
    assert port.came("late", hello("late"))


def test_a_known_device_is_heard_through_a_flood_of_hellos(clock):
    port = Port(wanted=lambda device: "" if device == "one" else "no")
    port.came("a", hello("one"))
    for number in range(1000):
        port.came(number, hello(f"device {number}"))
    port.came("a", hello("one"))
    port.came("a", packet())
    assert len(port.links[0].read(0)) == 3


def test_garbage_that_looks_like_hello_costs_no_other_its_turn(clock):
    port = Port()
    for _ in range(5000):
        port.came("x", bytes([Kind.HELLO]) + bytes(99))
    assert port.came("a", hello("one"))
    assert len(port.links) == 1
    assert port.hub.counts.misshapen == 5000


def test_what_nobody_reads_is_bounded_and_counted(clock):
    port = Port()
    port.came("a", hello("one"))
    for _ in range(peers.WAITING_MAX + 10):
        port.came("a", packet())
    link = port.links[0]
    assert link.counts.overrun == 11
    total = 0
    while items := link.read(0):
        assert len(items) <= 64
        total += len(items)
    assert total == peers.WAITING_MAX


def test_only_wanted_devices_get_a_link_and_the_reason_is_kept(clock):
    port = Port(wanted=lambda device: "" if device == "two" else "not that one")
    port.came("a", hello("one"))
    port.came("b", hello("two"))
    assert [link.device for link in port.links] == ["two"]
    assert [key for key, _ in port.hub.idle] == ["a"]
    port.hub.remember("b", port.way("b"))
    port.came("c", hello("two"))
    port.hub.remember("d", port.way("d"))
    port.came("d", hello("two"))
    assert [key for key, _ in port.hub.idle] == ["a", "b"]
    assert port.claim.passed == {"one": "not that one"}
    port.room = False
    port.links[0].close()
    port.came("b", hello("two"))
    assert len(port.links) == 1


# Devices that change address (W-53)


def streaming(clock):
    """A device "one" that streams from "a"."""
    port = Port()
    port.came("a", hello("one"))
    (link,) = port.links
    (data,) = link.read(0)
    link.believe(data)
    return port, link


def test_a_second_device_of_the_same_name_does_not_get_into_the_stream(clock):
    port, link = streaming(clock)
    port.came("b", hello("one"))
    port.came("b", packet())
    assert link.read(0) == []
    assert link.counts.astray == 2
    link.write(hello("host"))
    assert port.ways["b"].sent == []
    assert link.counts.address == "a"


def test_a_sealed_packet_that_opens_moves_the_stream_at_once(clock):
    port, link = streaming(clock)
    port.came("b", hello("one"))
    sealed = packet(flags=Flag.SEALED)
    port.came("b", sealed)
    (came,) = link.read(0)
    assert link.counts.address == "a"  # it may be anybody's until it is believed
    link.believe(came)
    assert (link.counts.address, link.counts.moves) == ("b", 1)
    link.write(packet(Kind.PONG))
    assert len(port.ways["b"].sent) == 1
    assert port.ways["a"].sent == []


def test_an_unsealed_stream_moves_when_the_old_address_is_silent(clock):
    port, link = streaming(clock)
    port.came("b", hello("one"))
    clock.now += wire.PATH_SILENT_MS / 1000
    port.came("b", packet())
    (came,) = link.read(0)
    link.believe(came)
    assert link.counts.address == "b"
    clock.now += 0.5
    port.came("a", packet())  # the old one speaks again, too late
    assert link.read(0) == []


def test_what_was_read_before_the_address_in_use_spoke_again_moves_nothing(clock):
    port, link = streaming(clock)
    port.came("b", hello("one"))
    clock.now += 2
    port.came("a", packet())
    port.came("b", packet())
    first, second = link.read(0)
    link.believe(first)
    link.believe(second)
    assert link.counts.address == "a"


def test_a_device_that_is_looked_for_is_greeted_on_all_its_paths_but_commanded_on_one(clock):
    port, link = streaming(clock)
    clock.now += 2
    for key in "bcdefg":
        clock.now += 0.01
        port.came(key, hello("one"))
    link.write(hello("host"))
    assert [key for key, way in port.ways.items() if way.sent] == ["a", "e", "f", "g"]
    link.write(packet(Kind.START))
    assert [key for key, way in port.ways.items() if len(way.sent) > 1] == ["a"]
    assert len(port.hub._paths) == 4


def test_a_known_address_with_another_name_takes_no_stream_over(clock):
    port, link = streaming(clock)
    assert not port.came("a", hello("two"))
    assert link.read(0) == []
    clock.now += 2
    port.came("a", hello("two"))
    assert [each.device for each in port.links] == ["one", "two"]
    link.write(packet())
    assert port.ways["a"].sent == []
    assert link.counts.unsent == 1
    assert "closed" in link.trouble


def test_a_connection_that_ends_makes_room_for_the_next_at_once(clock):
    port, link = streaming(clock)
    port.hub.gone("a")
    link.write(packet())
    assert link.counts.unsent == 1
    port.came("b", hello("one"))
    port.came("b", packet())
    assert len(link.read(0)) == 2
    link.write(packet())
    assert len(port.ways["b"].sent) == 1
    assert link.trouble == ""


def test_why_nothing_goes_out_is_kept(clock):
    port, link = streaming(clock)
    port.ways["a"].trouble = "Network is unreachable"
    link.write(packet())
    assert (link.trouble, link.counts.unsent) == ("Network is unreachable", 1)


# Finding out who somebody is


def test_a_device_that_streams_to_a_host_that_is_no_more_is_asked_who_it_is(clock):
    port = Port()
    for _ in range(5):
        port.came("a", packet(Kind.AUDIO))
        port.came("b", packet(Kind.AUDIO, flags=Flag.SEALED))
    assert [len(port.ways[key].sent) for key in "ab"] == [1, 1]
    assert port.ways["a"].sent[0][0] == Kind.HELLO
    clock.now += 0.3
    port.came("a", packet(Kind.AUDIO))
    assert len(port.ways["a"].sent) == 2
    assert port.hub.counts.asked == 3


def test_garbage_is_asked_nothing_and_nobody_is_where_nobody_waits(clock):
    port = Port()
    port.came("a", bytes([Kind.AUDIO, 0]) + bytes(60))
    port.came("a", packet(Kind.ACK))
    port.hub.unclaim(port.claim)
    port.came("a", packet())
    assert port.ways == {}


def test_a_stranger_is_asked_while_a_device_is_silent(clock):
    """It may be the same one behind another address: then its stream goes on there at once."""
    port, _ = streaming(clock)
    port.hub.unclaim(port.claim)
    port.came("b", packet(flags=Flag.SEALED))
    assert "b" not in port.ways
    clock.now += wire.PATH_SILENT_MS / 1000
    port.came("b", packet(flags=Flag.SEALED))
    assert [data[0] for data in port.ways["b"].sent] == [Kind.HELLO]


def test_questions_are_bounded(clock):
    port = Port()
    for number in range(1000):
        port.came(number, packet())
    assert port.hub.counts.asked == hubs._QUESTIONS_A_S
    assert len(port.hub._asked) <= hubs._ASKED_MAX


def test_a_device_whose_link_was_closed_is_asked_when_it_is_wanted_again(clock):
    port, link = streaming(clock)
    link.close()
    link.close()
    assert not port.hub.is_open("one")
    port.hub.claim(Claim(lambda device: "", lambda: True, port.links.append))
    assert [data[0] for data in port.ways["a"].sent] == [Kind.HELLO]
    with pytest.raises(LinkError, match="closed"):
        link.read(0)
    port.came("a", hello("one"))
    assert len(port.links) == 2


def test_the_last_who_releases_a_hub_closes_it(clock):
    port, link = streaming(clock)
    port.hub.release()
    assert port.emptied == []
    link.close()
    assert port.emptied == [port.hub]


def test_in_the_child_of_a_fork_every_link_has_ended(clock):
    port, link = streaming(clock)
    port.hub.abandon()
    with pytest.raises(LinkError):
        link.read(0)
    link.close()
    port.hub.release()
    assert port.emptied == []


def test_waiting_ends_when_the_link_is_closed():
    port = Port()
    port.came("a", hello("one"))
    (link,) = port.links
    link.read(0)
    from threading import Timer

    timer = Timer(0.05, link.close)
    timer.start()
    began = time.monotonic()
    with pytest.raises(LinkError):
        link.read(20)
    assert time.monotonic() - began < 10
    timer.join()


# Waiting for one


def wish(seconds):
    return Wish(StreamRequest(), 0, seconds)


def test_whoever_is_known_is_asked_again_and_again():
    hub = Hub("udp://here:1", "host", lambda hub: None)
    way = FakeWay()
    hub.remember("a", way)
    with pytest.raises(SilentError):
        wait_for(hub, None, wish(0.7))
    assert len(way.sent) >= 2


def test_a_device_that_comes_too_late_is_not_kept():
    port = Port(room=False)

    def diagnose():
        port.came("a", hello("one"))
        return "the board has ended"

    with pytest.raises(LinkError, match="the board has ended"):
        wait_for(port.hub, None, wish(5), diagnose)
    assert not port.hub.is_open("one")
    assert [key for key, _ in port.hub.idle] == ["a"]
