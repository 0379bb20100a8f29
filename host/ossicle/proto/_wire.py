"""Written by tools/specgen.py from shared_spec/protocol.toml. Do not edit."""

# ruff: noqa
from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import NamedTuple, Union

Buffer = Union[bytes, bytearray, memoryview]

SPEC_HASH = "22ab2179"
PROTOCOL_VERSION = 1
NUMBER_LIMIT = 1073741824
PAYLOAD_MAX_BYTES = 1344
HEADER_BYTES = 16
CHECK_BYTES = 4
TAG_BYTES = 8
PACKET_MAX_BYTES = 1368
SERIAL_FRAME_MAX_BYTES = 1375
DATAGRAM_MAX_BYTES = 1400
HOP_MIN_FRAMES = 64
REQUEST_RANGES_MAX = 8
HOLES_MAX = 8
GAIN_MAX = 4096
SHIFT_MIN = 11
SHIFT_MAX = 16
DC_SHIFT = 10
SESSION_RENEW_NUMBER = 1073676288
LOG_MAX_BYTES = 200
REPLAY_WINDOW = 64
KEY_MIN_BYTES = 16
KEY_MAX_BYTES = 32
CHALLENGE_BYTES = 16
ADPCM_HEAD_BYTES = 4
ADPCM_INDEX_MAX = 88
SILENCE_MS = 3000
HELLO_UNASKED_MS = 1000
HOST_REPEAT_MS = 100
HELLO_ANSWER_MS = 50
UNPROVED_MS = 2000
ACK_INTERVAL_MS = 400
STATUS_INTERVAL_MS = 1000
PING_INTERVAL_MS = 2500
LAST_REPEAT_MS = 200
LAST_REPEATS_MAX = 25
BAUD_FALLBACK_MS = 2000
SERIAL_IDLE_MS = 250
REQUEST_AGAIN_MIN_MS = 100
PATH_SILENT_MS = 1000
RECONNECT_MIN_MS = 100
RECONNECT_MAX_MS = 4000
DEFAULT_HOP = 512
DEFAULT_OVERLAP = 0
DEFAULT_RATE = 16000
DEFAULT_CHANNELS = 1
DEFAULT_GAIN = 256
DEFAULT_SHIFT = 14
DEFAULT_BAUD = 115200
DEFAULT_PORT = 4747
DEFAULT_RING_SAMPLES = 33792
DEFAULT_DMA_BUFFER_FRAMES = 256


class Kind(IntEnum):
    """What a packet is."""

    HELLO = 1
    STARTED = 2
    AUDIO = 3
    GONE = 4
    PONG = 5
    STATUS = 6
    LOG = 7
    REFUSED = 8
    SET_REPLY = 9
    START = 18
    REQUEST = 19
    ACK = 20
    PING = 21
    STOP = 22
    SET = 23

DEVICE_KINDS = frozenset({Kind.HELLO, Kind.STARTED, Kind.AUDIO, Kind.GONE, Kind.PONG, Kind.STATUS, Kind.LOG, Kind.REFUSED, Kind.SET_REPLY})

HOST_KINDS = frozenset({Kind.HELLO, Kind.START, Kind.REQUEST, Kind.ACK, Kind.PING, Kind.STOP, Kind.SET})


class Flag(IntFlag):
    """What is said of a packet."""

    RESENT = 4
    DISCONTINUITY = 8
    LAST = 16
    SEALED = 32

FLAG_CODEC_MASK = 3
FLAG_RESERVED_MASK = 192
START_RESUME = 1


class Codec(IntEnum):
    """How the samples of a chunk are coded."""

    PCM16 = 0
    ADPCM = 1


class Mode(IntEnum):
    """What the host does about audio that is missing."""

    LOSSLESS = 0
    LIVE = 1


class Cause(IntEnum):
    """Why a gap is a gap."""

    OVERWRITTEN = 1
    CAPTURE = 2
    DEADLINE = 3
    RESET = 4


class Reason(IntEnum):
    """Why a START or a SET was not done."""

    OK = 0
    MALFORMED = 1
    HOP = 2
    WINDOW = 3
    RATE = 4
    CHANNELS = 5
    CODEC = 6
    LINK_TOO_SLOW = 7
    MICROPHONE = 8
    MEMORY = 9
    UNKNOWN_KEY = 10
    VALUE = 11
    SEALED = 12


class Key(IntEnum):
    """What a SET sets."""

    BAUD = 1
    GAIN = 2


