# The links on a network, on a port and a clock of fakes. Prints "ok NAME" for each case.
import struct
import sys

from fakes import Clock
from network_fakes import GONE, NetPort, answer, frame, frames
from ossicle._wire import PACKET_MAX_BYTES, RECONNECT_MAX_MS, SILENCE_MS
from ossicle.links.away import Away
from ossicle.links.udp import UdpLink
from ossicle.links.websocket import DOWN, OPEN, WebSocketLink


class Rig:
    def __init__(self, link, stream):
        self.clock = Clock()
        self.port = NetPort(stream)
        self.link = link(self.port, self.clock)
        self.heard_ms = self.clock.ms()

    def tick(self, ms=0):
        self.clock.pass_ms(ms)
        self.link.tick(self.clock.ms(), self.heard_ms)

    def hear(self):
        self.heard_ms = self.clock.ms()

    def send(self, data):
        buf = bytearray(data) + bytearray(8)
        assert not self.link.busy()
        self.link.send(buf, len(data))

    def pump(self, n=20):
        return sum([self.link.pump() for _ in range(n)])


def udp():
    rig = Rig(UdpLink, False)
    rig.tick(1)
    assert rig.link.opened == 1 and not rig.link.busy()
    return rig


# Open, and the clock has gone on since: what is heard is heard after.
def ws(opened=True):
    rig = Rig(WebSocketLink, True)
    if opened:
        for _ in range(3):
            rig.tick(1)
        rig.port.waiting.append(answer(rig.port.take()))
        rig.tick(1)
        assert rig.link.state == OPEN and rig.link.opened == 1
        rig.tick(1)
        rig.hear()
        rig.tick(1)
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
    out = [ms for ms in range(3000) if away.due((top + ms) & 0x3FFFFFFF) and not away.lost((top + ms) & 0x3FFFFFFF)]
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
    rig = Rig(UdpLink, False)
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
    assert rig.port.sent == [b"abc" * 100] and rig.link.drained()


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
    assert got.count(good) == 95 and got.count(good[:8]) == 5, "18 in a piece, the next is cut"


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
    assert link.default_baud == link.baud() == link.max_baud() == link.bytes_per_s() == 0
    assert link.announces and link.rssi() == -50
    link.speed(9600)


# -- WebSocket: the opening ----------------------------------------------------------------


def case_ws_asks_as_the_rfc_wants():
    rig = ws(opened=False)
    rig.port.connects = 0
    rig.tick(1)
    rig.tick(1)
    assert rig.port.opens == 1 and not rig.port.sent
    rig.port.connects = 1
    rig.tick(1)
    rig.port.room = 10  # it leaves in pieces
    for _ in range(30):
        rig.tick(1)
    request = rig.port.take()
    assert request.startswith(b"GET /ossicle HTTP/1.1\r\nHost: host.local:4747\r\n"), request
    assert request.endswith(b"\r\n\r\n")
    for line in (
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Protocol: ossicle",
    ):
        assert b"\r\n" + line + b"\r\n" in request, line
    assert rig.link.busy() and rig.link.receive() == 0


# In pieces, with a frame right behind it.
def case_ws_opens_byte_by_byte():
    for piece in (1, 7, 255, 4000):
        rig = ws(opened=False)
        for _ in range(3):
            rig.tick(1)
        data = answer(rig.port.take()) + frame(b"hello") + frame(b"again")
        rig.port.waiting = [data[i : i + piece] for i in range(0, len(data), piece)]
        got = []
        for _ in range(2 * len(data)):
            rig.tick(1)
            n = rig.link.receive()
            if n:
                got.append(bytes(rig.link.packet[:n]))
        assert rig.link.state == OPEN and got == [b"hello", b"again"], (piece, got)


def refused(make):
    rig = ws(opened=False)
    for _ in range(3):
        rig.tick(1)
    rig.port.waiting.append(make(rig.port.take()))
    for _ in range(10):
        rig.tick(1)
        if rig.link.state == DOWN:
            break
    assert rig.link.state == DOWN and rig.port.closes == 1 and rig.link.opened == 0
    return rig.link._why


