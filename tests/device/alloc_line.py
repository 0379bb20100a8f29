# The host's end of each link for the proof that nothing allocates: it says what a host says,
# and takes what the device sends, without an allocation of its own. A serial line is a port
# of fakes; the others are real sockets, with boards/net.py on the device's side and the
# emulated board's troubles.
import time

from emulation import settings

settings["socket_enomem"] = 50  # each so many writes

import usocket  # noqa: E402
from boards.net import SocketPort  # noqa: E402
from network_fakes import answer  # noqa: E402
from ossicle import kernels  # noqa: E402
from ossicle.links.udp import UdpLink  # noqa: E402
from ossicle.links.websocket import OPEN, WebSocketLink  # noqa: E402

M30 = (1 << 30) - 1
LOCAL = "127.0.0.1"


class SerialPort:
    baud = 921600
    max_baud = 921600
    bytes_per_s = 0

    def __init__(self, line):
        self.line = line

    def read_into(self, buf):
        line = self.line
        n = line.n
        for i in range(n):
            buf[i] = line.packet[i]
        line.n = 0
        return n

    def room(self):
        return 700  # so that each packet takes two writes

    def write(self, buf, off, n):
        self.line.taken = (self.line.taken + n) & M30
        return n

    def drained(self):
        return True


class SerialLine:
    def __init__(self, packet, app):
        self.packet = packet
        self.taken = 0  # bytes that the device has sent
        self.n = 0  # bytes that wait for it
        app.link._port = SerialPort(self)

    def is_free(self):
        return self.n == 0

    def say(self, n):
        self.n = kernels.cobs_encode(self.packet, n)

    def take(self):
        pass

    def full(self):
        return 0


# The app has its stream from a line of fakes; here its link becomes another.
def change(app, link):
    app.link = app.session._link = app.commands._link = link
    app.commands._buf = link.packet
    app.session._opened = link.opened


def server(kind):
    made = usocket.socket(usocket.AF_INET, kind)
    port = 20000 + time.ticks_us() % 40000
    while True:
        try:
            made.bind(usocket.getaddrinfo(LOCAL, port)[0][-1])
            return made, port
        except OSError:
            port += 1


# A link that waits a while waits real time: that of the capture stands still meanwhile.
class Clock:
    def ms(self):
        return time.ticks_ms() & M30


class SocketLine:
    def __init__(self, packet):
        self.packet = packet
        self.taken = 0
        self._sink = bytearray(4096)
        self._turn = 0

    def is_free(self):
        return True

    # Now and then only, so that a connection fills up.
    def take(self):
        self._turn = (self._turn + 1) & 63
        if self._turn == 0:
            for _ in range(40):
                n = self._peer.readinto(self._sink, 4096)
                if not n:
                    return
                self.taken = (self.taken + n) & M30

    # Writes that found no room.
    def full(self):
        return self._port.full


class UdpLine(SocketLine):
    def __init__(self, packet, app):
        super().__init__(packet)
        self._peer, number = server(usocket.SOCK_DGRAM)
        self._port = SocketPort(LOCAL, number, False)
        link = UdpLink(self._port, Clock())
        link.tick(app.clock.ms(), app.clock.ms())
        self._port.write(packet, 0, 1)
        self._peer.connect(self._peer.recvfrom(9)[1])
        self._peer.setblocking(False)
        change(app, link)

    def say(self, n):
        self._peer.write(self.packet, 0, n)


class WebSocketLine(SocketLine):
    def __init__(self, packet, app):
        super().__init__(packet)
        made, number = server(usocket.SOCK_STREAM)
        made.listen(1)
        self._port = SocketPort(LOCAL, number, True)
        link = WebSocketLink(self._port, app.clock)
        now_ms = app.clock.ms()
        while link._opening is None:
            link.tick(now_ms, now_ms)
        self._peer, _ = made.accept()
        link.tick(now_ms, now_ms)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += self._peer.recv(1000)
        self._peer.write(answer(request))
        while link.state != OPEN:
            link.tick(now_ms, now_ms)
        self._peer.setblocking(False)
        self._head = bytearray(b"\x82\x00")
        change(app, link)

    def say(self, n):
        self._head[1] = n
        self._peer.write(self._head, 0, 2)
        self._peer.write(self.packet, 0, n)


LINES = {"serial": SerialLine, "udp": UdpLine, "ws": WebSocketLine}
