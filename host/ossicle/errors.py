"""Every error that Ossicle raises, in one tree.

    OssicleError
        UrlError               what was asked for cannot be understood
        LinkError              the port or the process behind it
        DeviceError            the device answered, and not as hoped, or not at all
            ProtocolVersionError   another version of the protocol
            RefusedError           the device refused the stream
            SilentError            nobody answers, or answers any more
            KeyMissingError        there is no key to seal with, or not the same one on both sides
        KeyFileError           the file of keys, or a device's configuration
        SourceError            a recording that cannot be played into the emulator
        PacketError            one packet that may not be believed; the receiver counts it and goes on

A gap in the audio is never an error: it is an event, and a field of the block after it.
Each message is one line and says what the user can do. Standard library only.
"""

from __future__ import annotations


class OssicleError(Exception):
    """The root: catches whatever this package raises on purpose."""


class UrlError(OssicleError, ValueError):
    """A URL or one of its parameters is not known; `url` is what was given."""

    def __init__(self, message: str, url: str) -> None:
        super().__init__(message)
        self.url = url


class LinkError(OssicleError):
    """The port cannot be opened, or is lost; `url` names it."""

    def __init__(self, message: str, url: str = "") -> None:
        super().__init__(message)
        self.url = url


class DeviceError(OssicleError):
    """The device is there but cannot do what was asked."""


class ProtocolVersionError(DeviceError):
    """Device and host speak different versions; `device` and `host` are both numbers."""

    def __init__(self, device: int, host: int) -> None:
        older = "the firmware (README: A board)" if device < host else "this package (pip install -U ossicle)"
        super().__init__(f"the device speaks protocol version {device}, this host {host}: update {older}")
        self.device = device
        self.host = host


class RefusedError(DeviceError):
    """The device refused the stream; `reason` is one of `reasons` in protocol.toml."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(f"the device refused the stream: {text or f'reason {reason}'}")
        self.reason = reason
        self.text = text


class SilentError(DeviceError):
    """Nothing valid was heard for `seconds`."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class KeyMissingError(DeviceError):
    """Host and device have no key in common, and nothing may go unsealed; `device` is the device's id.

    `why` is "host" (no key for this device), "device" (it has none) or "wrong" (two keys differ).
    """

    def __init__(self, device: str, why: str) -> None:
        name = device or "the device"
        said = {
            "host": f"no key for {name} on this computer",
            "device": f"{name} has no key in its configuration, and this stream has to be sealed",
            "wrong": f"{name} has another key than this computer has for it",
        }
        cure = "with its cable in, ossicle config PORT set key=new makes one on both sides"
        super().__init__(f"{said[why]}: {cure} (README: Keys)")
        self.device = device
        self.why = why


class KeyFileError(OssicleError):
    """A file of keys, or a device's configuration, that cannot be used. No text of it holds a key."""


class SourceError(OssicleError):
    """A recording that cannot be read or converted."""


class PacketError(OssicleError, ValueError):
    """One packet that is dropped; `reason` is one of `PacketError.REASONS`, by which the receiver counts."""

    REASONS = (
        "short",
        "long",
        "check",
        "kind",
        "side",
        "flags",
        "number",
        "length",
        "ranges",
        "sealed",
        "unsealed",
        "tag",
        "replay",
        "hello",
    )

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