class HeaderFields(NamedTuple):
    """Layout `header`: 16 bytes."""

    kind: int
    flags: int
    session: int
    sequence: int
    ticks_us: int
    number: int

    def pack(self) -> bytes:
        return HEADER_STRUCT.pack(self.kind, self.flags, self.session, self.sequence, self.ticks_us, self.number)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> HeaderFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        kind, flags, session, sequence, ticks_us, number = HEADER_STRUCT.unpack_from(data, offset)
        if max(sequence, ticks_us, number) >= NUMBER_LIMIT:
            raise ValueError("header: a number is 2**30 or above")
        return cls(kind, flags, session, sequence, ticks_us, number)


HEADER_STRUCT = struct.Struct("<BBHIII")


class StartFields(NamedTuple):
    """Layout `start`: 32 bytes."""

    token: int
    mode: int
    codec: int
    channels: int
    start_flags: int
    rate: int
    hop: int
    overlap: int
    gain: int
    stream_id: bytes
    sequence: int

    def pack(self) -> bytes:
        return START_STRUCT.pack(self.token, self.mode, self.codec, self.channels, self.start_flags, self.rate, self.hop, self.overlap, self.gain, 0, self.stream_id, self.sequence)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> StartFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        token, mode, codec, channels, start_flags, rate, hop, overlap, gain, _, stream_id, sequence = START_STRUCT.unpack_from(data, offset)
        if max(token, rate, sequence) >= NUMBER_LIMIT:
            raise ValueError("start: a number is 2**30 or above")
        return cls(token, mode, codec, channels, start_flags, rate, hop, overlap, gain, stream_id, sequence)


START_STRUCT = struct.Struct("<IBBBBIHHHH8sI")


class StartedFields(NamedTuple):
    """Layout `started`: 40 bytes."""

    token: int
    stream_id: bytes
    rate: int
    hop: int
    overlap: int
    mode: int
    codec: int
    channels: int
    gain: int
    ring_frames: int
    oldest: int
    next: int

    def pack(self) -> bytes:
        return STARTED_STRUCT.pack(self.token, self.stream_id, self.rate, self.hop, self.overlap, self.mode, self.codec, self.channels, 0, self.gain, 0, self.ring_frames, self.oldest, self.next)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> StartedFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        token, stream_id, rate, hop, overlap, mode, codec, channels, _, gain, _, ring_frames, oldest, next = STARTED_STRUCT.unpack_from(data, offset)
        if max(token, rate, ring_frames, oldest, next) >= NUMBER_LIMIT:
            raise ValueError("started: a number is 2**30 or above")
        return cls(token, stream_id, rate, hop, overlap, mode, codec, channels, gain, ring_frames, oldest, next)


STARTED_STRUCT = struct.Struct("<I8sIHHBBBBHHIII")


class RefusedFields(NamedTuple):
    """Layout `refused`: 8 bytes."""

    token: int
    reason: int

    def pack(self) -> bytes:
        return REFUSED_STRUCT.pack(self.token, self.reason, 0)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> RefusedFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        token, reason, _ = REFUSED_STRUCT.unpack_from(data, offset)
        if token >= NUMBER_LIMIT:
            raise ValueError("refused: a number is 2**30 or above")
        return cls(token, reason)


REFUSED_STRUCT = struct.Struct("<IHH")


class AckFields(NamedTuple):
    """Layout `ack`: 8 bytes."""

    next: int
    highest: int

    def pack(self) -> bytes:
        return ACK_STRUCT.pack(self.next, self.highest)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> AckFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        next, highest = ACK_STRUCT.unpack_from(data, offset)
        if max(next, highest) >= NUMBER_LIMIT:
            raise ValueError("ack: a number is 2**30 or above")
        return cls(next, highest)


ACK_STRUCT = struct.Struct("<II")


class RequestFields(NamedTuple):
    """Layout `request`: 4 bytes."""

    ranges: int

    def pack(self) -> bytes:
        return REQUEST_STRUCT.pack(self.ranges, 0, 0)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> RequestFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        ranges, _, _ = REQUEST_STRUCT.unpack_from(data, offset)
        return cls(ranges)


REQUEST_STRUCT = struct.Struct("<BBH")


class GoneFields(NamedTuple):
    """Layout `gone`: 4 bytes."""

    ranges: int
    cause: int

    def pack(self) -> bytes:
        return GONE_STRUCT.pack(self.ranges, self.cause, 0)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> GoneFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        ranges, cause, _ = GONE_STRUCT.unpack_from(data, offset)
        return cls(ranges, cause)


GONE_STRUCT = struct.Struct("<BBH")


