# boards/net.py on this machine's sockets, through the emulated board's shims: with their
# troubles. Prints "ok NAME" for each.
#
#   net_cases.py with OSSICLE_EMULATOR: {"socket_enomem": 7}
import errno
import gc
import micropython
import sys
import time
from array import array

import usocket
from boards.net import GONE, NOTHING, SocketPort
from ossicle.kernels import copy_bytes
from ossicle.links.udp import UdpLink
from ossicle.links.websocket import OPEN, WebSocketLink
from network_fakes import answer, frame, frames

LOCAL = "127.0.0.1"


class Clock:
    def ms(self):
        return time.ticks_ms() & 0x3FFFFFFF


def bound(kind):
    for port in range(30000 + time.ticks_us() % 20000, 60000):
        made = usocket.socket(usocket.AF_INET, kind)
        try:
            made.bind(usocket.getaddrinfo(LOCAL, port)[0][-1])
            return made, port
        except OSError:
            made.close()
    raise OSError("no port is free")


def until(done, for_ms=2000):
    start_ms = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start_ms) < for_ms:
        result = done()
        if result:
            return result
        time.sleep_ms(1)
    raise AssertionError("it does not come")


def case_datagrams_both_ways():
    peer, number = bound(usocket.SOCK_DGRAM)
    port = SocketPort(LOCAL, number, False)
    assert port.up(0) and port.open() and port.max_baud == 0 and port.rssi() == 0
    buf = bytearray(1375)
    assert port.read_into(buf) == NOTHING
    buf[5:8] = b"abc"
    assert port.write(buf, 5, 3) == 3
    data, address = peer.recvfrom(100)
    assert data == b"abc"
    peer.sendto(b"x" * 300, address)
    peer.sendto(b"y" * 300, address)
    time.sleep_ms(20)
    assert port.read_into(buf) == 600, "as the chip has it: no end is told"
    peer.sendto(b"", address)
    assert until(lambda: port.read_into(buf) == 0)
    port.close()
    peer.close()


# Each seventh write finds no memory: it is counted, and allocates nothing.
def case_no_memory_for_a_write():
    peer, number = bound(usocket.SOCK_DGRAM)
    port = SocketPort(LOCAL, number, False)
    assert port.open()
    buf = bytearray(b"abc")
    taken = 0
    micropython.heap_lock()
    for _ in range(70):
        taken += port.write(buf, 0, 3)
    micropython.heap_unlock()
    assert taken == 60 * 3 and port.full == 10 and port.troubled == 0
    port.close()
    peer.close()


# Neither does it where the heap is not locked: what a write without room leaves there would
# have to be collected, in the middle of the stream.
def case_no_garbage_from_a_write():
    peer, number = bound(usocket.SOCK_DGRAM)
    port = SocketPort(LOCAL, number, False)
    assert port.open()
    buf = bytearray(b"abc")
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(700):
        port.write(buf, 0, 3)
    after = gc.mem_alloc()
    gc.enable()
    assert port.full == 100 and after == before, after - before
    port.close()
    peer.close()


# Nobody is there: the system says so at a later write or read.
def case_nobody_listens():
    peer, number = bound(usocket.SOCK_DGRAM)
    peer.close()
    port = SocketPort(LOCAL, number, False)
    assert port.open()
    buf = bytearray(b"abc")
    micropython.heap_lock()
    for _ in range(40):
        port.write(buf, 0, 3)
        port.read_into(buf)
    micropython.heap_unlock()
    assert port.troubled > 10 and port.write(buf, 0, 3) in (3, 0, NOTHING)
    port.close()


# The link gives the datagram up, and goes on.
def case_the_link_outlives_it():
    peer, number = bound(usocket.SOCK_DGRAM)
    peer.close()
    link = UdpLink(SocketPort(LOCAL, number, False), Clock())
    link.tick(Clock().ms(), Clock().ms())
    data = bytearray(100)
    for _ in range(20):
        assert not link.busy()
        link.send(data, 100)
        until(lambda: link.pump() or not link.busy())
    link.close()