def case_ws_believes_no_other_answer():
    assert "404 Not Found" in refused(lambda r: b"HTTP/1.1 404 Not Found\r\n\r\n")
    assert "SSH" in refused(lambda r: b"SSH-2.0-OpenSSH\x1b[31m\r\n\r\n")
    assert "\x1b" not in refused(lambda r: b"SSH-2.0-OpenSSH\x1b[31m\r\n\r\n")
    assert "Accept" in refused(lambda r: answer(r, Sec_WebSocket_Accept=b"AAAA"))
    assert "Accept" in refused(lambda r: answer(r, Sec_WebSocket_Accept=None))
    assert "subprotocol" in refused(lambda r: answer(r, Sec_WebSocket_Protocol=b"chat"))
    assert "extensions" in refused(lambda r: answer(r, Sec_WebSocket_Extensions=b"permessage-deflate"))
    assert "no websocket" in refused(lambda r: answer(r, Upgrade=None))
    assert "no end" in refused(lambda r: b"HTTP/1.1 101 x\r\n" + b"a: b\r\n" * 300)


def case_ws_takes_an_answer_without_subprotocol():
    rig = ws(opened=False)
    for _ in range(3):
        rig.tick(1)
    rig.port.waiting.append(answer(rig.port.take(), Sec_WebSocket_Protocol=None, Upgrade=b"WebSocket"))
    rig.tick(1)
    assert rig.link.state == OPEN


def case_ws_gives_up_an_attempt():
    rig = ws(opened=False)
    rig.port.connects = 0
    for _ in range(1100):
        rig.tick(1)
    assert rig.port.closes == 1 and rig.port.opens == 1, (rig.port.closes, rig.port.opens)
    for _ in range(100):
        rig.tick(1)
    assert rig.port.opens == 2
    rig.port.connects = GONE
    rig.tick(1)
    assert rig.link.state == DOWN and rig.port.closes == 2


# W-55: the connection is cut for 1.5 s, and every attempt is refused at once.
def case_ws_is_back_in_time():
    rig = ws()
    rig.port.waiting.append(GONE)
    cut_ms = rig.clock.ms()
    rig.port.connects = GONE
    assert rig.link.receive() == 0 and rig.link.state == DOWN
    while rig.link.opened == 1:
        rig.tick(1)
        away_ms = rig.clock.ms() - cut_ms
        assert away_ms < 1700, away_ms
        if away_ms == 1500:
            rig.port.connects = 1
        if rig.port.sent:
            rig.port.waiting.append(answer(rig.port.take()))
    assert rig.clock.ms() - cut_ms > 1500
    news = rig.link.news()
    assert "refused" in news and "away for 1" in news, news
    assert rig.link.news() == ""


# -- WebSocket: frames ---------------------------------------------------------------------


def case_ws_masks_every_frame_anew():
    rig = ws()
    masks = set()
    for n in (0, 1, 125, 126, 127, 1044, PACKET_MAX_BYTES):
        data = bytes((i * 7 + n) & 255 for i in range(n))
        rig.send(data)
        rig.pump()
        got, rest = frames(rig.port.take())
        assert rest == b"" and len(got) == 1 and got[0][0] == 0x82 and got[0][2] == data, n
        masks.add(got[0][1])
    assert len(masks) == 7


# The packet's buffer is free once it was given: the link has a copy.
def case_ws_writes_in_pieces():
    rig = ws()
    rig.port.room = 100
    buf = bytearray(1000)
    rig.link.send(buf, 1000)
    for i in range(1000):
        buf[i] = 255
    assert rig.link.busy()
    rig.port.fail = 3
    rig.port.answer = 0
    assert rig.pump(3) == 0 and rig.pump() == 1008 and not rig.link.busy()
    got, rest = frames(rig.port.take())
    assert got[0][2] == bytes(1000) and rest == b""


def received(rig, *pieces):
    out = []
    rig.port.waiting += pieces
    for _ in range(2 * len(pieces) + 10):
        n = rig.link.receive()
        if n:
            out.append(bytes(rig.link.packet[:n]))
    return out


def case_ws_receives_however_it_is_cut():
    messages = [b"a", b"b" * 125, b"c" * 126, b"d" * 1000, b"e" * PACKET_MAX_BYTES]
    data = b"".join(frame(m) for m in messages)
    for piece in (1, 3, 256, 5000):
        rig = ws()
        got = received(rig, *[data[i : i + piece] for i in range(0, len(data), piece)])
        assert got == messages, (piece, [len(g) for g in got])
        assert rig.link.dropped == 0