class RangeFields(NamedTuple):
    """Layout `range`: 8 bytes."""

    start: int
    stop: int

    def pack(self) -> bytes:
        return RANGE_STRUCT.pack(self.start, self.stop)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> RangeFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        start, stop = RANGE_STRUCT.unpack_from(data, offset)
        if max(start, stop) >= NUMBER_LIMIT:
            raise ValueError("range: a number is 2**30 or above")
        return cls(start, stop)


RANGE_STRUCT = struct.Struct("<II")


class PingFields(NamedTuple):
    """Layout `ping`: 8 bytes."""

    echo: bytes

    def pack(self) -> bytes:
        return PING_STRUCT.pack(self.echo)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> PingFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        echo, = PING_STRUCT.unpack_from(data, offset)
        return cls(echo)


PING_STRUCT = struct.Struct("<8s")


class PongFields(NamedTuple):
    """Layout `pong`: 16 bytes."""

    echo: bytes
    receive_us: int
    send_us: int

    def pack(self) -> bytes:
        return PONG_STRUCT.pack(self.echo, self.receive_us, self.send_us)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> PongFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        echo, receive_us, send_us = PONG_STRUCT.unpack_from(data, offset)
        if max(receive_us, send_us) >= NUMBER_LIMIT:
            raise ValueError("pong: a number is 2**30 or above")
        return cls(echo, receive_us, send_us)


PONG_STRUCT = struct.Struct("<8sII")


class StatusFields(NamedTuple):
    """Layout `status`: 64 bytes."""

    uptime_ms: int
    captured: int
    lost_frames: int
    holes: int
    overwritten_frames: int
    sent: int
    resent: int
    bad_packets: int
    ring_fill: int
    ring_frames: int
    free_heap: int
    rearmed: int
    rssi: int
    peak: int
    rms: int
    bands: bytes

    def pack(self) -> bytes:
        return STATUS_STRUCT.pack(self.uptime_ms, self.captured, self.lost_frames, self.holes, self.overwritten_frames, self.sent, self.resent, self.bad_packets, self.ring_fill, self.ring_frames, self.free_heap, self.rearmed, self.rssi, self.peak, self.rms, self.bands)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> StatusFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        uptime_ms, captured, lost_frames, holes, overwritten_frames, sent, resent, bad_packets, ring_fill, ring_frames, free_heap, rearmed, rssi, peak, rms, bands = STATUS_STRUCT.unpack_from(data, offset)
        if max(uptime_ms, captured, lost_frames, holes, overwritten_frames, sent, resent, bad_packets, ring_fill, ring_frames, free_heap, rearmed) >= NUMBER_LIMIT:
            raise ValueError("status: a number is 2**30 or above")
        return cls(uptime_ms, captured, lost_frames, holes, overwritten_frames, sent, resent, bad_packets, ring_fill, ring_frames, free_heap, rearmed, rssi, peak, rms, bands)


STATUS_STRUCT = struct.Struct("<IIIIIIIIIIIIiHH8s")


class SetFields(NamedTuple):
    """Layout `set`: 8 bytes."""

    token: int
    key: int
    value: int

    def pack(self) -> bytes:
        return SET_STRUCT.pack(self.token, self.key, self.value)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> SetFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        token, key, value = SET_STRUCT.unpack_from(data, offset)
        if value >= NUMBER_LIMIT:
            raise ValueError("set: a number is 2**30 or above")
        return cls(token, key, value)


SET_STRUCT = struct.Struct("<HHI")


class SetReplyFields(NamedTuple):
    """Layout `set_reply`: 12 bytes."""

    token: int
    key: int
    value: int
    reason: int

    def pack(self) -> bytes:
        return SET_REPLY_STRUCT.pack(self.token, self.key, self.value, self.reason, 0)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> SetReplyFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        token, key, value, reason, _ = SET_REPLY_STRUCT.unpack_from(data, offset)
        if value >= NUMBER_LIMIT:
            raise ValueError("set_reply: a number is 2**30 or above")
        return cls(token, key, value, reason)


SET_REPLY_STRUCT = struct.Struct("<HHIHH")


class LogFields(NamedTuple):
    """Layout `log`: 4 bytes."""

    level: int

    def pack(self) -> bytes:
        return LOG_STRUCT.pack(self.level, 0, 0)

    @classmethod
    def unpack(cls, data: Buffer, offset: int = 0) -> LogFields:
        """Raise ValueError for a value that no packet may hold (W-1)."""
        level, _, _ = LOG_STRUCT.unpack_from(data, offset)
        return cls(level)


LOG_STRUCT = struct.Struct("<BBH")
