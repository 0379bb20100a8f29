# The opening of a WebSocket (RFC 6455, section 4, as its client) as bytes; W-54. It may
# allocate: no audio flows yet.
import hashlib
import os
from binascii import b2a_base64

_PATH = "/ossicle"
_PROTOCOL = b"ossicle"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SHOWN_MAX = 60
_SPACE = b" \t"


class Opening:
    def __init__(self, host, port):
        key = b2a_base64(os.urandom(16)).strip()
        self._accept = b2a_base64(hashlib.sha1(key + _GUID).digest()).strip()
        self.request = (
            "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n\r\n"
            % (_PATH, host, port, key.decode(), _PROTOCOL.decode())
        ).encode()

    # Why an answer (its head, as bytes) opens nothing; "" when it does.
    def refusal(self, head):
        lines = head.split(b"\r\n")
        status = lines[0].split(b" ")
        if len(status) < 2 or status[0] != b"HTTP/1.1" or status[1] != b"101":
            return "it answers " + shown(lines[0])
        fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if colon:
                fields[name.strip(_SPACE).lower()] = value.strip(_SPACE)
        if fields.get(b"upgrade", b"").lower() != b"websocket":
            return "it answers with no websocket"
        if fields.get(b"sec-websocket-accept") != self._accept:
            return "it answers with a wrong Sec-WebSocket-Accept"
        if fields.get(b"sec-websocket-protocol", _PROTOCOL) != _PROTOCOL:
            return "it takes another subprotocol"
        if fields.get(b"sec-websocket-extensions"):
            return "it takes extensions that nobody offered"
        return ""


# Printable and short, for a log. Not by chr(), whose strings stay in memory for good.
def shown(data):
    return bytes(b if 32 <= b < 127 else 0x3F for b in data[:_SHOWN_MAX]).decode()
