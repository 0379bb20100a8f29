# Written by tools/specgen.py from shared_spec/protocol.toml. Do not edit.
from micropython import const
from struct import pack_into

SPEC_HASH = "c2fc4e59"
PROTOCOL_VERSION = const(1)
NUMBER_LIMIT = const(1073741824)
PAYLOAD_MAX_BYTES = const(1344)
HEADER_BYTES = const(16)
CHECK_BYTES = const(4)
TAG_BYTES = const(8)
PACKET_MAX_BYTES = const(1368)
SERIAL_FRAME_MAX_BYTES = const(1375)
DATAGRAM_MAX_BYTES = const(1400)
HOP_MIN_FRAMES = const(64)
REQUEST_RANGES_MAX = const(8)
HOLES_MAX = const(8)
GAIN_MAX = const(4096)
SHIFT_MIN = const(11)
SHIFT_MAX = const(16)
DC_SHIFT = const(10)
SESSION_RENEW_NUMBER = const(1073676288)
LOG_MAX_BYTES = const(200)
SILENCE_MS = const(3000)
HELLO_UNASKED_MS = const(1000)
HOST_REPEAT_MS = const(250)
ACK_INTERVAL_MS = const(200)
STATUS_INTERVAL_MS = const(1000)
PING_INTERVAL_MS = const(1000)
LAST_REPEAT_MS = const(200)
LAST_REPEATS_MAX = const(25)
BAUD_FALLBACK_MS = const(2000)
SERIAL_IDLE_MS = const(250)
REQUEST_AGAIN_MIN_MS = const(100)
DEFAULT_HOP = const(512)
DEFAULT_OVERLAP = const(0)
DEFAULT_RATE = const(16000)
DEFAULT_CHANNELS = const(1)
DEFAULT_GAIN = const(256)
DEFAULT_SHIFT = const(14)
DEFAULT_BAUD = const(115200)
DEFAULT_RING_SAMPLES = const(33792)
DEFAULT_DMA_BUFFER_FRAMES = const(256)
KIND_HELLO = const(1)
KIND_STARTED = const(2)
KIND_AUDIO = const(3)
KIND_GONE = const(4)
KIND_PONG = const(5)
KIND_STATUS = const(6)
KIND_LOG = const(7)
KIND_REFUSED = const(8)
KIND_SET_REPLY = const(9)
KIND_START = const(18)
KIND_REQUEST = const(19)
KIND_ACK = const(20)
KIND_PING = const(21)
KIND_STOP = const(22)
KIND_SET = const(23)
FLAG_CODEC_MASK = const(3)
FLAG_RESENT = const(4)
FLAG_DISCONTINUITY = const(8)
FLAG_LAST = const(16)
FLAG_SEALED = const(32)
FLAG_RESERVED_MASK = const(192)
START_RESUME = const(1)
CODEC_PCM16 = const(0)
CODEC_ADPCM = const(1)
MODE_LOSSLESS = const(0)
MODE_LIVE = const(1)
CAUSE_OVERWRITTEN = const(1)
CAUSE_CAPTURE = const(2)
CAUSE_DEADLINE = const(3)
CAUSE_RESET = const(4)
REASON_OK = const(0)
REASON_MALFORMED = const(1)
REASON_HOP = const(2)
REASON_WINDOW = const(3)
REASON_RATE = const(4)
REASON_CHANNELS = const(5)
REASON_CODEC = const(6)
REASON_LINK_TOO_SLOW = const(7)
REASON_MICROPHONE = const(8)
REASON_MEMORY = const(9)
REASON_UNKNOWN_KEY = const(10)
REASON_VALUE = const(11)
KEY_BAUD = const(1)
KEY_GAIN = const(2)

HEADER_AT_KIND = const(0)
HEADER_AT_FLAGS = const(1)
HEADER_AT_SESSION = const(2)
HEADER_AT_SEQUENCE = const(4)
HEADER_AT_TICKS_US = const(8)
HEADER_AT_NUMBER = const(12)
HEADER_SIZE = const(16)
HEADER_FORMAT = "<BBHIII"

START_AT_TOKEN = const(0)
START_AT_MODE = const(4)
START_AT_CODEC = const(5)
START_AT_CHANNELS = const(6)
START_AT_START_FLAGS = const(7)
START_AT_RATE = const(8)
START_AT_HOP = const(12)
START_AT_OVERLAP = const(14)
START_AT_GAIN = const(16)
START_AT_STREAM_ID = const(20)
START_AT_SEQUENCE = const(28)
START_SIZE = const(32)
START_FORMAT = "<IBBBBIHHHH8sI"

