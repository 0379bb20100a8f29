"""A microphone for Python that accounts for every sample.

    import ossicle
    with ossicle.open("auto") as mic:
        for segment in mic.segments(vad="auto"):
            print(segment.start_time, segment.duration)

Names are loaded when they are first used: `import ossicle` alone needs nothing but the standard library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Microphone, connect, open, serve
    from .asynchronous import AsyncMicrophone
    from .audio.aggregator import Aggregator
    from .audio.chunk import AudioChunk, suggest_overlap
    from .audio.ring import AudioRing
    from .audio.segmenter import Segment, Segmenter
    from .block import Block
    from .discover import devices
    from .errors import (
        DeviceError,
        LinkError,
        OssicleError,
        PacketError,
        ProtocolVersionError,
        RefusedError,
        SilentError,
        SourceError,
        UrlError,
    )
    from .proto.events import Gap
    from .proto.request import Resume
    from .sinks.archive import Archive

__version__ = "0.1.0"

_HOMES = {
    "Archive": "sinks.archive",
    "Aggregator": "audio.aggregator",
    "AsyncMicrophone": "asynchronous",
    "AudioChunk": "audio.chunk",
    "AudioRing": "audio.ring",
    "Block": "block",
    "DeviceError": "errors",
    "Gap": "proto.events",
    "LinkError": "errors",
    "Microphone": "api",
    "OssicleError": "errors",
    "PacketError": "errors",
    "ProtocolVersionError": "errors",
    "RefusedError": "errors",
    "Resume": "proto.request",
    "Segment": "audio.segmenter",
    "Segmenter": "audio.segmenter",
    "SilentError": "errors",
    "SourceError": "errors",
    "UrlError": "errors",
    "connect": "api",
    "devices": "discover",
    "open": "api",
    "serve": "api",
    "suggest_overlap": "audio.chunk",
}

__all__ = [
    "Aggregator",
    "Archive",
    "AsyncMicrophone",
    "AudioChunk",
    "AudioRing",
    "Block",
    "DeviceError",
    "Gap",
    "LinkError",
    "Microphone",
    "OssicleError",
    "PacketError",
    "ProtocolVersionError",
    "RefusedError",
    "Resume",
    "Segment",
    "Segmenter",
    "SilentError",
    "SourceError",
    "UrlError",
    "connect",
    "devices",
    "open",
    "serve",
    "suggest_overlap",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
