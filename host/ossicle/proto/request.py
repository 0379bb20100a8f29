"""What is asked of a device, and what it costs on a serial line."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from . import _wire as wire
from . import codecs
from ._wire import Codec, Mode

BAUDS = (921600, 1500000, 2000000, 3000000, 4000000)
"""Speeds that common USB bridges and the ESP32 both have."""

_SPARE = 1.3  # so that what was lost can be sent again beside what is new
_SLOW_BAUD = 460800  # carries 16 kHz mono; recovers slowly
_CEILING = 0.9  # of the link, above which a device refuses the stream (W-35)
_BITS_A_BYTE = 10


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a stream that an earlier process heard goes on. Raises ValueError for what no stream can be.

    `position` is the first frame still wanted: all before it is not told again. `baud` is the speed of a
    serial link that is tried first, None for the one that the link was opened with.
    """

    stream_id: bytes
    position: int
    hop: int
    baud: int | None = None

    def __post_init__(self) -> None:
        if len(self.stream_id) != 8:
            raise ValueError(f"a stream id of {len(self.stream_id)} bytes: it has 8")
        if self.hop < wire.HOP_MIN_FRAMES:
            raise ValueError(f"hop {self.hop}: at least {wire.HOP_MIN_FRAMES} frames")
        if self.position < 0 or self.position // self.hop >= wire.NUMBER_LIMIT:
            raise ValueError(f"position {self.position} is in no stream")
        if self.baud is not None and not 0 < self.baud < wire.NUMBER_LIMIT:
            raise ValueError(f"baud {self.baud} is out of range")

    def sequence(self, overlap: int) -> int:
        """The first chunk to ask for. With overlap the stream's last chunk may begin before `position`'s."""
        return max(0, self.position - overlap) // self.hop


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """The parameters of a START. Raises ValueError for what no device can do.

    `codec` is "pcm16" or "adpcm": a quarter of the bytes, with some noise. `hop` and `overlap` in frames;
    without `hop` it is 512 for mono and 256 for stereo. `gain` is a factor.
    `baud` is the speed of a serial link, None for the slowest that carries the stream with room to spare.
    """

    rate: int = wire.DEFAULT_RATE
    channels: int = wire.DEFAULT_CHANNELS
    codec: str = "pcm16"
    mode: str = "lossless"
    hop: int | None = None
    overlap: int = wire.DEFAULT_OVERLAP
    gain: float = 1.0
    baud: int | None = None

    def __post_init__(self) -> None:
        if self.mode not in ("lossless", "live"):
            raise ValueError(f"mode {self.mode!r} is not known: lossless or live")
        if self.codec not in codecs.NAMES:
            raise ValueError(f"codec {self.codec!r} is not known: {' or '.join(codecs.NAMES)}")
        for name in ("rate", "channels", "hop", "overlap", "baud"):
            if not isinstance(getattr(self, name), Integral | None):
                raise ValueError(f"{name} {getattr(self, name)!r} is no whole number")
        if self.channels not in (1, 2):
            raise ValueError(f"{self.channels} channels: a microphone has 1 or 2")
        if not 0 < self.rate < wire.NUMBER_LIMIT:
            raise ValueError(f"rate {self.rate} is out of range")
        if not 0 <= self.gain <= wire.GAIN_MAX / 256:
            raise ValueError(f"gain {self.gain} is out of range: 0 to {wire.GAIN_MAX / 256:g}")
        if self.baud is not None and not 0 < self.baud < wire.NUMBER_LIMIT:
            raise ValueError(f"baud {self.baud} is out of range")
        if self.hop_frames < wire.HOP_MIN_FRAMES:
            raise ValueError(f"hop {self.hop_frames}: at least {wire.HOP_MIN_FRAMES} frames")
        most = codecs.frames_most(self.codec_number, self.channels)
        if self.overlap < 0 or self.hop_frames + self.overlap > most:
            raise ValueError(f"hop + overlap is {self.hop_frames + self.overlap}: at most {most} frames")

    @property
    def hop_frames(self) -> int:
        """The hop, in frames."""
        return wire.DEFAULT_HOP // self.channels if self.hop is None else self.hop

    @property
    def window_bytes(self) -> int:
        """The payload of a whole chunk."""
        return codecs.payload_bytes(self.codec_number, self.hop_frames + self.overlap, self.channels)

    @property
    def codec_number(self) -> Codec:
        """The codec as START carries it."""
        return Codec[self.codec.upper()]

    @property
    def gain_q8(self) -> int:
        """The gain as START carries it."""
        return round(self.gain * 256)

    @property
    def bits_per_s(self) -> float:
        """What the stream needs of a serial line: packets, framing, start and stop bits."""
        packet = wire.HEADER_BYTES + self.window_bytes + wire.CHECK_BYTES
        frame = packet + packet // 254 + 2
        return frame * _BITS_A_BYTE * self.rate / self.hop_frames

    def speeds(self, now: int, max_baud: int) -> list[int]:
        """Speeds to try, best first; empty when the link may stay at `now`. `max_baud` 0: not known."""
        if self.baud is not None:
            return [] if self.baud == now else [self.baud]
        if self.bits_per_s * _SPARE <= now:
            return []
        able = [baud for baud in BAUDS if not max_baud or baud <= max_baud]
        enough = [baud for baud in able if baud >= self.bits_per_s * _SPARE]
        choice = enough[:1] or able[-1:]
        if self.bits_per_s <= _SLOW_BAUD * _CEILING and (not max_baud or max_baud >= _SLOW_BAUD):
            choice.append(_SLOW_BAUD)
        return [baud for baud in choice if baud > now]

    def start(self, token: int, stream_id: bytes | None = None, sequence: int = 0) -> bytes:
        """The payload of a START, or of one that resumes `stream_id` at `sequence`."""
        return wire.StartFields(
            token=token,
            mode=Mode[self.mode.upper()],
            codec=self.codec_number,
            channels=self.channels,
            start_flags=wire.START_RESUME if stream_id else 0,
            rate=self.rate,
            hop=self.hop_frames,
            overlap=self.overlap,
            gain=self.gain_q8,
            stream_id=stream_id or bytes(8),
            sequence=sequence,
        ).pack()