STARTED_AT_TOKEN = const(0)
STARTED_AT_STREAM_ID = const(4)
STARTED_AT_RATE = const(12)
STARTED_AT_HOP = const(16)
STARTED_AT_OVERLAP = const(18)
STARTED_AT_MODE = const(20)
STARTED_AT_CODEC = const(21)
STARTED_AT_CHANNELS = const(22)
STARTED_AT_GAIN = const(24)
STARTED_AT_RING_FRAMES = const(28)
STARTED_AT_OLDEST = const(32)
STARTED_AT_NEXT = const(36)
STARTED_SIZE = const(40)
STARTED_FORMAT = "<I8sIHHBBBBHHIII"

REFUSED_AT_TOKEN = const(0)
REFUSED_AT_REASON = const(4)
REFUSED_SIZE = const(8)
REFUSED_FORMAT = "<IHH"

ACK_AT_NEXT = const(0)
ACK_AT_HIGHEST = const(4)
ACK_SIZE = const(8)
ACK_FORMAT = "<II"

REQUEST_AT_RANGES = const(0)
REQUEST_SIZE = const(4)
REQUEST_FORMAT = "<BBH"

GONE_AT_RANGES = const(0)
GONE_AT_CAUSE = const(1)
GONE_SIZE = const(4)
GONE_FORMAT = "<BBH"

RANGE_AT_START = const(0)
RANGE_AT_STOP = const(4)
RANGE_SIZE = const(8)
RANGE_FORMAT = "<II"

PING_AT_ECHO = const(0)
PING_SIZE = const(8)
PING_FORMAT = "<8s"

PONG_AT_ECHO = const(0)
PONG_AT_RECEIVE_US = const(8)
PONG_AT_SEND_US = const(12)
PONG_SIZE = const(16)
PONG_FORMAT = "<8sII"

STATUS_AT_UPTIME_MS = const(0)
STATUS_AT_CAPTURED = const(4)
STATUS_AT_LOST_FRAMES = const(8)
STATUS_AT_HOLES = const(12)
STATUS_AT_OVERWRITTEN_FRAMES = const(16)
STATUS_AT_SENT = const(20)
STATUS_AT_RESENT = const(24)
STATUS_AT_BAD_PACKETS = const(28)
STATUS_AT_RING_FILL = const(32)
STATUS_AT_RING_FRAMES = const(36)
STATUS_AT_FREE_HEAP = const(40)
STATUS_AT_REARMED = const(44)
STATUS_AT_RSSI = const(48)
STATUS_SIZE = const(52)
STATUS_FORMAT = "<IIIIIIIIIIIIi"

SET_AT_TOKEN = const(0)
SET_AT_KEY = const(2)
SET_AT_VALUE = const(4)
SET_SIZE = const(8)
SET_FORMAT = "<HHI"

SET_REPLY_AT_TOKEN = const(0)
SET_REPLY_AT_KEY = const(2)
SET_REPLY_AT_VALUE = const(4)
SET_REPLY_AT_REASON = const(8)
SET_REPLY_SIZE = const(12)
SET_REPLY_FORMAT = "<HHIHH"

LOG_AT_LEVEL = const(0)
LOG_SIZE = const(4)
LOG_FORMAT = "<BBH"

# Accessors. u30 gives -1 for a value that no packet may hold: composing it would
# leave the small integers and allocate.
def u16(b, o):
    return b[o] | b[o + 1] << 8


def u30(b, o):
    if b[o + 3] & 0xC0:
        return -1
    return b[o] | b[o + 1] << 8 | b[o + 2] << 16 | b[o + 3] << 24


def put_u16(b, o, v):
    b[o] = v & 255
    b[o + 1] = v >> 8 & 255


def put_u30(b, o, v):
    b[o] = v & 255
    b[o + 1] = v >> 8 & 255
    b[o + 2] = v >> 16 & 255
    b[o + 3] = v >> 24 & 63


def put_header(b, kind, flags, session, sequence, ticks_us, number):
    pack_into("<BBHIII", b, 0, kind, flags, session, sequence, ticks_us, number)
