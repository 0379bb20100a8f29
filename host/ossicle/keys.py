"""The keys that this computer shares with devices, one for each.

They lie in a file that only its owner may read: `~/.config/ossicle/keys.toml`, or where the environment
variable OSSICLE_KEYS says. A device has its own in its `ossicle.json`. No key is ever printed, and none is
an argument of a command: others can read those.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .errors import KeyFileError
from .proto import _wire as wire

KEY_BYTES = wire.KEY_MAX_BYTES
"""The length of a new key; shorter ones from elsewhere are taken, down to 16 bytes."""

_FILE_MAX_BYTES = 1 << 20
_NAME_MAX_BYTES = 255
_HEAD = "# Keys that this computer shares with Ossicle devices, in hex; written by `ossicle key`.\n[keys]\n"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyRing:
    """Keys by device id; call it with one. Its text tells none of them."""

    def __init__(self, keys: dict[str, bytes], path: Path) -> None:
        self._keys = keys
        self.path = path

    def __call__(self, device: str) -> bytes | None:
        """The key of a device, None where there is none."""
        return self._keys.get(device)

    def __iter__(self) -> Iterator[str]:
        """The devices, in alphabetical order."""
        return iter(sorted(self._keys))

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"KeyRing({len(self)} keys, {str(self.path)!r})"


def usual_path() -> Path:
    """Where the keys lie unless another file is named."""
    named = os.environ.get("OSSICLE_KEYS")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "ossicle" / "keys.toml"


def load(path: Path | None = None) -> KeyRing:
    """The keys of a file, of the usual one unless `path` is given.

    No file is no keys; one that was named must be there. Raises KeyFileError, which never tells a key: for a
    file that others may read, that is no TOML, or holds what is no key.
    """
    place = path or usual_path()
    try:
        with place.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & _OTHERS:
                raise KeyFileError(
                    f"{place}: others may read or write it, so its keys are none: chmod 600 it"
                )
            data = file.read(_FILE_MAX_BYTES + 1)
    except FileNotFoundError:
        if path is None:
            return KeyRing({}, place)
        raise KeyFileError(f"{place}: no such file") from None
    except OSError as error:
        raise KeyFileError(f"{place}: {error.strerror or error}") from None
    return KeyRing(_parsed(data, place), place)


def new(device: str, path: Path | None = None, *, config: Path | None = None, replace: bool = False) -> Path:
    """Make a key for a device and keep it; returns the file of keys.

    `config` is a device's `ossicle.json`: the key goes into it, too, and what else it says stays. Raises
    KeyFileError, also where the device has a key and `replace` is not given.
    """
    _check_name(device)
    place = path or usual_path()
    if config is not None and os.path.realpath(config) == os.path.realpath(place):
        raise KeyFileError(f"{config}: is the file of keys; --config is for the board's ossicle.json")
    with _alone(place):
        ring = load(path) if place.exists() else KeyRing({}, place)
        keys = {name: ring(name) or b"" for name in ring}
        if device in keys and not replace:
            raise KeyFileError(f"{place}: there is a key for {device}; --replace makes another")
        settings = _settings(config) if config is not None else {}
        keys[device] = secrets.token_bytes(KEY_BYTES)
        lines = "".join(f'"{name}" = "{keys[name].hex()}"\n' for name in sorted(keys))
        with ExitStack() as staged:
            # The last comes first: the file of keys changes when all is written, and the board's after it.
            if config is not None:
                text = json.dumps({**settings, "key": keys[device].hex()}, indent=2) + "\n"
                staged.enter_context(_staged(config, text))
            staged.enter_context(_staged(place, _HEAD + lines))
    return place


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One at a time changes a file of keys: two would each forget the other's new key."""
    folder = Path(os.path.realpath(place)).parent
    with _told(place):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with _told(place):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _parsed(data: bytes, place: Path) -> dict[str, bytes]:
    try:
        if len(data) > _FILE_MAX_BYTES:
            raise ValueError("too long")
        table = tomllib.loads(data.decode()).get("keys", {})
    except (ValueError, RecursionError):  # whose text may be a line of the file
        raise KeyFileError(f"{place}: it is no TOML") from None
    if not isinstance(table, dict):
        raise KeyFileError(f"{place}: [keys] is no table")
    return {name: _key(name, value, place) for name, value in table.items()}


def _key(name: str, value: object, place: Path) -> bytes:
    try:
        key = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        key = b""
    if not wire.KEY_MIN_BYTES <= len(key) <= wire.KEY_MAX_BYTES:
        digits = f"{2 * wire.KEY_MIN_BYTES} to {2 * wire.KEY_MAX_BYTES} hex digits"
        named = repr(name) if len(name) < 2 * wire.KEY_MIN_BYTES else "a device"  # it may be the key itself
        raise KeyFileError(f"{place}: the key of {named} is not {digits}")
    return key


def _check_name(device: str) -> None:
    """A name that stands in TOML as it is, and fits a HELLO."""
    plain = device.isprintable() and not set(device) & set('"\\')
    if not device or not plain or len(device.encode(errors="replace")) > _NAME_MAX_BYTES:
        raise KeyFileError(f"{device!r} is no device's id; `ossicle devices` tells it")


def _settings(config: Path) -> dict[str, object]:
    try:
        with config.open("rb") as file:
            found = json.loads(file.read(_FILE_MAX_BYTES))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise KeyFileError(f"{config}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise KeyFileError(f"{config}: it is no JSON object")
    return found


@contextmanager
def _staged(path: Path, text: str) -> Iterator[None]:
    """The whole text beside the file, for its owner's eyes only from the first byte on; in its place when the
    body is done, and gone when that fails. A link stays one."""
    target = os.path.realpath(path)
    with _told(path):
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=os.path.dirname(target), prefix=path.name)  # with mode 0600
    try:
        with _told(path), os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield
        with _told(path):
            os.replace(name, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror or error}") from None
