"""The packages that Ossicle is measured beside: one that is installed, else one that is fetched alone.

cascade-vad demands torch, ONNX Runtime and a numpy below 2, none of which its ring uses. So its wheel is
fetched without its dependencies, by the user's own pip from wherever that fetches, kept in the cache folder
and imported from there. Its SHA-256 is looked at each time before anything of it runs.

`python -m ossicle.bench.peers` fetches what is not there yet.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

from ossicle.errors import OssicleError
from ossicle.micropython import cache_folder

FETCH_TIMEOUT_S = 120.0
OFFLINE_SIGNS = ("name resolution", "connection", "unreachable", "timed out", "getaddrinfo", "proxy")

Say = Callable[[str], object]


class PeerMissing(OssicleError):
    """A package to measure beside cannot be had; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of pure Python that is imported as it is: its file name, version and SHA-256."""

    file: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Peer:
    """A package: its name for pip, the module that is measured, and the wheel if it is fetched alone."""

    name: str
    module: str
    wheel: Wheel | None = None


PEERS = {
    peer.name: peer
    for peer in (
        Peer("numpy_ringbuffer", "numpy_ringbuffer"),
        Peer(
            "cascade-vad",
            "cascade.buffer.ring_buffer",
            Wheel(
                "cascade_vad-0.1.1-py3-none-any.whl",
                "0.1.1",
                "7562119bcd4c06c6c1beeb953e4ab2d591abaed3ce8859f8b0695a47e7b45457",
            ),
        ),
    )
}


def load(name: str, say: Say = lambda line: None) -> ModuleType:
    """The module of a peer; raises PeerMissing. `say` is told in a line when something is fetched."""
    peer = PEERS[name]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what others call in a way that will go
            if peer.wheel is None or installed(name) is not None:
                return import_module(peer.module)
            return _import_from(fetch(peer.wheel, name, say), peer.module)
    except PeerMissing:
        raise
    except Exception as error:  # whatever a strange package does when it is imported
        lines = str(error).splitlines() or [type(error).__name__]
        raise PeerMissing(
            f"{name} cannot be imported ({lines[0]}): pip install 'ossicle[bench]' gets what it needs"
        ) from error


def installed(name: str) -> str | None:
    """The version of a package that is installed, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def version(name: str) -> str:
    """The version that `load` takes; "" when there is none yet."""
    wheel = PEERS[name].wheel
    return installed(name) or (wheel.version if wheel else "")


def _import_from(place: Path, module: str) -> ModuleType:
    sys.path.insert(0, str(place))
    try:
        return import_module(module)
    finally:
        sys.path.remove(str(place))


def fetch(wheel: Wheel, name: str, say: Say = lambda line: None) -> Path:
    """The wheel in the cache folder, fetched by pip if it is not there; raises PeerMissing."""
    folder = cache_folder() / "peers"
    place = folder / wheel.file
    if _intact(place, wheel):
        return place
    say(f"Fetching {name} {wheel.version} alone into {folder} (once)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="fetch-") as temporary:
            _download(f"{name}=={wheel.version}", temporary)
            got = Path(temporary) / wheel.file
            if not _intact(got, wheel):
                raise PeerMissing(
                    f"{name} {wheel.version}: what pip fetched is not the wheel that is known here"
                )
            os.replace(got, place)
    except OSError as error:
        raise PeerMissing(f"the cache folder {folder} cannot be used ({error.strerror or error})") from error
    return place


def _intact(path: Path, wheel: Wheel) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == wheel.sha256


def _download(requirement: str, folder: str) -> None:
    """Have pip put the wheel into the folder, without what it depends on; raises PeerMissing."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--retries", "1", "--no-deps", "--only-binary", ":all:", "--dest", folder]
    try:
        done = subprocess.run(
            [*command, requirement],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=FETCH_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise PeerMissing(f"{requirement} could not be fetched within {FETCH_TIMEOUT_S:.0f} s") from None
    if done.returncode:
        raise PeerMissing(f"{requirement} could not be fetched: {_why(done.stdout)}")


def _why(said: str) -> str:
    """One line of what pip said."""
    if any(sign in said.lower() for sign in OFFLINE_SIGNS):
        return "pip cannot reach the package index"
    if "from versions: none" in said:
        return "pip cannot reach a package index that has it"
    lines = said.strip().splitlines() or ["pip gave no reason"]
    return next((line for line in lines if line.startswith("ERROR")), lines[-1])


def main() -> int:
    """Fetch every wheel that is fetched alone; 1 and a line when one cannot be had."""
    missing = 0
    for peer in PEERS.values():
        if peer.wheel is None or installed(peer.name) is not None:
            continue
        try:
            fetch(peer.wheel, peer.name, lambda line: print(line, file=sys.stderr, flush=True))
        except PeerMissing as error:
            print(error, file=sys.stderr)
            missing = 1
    return missing


if __name__ == "__main__":
    sys.exit(main())
