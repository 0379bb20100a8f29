"""What a STARTED says of a stream, and whether that can be."""

from __future__ import annotations

from . import _wire as wire
from ._wire import Codec
from .codecs import payload_bytes
from .events import Started
from .request import Resume, StreamRequest

_RING_MAX_FRAMES = 1 << 24  # the host's memory goes by the device's ring; ten minutes are more than any has


def misfit(
    fields: wire.StartedFields, session: int, request: StreamRequest, resume: Resume | None = None
) -> str:
    """Why there is no such stream, or it is not what was asked for; "" when all is well."""
    given = (fields.rate, fields.channels, fields.codec)
    asked = (request.rate, request.channels, Codec[request.codec.upper()])
    if given != asked:
        return f"it started {_shown(*given)}, and {_shown(*asked)} was asked for"
    if resume is not None and resume.stream_id == fields.stream_id and resume.hop != fields.hop:
        return f"it goes on in chunks of {fields.hop} frames, not of {resume.hop}"
    window = payload_bytes(fields.codec, fields.hop + fields.overlap, fields.channels)
    if fields.hop < wire.HOP_MIN_FRAMES or window > wire.PAYLOAD_MAX_BYTES:
        return f"no stream has chunks of {fields.hop} and {fields.overlap} frames"
    if session == 0 or fields.ring_frames > _RING_MAX_FRAMES or fields.oldest > fields.next:
        return "no stream is in such a state"
    return ""


def _shown(rate: int, channels: int, codec: int) -> str:
    name = Codec(codec).name.lower() if codec in Codec.__members__.values() else f"codec {codec}"
    return f"{rate} Hz {name} with {channels} channel{'' if channels == 1 else 's'}"


def describe(fields: wire.StartedFields, session: int, *, resumed: bool) -> Started:
    """The event that a STARTED is."""
    return Started(
        stream_id=fields.stream_id,
        session=session,
        rate=fields.rate,
        channels=fields.channels,
        hop=fields.hop,
        overlap=fields.overlap,
        gain=fields.gain / 256,
        codec=fields.codec,
        ring_frames=fields.ring_frames,
        oldest=fields.oldest,
        next=fields.next,
        resumed=resumed,
    )
