# The link over UDP, and when a link is tried again, on a port and a clock of fakes. Prints
# "ok NAME" for each case.
import random
import struct
import sys

from network_fakes import NetRig
from ossicle._wire import RECONNECT_MAX_MS, SILENCE_MS
from ossicle.links.away import Away
from ossicle.links.udp import UdpLink


def udp():
    rig = NetRig(UdpLink, False)
    rig.tick(1)
    assert rig.link.opened == 1 and not rig.link.busy()
    return rig


# -- when to try again ---------------------------------------------------------------------


# Attempts, in ms since the link was lost, while each fails at once.
def attempts(for_ms, lost_ms=1000):
    away = Away()
    away.well()
    away.lost(lost_ms)
    out = []
    for ms in range(for_ms):
        if away.due(lost_ms + ms):
            out.append(ms)
            away.lost(lost_ms + ms)
    return out


def case_waits_grow_with_the_time_away():
    at = attempts(60000)
    assert at[:4] == [0, 100, 200, 300], at[:9]
    for i in range(1, len(at)):
        assert at[i] - at[i - 1] == min(max(100, at[i - 1] >> 3), RECONNECT_MAX_MS), at
    assert at[-1] - at[-2] == RECONNECT_MAX_MS


# Whenever in the outage it begins: back after at most nine eighths of it.
def case_a_short_outage_costs_little_more_than_itself():
    at = attempts(5000)
    for outage in range(100, 4000, 10):
        back = min([a for a in at if a >= outage])
        assert back <= max(outage + 100, outage * 9 // 8), (outage, back)
    assert min([a for a in at if a >= 1500]) < 1700


def case_away_wraps_with_the_clock():
    top = (1 << 30) - 500
    away = Away()
    away.well()
    away.lost(top)
    out = []
    for ms in range(3000):
        now_ms = (top + ms) & 0x3FFFFFFF
        if away.due(now_ms):
            out.append(ms)
            away.lost(now_ms)
    assert out == attempts(3000), out


# A host that takes connections and says nothing valid is not asked without a pause.
def case_open_is_not_well():
    away = Away()
    now = 5000
    opens = 0
    for _ in range(10000):
        now += 1
        if away.due(now):
            opens += 1
            away.opened(now)
            away.is_dead(now, now - 4000)
            away.lost(now)
    assert opens < 60, opens


def case_attempts_have_their_time():
    away = Away()
    away.lost(1000)
    assert not away.is_late(1999, 1000) and away.is_late(2000, 1000)
    assert not away.is_late(21000, 13000 + 1) and away.is_late(21000, 13000)


# -- UDP -----------------------------------------------------------------------------------


def case_udp_is_busy_while_there_is_no_network():
    rig = NetRig(UdpLink, False)
    rig.port.is_up = False
    rig.tick(1)
    assert rig.link.busy() and rig.port.opens == 0 and rig.link.receive() == 0
    rig.port.is_up = True
    rig.tick(1)
    assert not rig.link.busy() and rig.port.opens == 1
    rig.send(b"abc")
    rig.port.is_up = False
    rig.tick(1)
    assert rig.link.busy() and rig.pump() == 0, "what had not left is lost with the link"
    rig.port.is_up = True
    rig.tick(1)
    assert rig.link.opened == 2 and not rig.link.busy() and rig.pump() == 0


def case_udp_sends_whole_datagrams():
    rig = udp()
    rig.send(b"abc" * 100)
    assert rig.link.busy() and rig.pump() == 300 and not rig.link.busy()
    assert rig.port.sent == [b"abc" * 100] and not rig.link.busy()


# ENOMEM: the packet waits, is tried again after a while, and is given up at last.
def case_udp_waits_for_room():
    rig = udp()
    rig.port.fail = 5
    rig.send(b"abc")
    writes = 0
    for _ in range(100):
        before = rig.port.fail
        rig.pump(1)
        writes += before - rig.port.fail
        rig.clock.pass_ms(1)
        if not rig.link.busy():
            break
    assert writes == 5 and rig.port.sent == [b"abc"] and rig.link.dropped == 0
    assert 8 <= rig.clock.now_ms - 5001 <= 14, rig.clock.now_ms
    rig.port.fail = 1000
    rig.send(b"def")
    for _ in range(300):
        rig.pump(1)
        rig.clock.pass_ms(1)
    assert not rig.link.busy() and rig.link.dropped == 1 and rig.port.fail > 800


def said(kind, payload=b"", sealed=False, length=None):
    n = len(payload) if length is None else length
    head = struct.pack("<BBHIII", kind, 0x20 if sealed else 0, 7, n, 0, 9)
    return head + payload + (b"8bytetag" if sealed else b"crc4")


def all_received(rig, *datagrams):
    rig.port.waiting += datagrams
    out = []
    while True:
        n = rig.link.receive()
        if not n:
            return out
        out.append(bytes(rig.link.packet[:n]))


# Whatever came meanwhile is read in one piece.
def case_udp_finds_where_packets_end():
    packets = [
        said(0x14, b"12345678"),
        said(0x16),
        said(0x13, b"x" * 20, sealed=True),
        said(0x16, sealed=True),
        said(0x01, b"{}"),
        said(0x14, b"abcdefgh"),
    ]
    rig = udp()
    assert all_received(rig, *packets) == packets
    for one in packets:
        assert all_received(rig, one) == [one]
    whole = said(0x14, b"12345678", length=0)  # a host that tells no length sends one at a time
    assert all_received(rig, packets[0], whole) == [packets[0], whole]
    assert rig.link.dropped == 0


# What is no packet costs what came with it, and no more.
def case_udp_garbage_is_cut_off():
    rig = udp()
    good = said(0x14, b"12345678")
    for bad in (b"x", b"y" * 19, b"\xff" * 100, said(0x14, b"12345678", length=1344), b"\0" * 300):
        assert all_received(rig, good, bad) == [good, bad], bad
        assert all_received(rig, good) == [good]
    got = all_received(rig, *[good] * 100)
    assert got.count(good) == 93 and got.count(good[:20]) == 7, "13 in a piece, the next is cut"


# Whatever comes, nothing of it is lost or given twice, and none is longer than the buffer.
def case_udp_takes_anything():
    random.seed(5)
    rig = udp()
    for _ in range(300):
        come = []
        for _ in range(random.randint(1, 5)):
            head = bytes(random.getrandbits(3) for _ in range(16))
            come.append(head + bytes(random.getrandbits(8) for _ in range(random.getrandbits(5))))
        got = all_received(rig, *come)
        assert b"".join(got) == b"".join(come) and all(got)


# After an empty datagram lwIP's socket gives nothing any more.
def case_udp_opens_another_socket_after_an_empty_datagram():
    rig = udp()
    rig.hear()
    rig.tick(1)
    assert all_received(rig, b"") == [] and rig.link.dropped == 1 and rig.port.closes == 1
    assert rig.link.busy()
    for _ in range(101):
        rig.tick(1)
    assert rig.link.opened == 2 and all_received(rig, said(0x16)) == [said(0x16)]


# A name may have another address; nothing else is closed because nobody is heard.
def case_udp_looks_up_the_name_again():
    rig = udp()
    rig.tick(SILENCE_MS + 1)
    assert rig.port.closes == 0
    rig.port.old = True
    rig.tick(1)
    assert rig.port.closes == 1
    rig.port.refuse = True
    for _ in range(1000):
        rig.tick(1)
    assert 4 < rig.port.opens < 12
    rig.port.refuse = False
    rig.tick(200)
    assert rig.link.opened == 2
    rig.hear()
    rig.tick(5)
    assert not rig.link.busy()


def case_udp_has_no_speed():
    rig = udp()
    link = rig.link
    assert link.default_baud == 0 and link.announces and link.rssi() == -50


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
