# The one packet that is being built or has just come: header, payload, check.
#
# The builder owns the buffer and the `number` of each transmission (W-7). Everything on
# the audio path writes into it in place.
from ossicle._wire import (
    FLAG_RESERVED_MASK,
    FLAG_SEALED,
    HEADER_AT_FLAGS,
    HEADER_AT_NUMBER,
    HEADER_AT_SEQUENCE,
    HEADER_AT_TICKS_US,
    HEADER_BYTES,
    KIND_HELLO,
    PAYLOAD_MAX_BYTES,
    SERIAL_FRAME_MAX_BYTES,
    put_header,
    u30,
)
from ossicle.kernels import CRC_TABLE, crc32_ok, crc32_put
from ossicle.rare import passing, rare


class PacketBuilder:
    @passing
    def __init__(self):
        # The link codes the packet in it: as a serial frame, or as a WebSocket's, of 1,376 bytes.
        self.buffer = bytearray(SERIAL_FRAME_MAX_BYTES + 1)
        self.payload_at = HEADER_BYTES
        self.payload_max = PAYLOAD_MAX_BYTES
        self.session = 0
        self.number = 0  # of the next transmission in the session, where it is not sealed
        self.seal = None  # where there is a key
        self.clear = False  # the next packet is not sealed, whatever the session is

    # A new session, or none: numbers start again.
    @rare("start")
    def restart(self, session):
        self.session = session
        self.number = 0

    # Header and check around the n bytes of payload that are in the buffer; the length.
    # Unsealed packets of session 0 belong to no session, and their number is 0. The length is 0
    # where the packet has to be sealed and there is no key any more.
    def finish(self, kind, flags, session, sequence, ticks_us, n):
        seal = self.seal
        if seal is not None and seal.active and kind != KIND_HELLO and not self.clear:
            return seal.finish(self.buffer, kind, flags, session, sequence, ticks_us, n)
        number = 0
        if session:
            number = self.number
            self.number = number + 1
        put_header(self.buffer, kind, flags, session, sequence, ticks_us, number)
        return crc32_put(self.buffer, HEADER_BYTES + n, CRC_TABLE)


# The payload's length when the n bytes are an unsealed packet (W-1, W-4, W-10), else -1.
def payload_bytes(buf, n):
    n -= HEADER_BYTES + 4
    if n < 0 or n > PAYLOAD_MAX_BYTES or not crc32_ok(buf, HEADER_BYTES + n, CRC_TABLE):
        return -1
    if buf[HEADER_AT_FLAGS] & (FLAG_RESERVED_MASK | FLAG_SEALED):
        return -1
    if u30(buf, HEADER_AT_SEQUENCE) < 0 or u30(buf, HEADER_AT_TICKS_US) < 0 or u30(buf, HEADER_AT_NUMBER) < 0:
        return -1
    return n