def case_ws_answers_pings():
    rig = ws()
    assert received(rig, frame(b"beat", 0x89), frame(b"data")) == [b"data"]
    assert rig.link.busy(), "no packet comes before the pong"
    rig.pump()
    got, _ = frames(rig.port.take())
    assert [(k, p) for k, _, p in got] == [(0x8A, b"beat")]
    received(rig, frame(b"x" * 125, 0x89), frame(b"second", 0x89), frame(b"", 0x8A), frame(b"pong", 0x8A))
    rig.pump()
    got, _ = frames(rig.port.take())
    assert [(k, p) for k, _, p in got] == [(0x8A, b"x" * 125)] and rig.link.dropped == 0
    received(rig, frame(b"", 0x89))
    rig.pump()
    assert frames(rig.port.take())[0][0][2] == b""


# A ping's bytes come while the pong before it leaves: neither holds a byte of the other.
def case_ws_pings_do_not_mix():
    rig = ws()
    received(rig, frame(b"11111111", 0x89))
    second = frame(b"22222222", 0x89)
    received(rig, second[:5])
    rig.pump()
    received(rig, second[5:])
    rig.pump()
    got, _ = frames(rig.port.take())
    assert [p for _, _, p in got] == [b"11111111"], got


# A pong does not come into the middle of a packet.
def case_ws_pong_waits_for_the_packet():
    rig = ws()
    rig.port.room = 100
    rig.send(b"p" * 300)
    rig.pump(1)
    received(rig, frame(b"beat", 0x89))
    rig.pump()
    got, rest = frames(rig.port.take())
    assert [(k, p) for k, _, p in got] == [(0x82, b"p" * 300), (0x8A, b"beat")] and rest == b""


def case_ws_drops_text():
    rig = ws()
    assert received(rig, frame(b"text", 0x81), frame(b"", 0x82), frame(b"packet")) == [b"packet"]
    assert rig.link.dropped == 2 and rig.link.state == OPEN


def case_ws_answers_a_close():
    rig = ws()
    received(rig, frame(b"\x03\xe8", 0x88))
    assert rig.link.state == DOWN and rig.port.closes == 1
    assert frames(rig.port.take())[0][0][0] == 0x88


def case_ws_ends_what_breaks_the_rules():
    for bad in (
        frame(b"part", 0x02),  # a fragment
        frame(b"part", 0x80),  # its continuation
        frame(b"bit", 0xC2),  # a reserved bit
        frame(b"kind", 0x83),  # a reserved opcode
        frame(b"kind", 0x8B),
        b"\x82\x83abcdxyz",  # masked
        frame(b"long" * 400),  # above packet_max_bytes
        frame(b"long" * 20000),
        frame(b"p" * 126, 0x89),  # a control frame of more than 125 bytes
        b"\x82\x7e\x00\x05short",  # a length that is not the shortest
    ):
        rig = ws()
        assert received(rig, bad, frame(b"more")) == [] or len(bad) > 300, bad[:8]
        assert rig.link.state == DOWN and rig.link.dropped == 1 and rig.port.closes == 1, bad[:8]


def case_ws_ends_when_nothing_is_heard():
    rig = ws()
    rig.tick(SILENCE_MS - 10)
    assert rig.link.state == OPEN
    rig.tick(20)
    assert rig.link.state == DOWN
    rig.tick(1)
    assert rig.port.opens == 2, "the first attempt is at once"


def case_ws_ends_when_the_network_does():
    rig = ws()
    rig.send(b"abc")
    rig.port.is_up = False
    rig.tick(1)
    assert rig.link.state == DOWN and rig.link.busy() and rig.pump() == 0
    rig.tick(9000)
    rig.port.is_up = True
    rig.tick(1)
    assert rig.port.opens == 2, "and the first attempt is when it is back"


def case_ws_ends_when_a_write_breaks():
    rig = ws()
    rig.port.fail = 1
    rig.port.answer = GONE
    rig.send(b"abc")
    rig.pump()
    assert rig.link.state == DOWN and rig.link.busy()


# Pings without end do not hold the loop.
def case_ws_receive_is_bounded():
    rig = ws()
    rig.port.waiting = [frame(b"p" * 100, 0x89)] * 1000
    assert rig.link.receive() == 0
    assert len(rig.port.waiting) > 900


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
