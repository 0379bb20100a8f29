# The link over a WebSocket, on a port and a clock of fakes. Prints "ok NAME" for each case.
import gc
import random
import sys

from network_fakes import GONE, NetRig, answer, frame, frames
from ossicle._wire import PACKET_MAX_BYTES, SILENCE_MS
from ossicle.links.handshake import shown
from ossicle.links.websocket import DOWN, OPEN, WebSocketLink


# Open, and the clock has gone on since: what is heard is heard after.
def ws(opened=True):
    rig = NetRig(WebSocketLink, True)
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


# Whoever answers may say another thing each time, for years.
def case_ws_what_others_say_stays_nowhere():
    said = [bytes(range(at, min(at + 50, 256))) for at in range(0, 256, 50)]
    gc.collect()
    before = gc.mem_alloc()
    for line in said:
        shown(line)
    gc.collect()
    assert gc.mem_alloc() < before + 200, gc.mem_alloc() - before  # what the stack still holds
    assert shown(b"a\x1b~\x7f\xff") == "a?~??" and len(shown(bytes(100))) == 60


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


# The frame is made in the packet's own buffer.
def case_ws_writes_in_pieces():
    rig = ws()
    rig.port.room = 100
    rig.link.send(bytearray(1008), 1000)
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
    messages = [b"a", b"b" * 125, b"c" * 126, b"d" * 300, b"e" * 768]
    too_long = [b"f" * 769, b"g" * PACKET_MAX_BYTES]  # no packet of a host is
    data = b"".join(frame(m) for m in messages + too_long + messages)
    for piece in (1, 3, 256, 5000):
        rig = ws()
        got = received(rig, *[data[i : i + piece] for i in range(0, len(data), piece)])
        assert got == messages * 2, (piece, [len(g) for g in got])
        assert rig.link.dropped == 2


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


# Whatever comes: a packet, a message that is dropped, or the end of the connection.
def case_ws_takes_anything():
    random.seed(4)
    for _ in range(300):
        rig = ws()
        data = bytearray()
        while len(data) < 600:
            one = bytearray(frame(bytes(random.getrandbits(8) for _ in range(random.getrandbits(7)))))
            if random.getrandbits(2) == 0:
                one[random.getrandbits(8) % len(one)] ^= 1 << random.getrandbits(2)
            data += one
        got = received(rig, *[bytes(data[i : i + 50]) for i in range(0, len(data), 50)])
        rig.pump()
        assert all([0 < len(g) <= 768 for g in got]) and rig.link.state in (DOWN, OPEN)
        assert rig.link.state == OPEN or rig.port.closes == 1


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