def case_an_address_that_is_none():
    port = SocketPort("no.such.name.invalid", 4747, False)
    assert not port.open() and port.unopened == 1
    text = port.news()
    assert "no address" in text and "no.such.name.invalid" in text, text
    assert port.news() == ""
    assert not port.open() and port.news() == "", "the same trouble is told once"


# A name that is known keeps its address while the name server is silent.
def case_a_known_name_keeps_its_address():
    peer, number = bound(usocket.SOCK_DGRAM)
    port = SocketPort("localhost", number, False)
    assert port.open() and not port.stale()
    port._looked_ms = (time.ticks_ms() - 31000) & 0x3FFFFFFF
    assert port.stale()
    port.host = "no.such.name.invalid"
    assert port.open() and not port.stale()
    buf = bytearray(b"abc")
    assert port.write(buf, 0, 3) == 3 and peer.recvfrom(9)[0] == b"abc"
    port.close()
    peer.close()


def connected(port):
    return until(port.connected)


def case_a_stream():
    server, number = bound(usocket.SOCK_STREAM)
    server.listen(1)
    port = SocketPort(LOCAL, number, True)
    assert port.open() and connected(port) == 1
    peer, _ = server.accept()
    buf = bytearray(4000)
    assert port.read_into(buf) == NOTHING
    peer.write(b"hello")
    assert until(lambda: max(0, port.read_into(buf))) == 5 and bytes(buf[:5]) == b"hello"
    micropython.heap_lock()
    written = full = 0
    while full < 20:  # nobody reads: it fills up, and says so without memory
        n = port.write(buf, 0, 4000)
        written += n
        full += n == 0
    micropython.heap_unlock()
    assert 4000 < written < 1000000 and port.full >= 20 and port.troubled == 0
    got = 0
    while got < written:
        got += len(peer.recv(4096))
        port.read_into(buf)
    peer.close()
    assert until(lambda: port.read_into(buf) == GONE)
    port.close()
    server.close()


def case_a_stream_that_nobody_takes():
    server, number = bound(usocket.SOCK_STREAM)
    server.close()
    port = SocketPort(LOCAL, number, True)
    assert not port.open() or connected(port) == GONE
    assert port.unopened == 1
    port.close()
    port.close()


# The other side is gone with bytes of ours unread: the write breaks, and costs no memory.
def case_a_stream_that_breaks():
    server, number = bound(usocket.SOCK_STREAM)
    server.listen(1)
    port = SocketPort(LOCAL, number, True)
    assert port.open() and connected(port) == 1
    peer, _ = server.accept()
    buf = bytearray(100)
    assert port.write(buf, 0, 100) == 100
    peer.close()
    server.close()
    time.sleep_ms(20)
    micropython.heap_lock()
    n = 100
    while n >= 0:
        n = port.write(buf, 0, 100)
    micropython.heap_unlock()
    assert n == GONE and port.troubled == 1
    port.close()


# The whole link against a server on a socket, while the heap is locked.
def case_a_websocket():
    server, number = bound(usocket.SOCK_STREAM)
    server.listen(1)
    link = WebSocketLink(SocketPort(LOCAL, number, True), Clock())

    def tick():
        link.tick(Clock().ms(), Clock().ms())
        return link.state == OPEN

    until(lambda: tick() or link._opening)
    peer, _ = server.accept()
    until(lambda: tick() or link._out_at == link._out_n)
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += peer.recv(1000)
    peer.write(answer(request))
    until(tick)
    data = bytes(i & 255 for i in range(1044))
    buf = bytearray(1052)
    whole = array("i", (0, 1044, 0))
    peer.write(frame(b"ask") * 3)
    micropython.heap_lock()
    heard = 0
    for _ in range(20):
        copy_bytes(data, buf, whole)
        link.send(buf, 1044)
        while link.busy():
            link.pump()
        heard += link.receive()
    micropython.heap_unlock()
    got = b""
    while len(got) < 20 * 1052:
        got += peer.recv(4096)
    sent, rest = frames(got)
    assert rest == b"" and [p for _, _, p in sent] == [data] * 20 and heard == 9
    assert len(set([m for _, m, _ in sent])) == 20
    peer.close()
    server.close()
    until(lambda: link.receive() == 0 and link.state != OPEN)


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


assert errno.ENOMEM == 12
main()
