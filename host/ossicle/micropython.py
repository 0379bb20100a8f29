"""Find a MicroPython for the emulated board, and fetch one where the machine has none.

In this order: the one that `OSSICLE_MICROPYTHON` names; the cache; the
distribution's package for 32 bits, fetched into the cache by a private apt
(no root, nothing installed on the machine); the `micropython` on the path.

32 bits are preferred, because the chips have 32: numbers at or above 2**30 are
objects on the heap there, and a 64-bit build cannot show where one is made.

Standard library only: this file is read before anything is installed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST = (1, 24)  # the first with everything that the firmware uses
OLDEST_PACKAGE = (1, 25)  # what was tried as a fetched package
NOTE_64 = "a 64-bit build: it cannot show that the audio path allocates nothing and keeps below 2**30"
PROBE_TIMEOUT_S = 20.0
FETCH_TIMEOUT_S = 240.0
LOCK_TIMEOUT_S = 300.0
OS_RELEASE = Path("/etc/os-release")
ETC_APT = Path("/etc/apt")

# Prints version and bits, and fails on a build without threads or without the
# native code emitter (aarch64 has none), which the firmware cannot run on.
PROBE = """
import sys, _thread, micropython
@micropython.viper
def twice(x: int) -> int:
    return x + x
version = sys.implementation.version
print(sys.implementation.name, version[0], version[1], sys.maxsize, twice(4))
"""

# Suites whose package is new enough, by distribution; the machine's own suite is tried last.
SUITES = {
    "debian": ("trixie", "forky", "sid"),
    "ubuntu": ("resolute", "questing", "devel"),
}
ALIASES = {"stable", "testing", "unstable", "sid", "oldstable"}
# machine -> architectures of its packages, the 32-bit one first
ARCHITECTURES = {
    "x86_64": ("i386", "amd64"),
    "i686": ("i386",),
    "aarch64": ("armhf", "arm64"),
    "armv7l": ("armhf",),
}
OFFLINE_SIGNS = ("resolv", "could not connect", "connection", "unreachable", "timed out", "timeout")


class MicroPythonMissing(Exception):
    """No MicroPython that can run the firmware; the message is one line and says what to do."""


class _FetchFailed(Exception):
    """One way to fetch did not work."""


class _Offline(_FetchFailed):
    """Nothing can be."""


@dataclass(frozen=True, slots=True)
class MicroPython:
    """A MicroPython that runs: `path` is one executable file (a launcher, where it was fetched)."""

    path: str
    version: tuple[int, int]
    bits: int
    origin: str

    @property
    def command(self) -> list[str]:
        """The start of a command line."""
        return [self.path]

    @property
    def note(self) -> str | None:
        """What this build cannot check, or None."""
        return None if self.bits == 32 else NOTE_64


def cache_folder() -> Path:
    """Where fetched things are kept: `OSSICLE_CACHE`, else `ossicle` in the user's cache folder."""
    if named := os.environ.get("OSSICLE_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ossicle"


def _run(command: list[str], timeout_s: float, more: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **more},
    )


def probe(path: str, origin: str) -> tuple[MicroPython | None, str]:
    """Run `path` once. Returns what it is, or None and why it cannot serve (one line)."""
    try:
        done = _run([path, "-c", PROBE], PROBE_TIMEOUT_S, {"MICROPYPATH": ""})
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"{path} does not run ({error.__class__.__name__})"
    words = done.stdout.split()
    if done.returncode or len(words) != 5 or words[0] != "micropython":
        said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        return None, f"{path} cannot run the firmware ({said[:120]})"
    version = (int(words[1]), int(words[2]))
    if version < OLDEST:
        return None, f"{path} is version {version[0]}.{version[1]}, and {OLDEST[0]}.{OLDEST[1]} is needed"
    bits = 32 if int(words[3]) < 2**32 else 64
    return MicroPython(path, version, bits, origin), ""


def find(*, fetch: bool = True, report: Callable[[str], object] | None = None) -> MicroPython:
    """Find a MicroPython that runs the firmware; raises MicroPythonMissing.

    `fetch` allows the network; `report` is called with a line of text when something takes a while.
    """
    if named := os.environ.get("OSSICLE_MICROPYTHON"):
        found, why = probe(shutil.which(named) or named, "OSSICLE_MICROPYTHON")
        if found is None:
            raise MicroPythonMissing(f"OSSICLE_MICROPYTHON is set, but {why}")
        return found
    cached = _cached()
    if cached is not None:
        return cached
    why = "fetching was not allowed"
    if fetch:
        try:
            return _fetch(report or (lambda line: None))
        except _FetchFailed as error:
            why = str(error)
    if on_path := shutil.which("micropython"):
        found, not_this = probe(on_path, "the path")
        if found is not None:
            return found
        why = f"{why}; {not_this}"
    raise MicroPythonMissing(
        f"no MicroPython to run the emulated board: {why}. Name one ({OLDEST[0]}.{OLDEST[1]} or newer) in "
        f"OSSICLE_MICROPYTHON, or copy {cache_folder() / 'micropython'} from a machine with a network"
    )


def _cached() -> MicroPython | None:
    """The best of what the cache holds and runs."""
    for architecture in ARCHITECTURES.get(platform.machine(), ()):
        launcher = cache_folder() / "micropython" / architecture / "micropython"
        if launcher.is_file():
            found, _ = probe(str(launcher), "the cache")
            if found is not None:
                return found
    return None


def _fetch(report: Callable[[str], object]) -> MicroPython:
    """Fetch into the cache; while another process does, wait for it and take what it got."""
    architectures = ARCHITECTURES.get(platform.machine(), ())
    if not architectures or not all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "dpkg-deb")):
        raise _FetchFailed("there is no apt here to fetch one with")
    folder = cache_folder() / "micropython"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder / "lock"):
            for left in folder.glob("fetch-*"):  # by a fetch that was killed
                shutil.rmtree(left, ignore_errors=True)
            return _cached() or _fetch_any(folder, architectures, report)
    except OSError as error:
        raise _FetchFailed(f"the cache folder {folder} cannot be used ({error.strerror or error})") from error


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    import fcntl  # not on Windows, which has no apt either

    with path.open("w") as file:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise _FetchFailed(f"another process holds {path}") from None
                time.sleep(0.1)
        yield


def _fetch_any(folder: Path, architectures: tuple[str, ...], report: Callable[[str], object]) -> MicroPython:
    """Try each architecture, suite and mirror until one runs."""
    family, codenames = distribution(OS_RELEASE)
    sources = mirrors(ETC_APT, codenames | ALIASES)
    if not sources:
        raise _FetchFailed("the machine's apt sources name no mirror of the distribution")
    suites = dict.fromkeys((*SUITES[family], *sorted(codenames)))
    deadline = time.monotonic() + FETCH_TIMEOUT_S
    why = "no suite has a package that runs"
    components = "main universe" if family == "ubuntu" else "main"
    for architecture, suite, source in itertools.product(architectures, suites, sources):
        report(f"Fetching MicroPython for {architecture} from {suite} into {folder} (once, some megabytes)")
        try:
            return _fetch_one(folder, architecture, source, f"{suite} {components}", deadline)
        except _Offline:
            raise
        except _FetchFailed as error:
            why = str(error)
    raise _FetchFailed(why)


def _fetch_one(folder: Path, architecture: str, source: Mirror, suite: str, deadline: float) -> MicroPython:
    """Download, unpack and try in a temporary folder beside the cache, then rename into place."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="fetch-") as temporary:
        work = Path(temporary)
        apt = _PrivateApt(work / "apt", architecture, source, suite, deadline)
        apt.run("apt-get", "update")
        version = package_version(apt.run("apt-cache", "show", "--no-all-versions", "micropython"))
        if version < OLDEST_PACKAGE:
            raise _FetchFailed(f"{suite.split()[0]} has no new enough MicroPython for {architecture}")
        apt.run("apt-get", "--yes", "--download-only", "--no-install-recommends", "install", "micropython")
        image = work / "image"
        (image / "root").mkdir(parents=True)
        for package in sorted(apt.packages.glob("*.deb")):
            apt.run("dpkg-deb", "--extract", str(package), str(image / "root"))
        launcher = _write_launcher(image)
        found, why = probe(str(launcher), "the distribution's package")
        if found is None:
            raise _FetchFailed(why)
        place = folder / architecture
        if place.exists():  # and broken
            place.rename(work / "old")
        image.rename(place)
        return MicroPython(str(place / launcher.name), found.version, found.bits, found.origin)


def _write_launcher(image: Path) -> Path:
    """A script that runs the unpacked program by its own loader and libraries, wherever the folder is."""
    root = image / "root"
    loaders = sorted(p for p in root.glob("**/ld-linux*.so.*") if p.exists())
    if not loaders or not (root / "usr/bin/micropython").is_file():
        raise _FetchFailed("the fetched packages hold no micropython and loader")
    folders = sorted({p.parent.relative_to(root).as_posix() for p in root.glob("**/lib*.so*") if p.is_file()})
    libraries = ":".join(f'"$root"/{folder}' for folder in folders)
    launcher = image / "micropython"
    launcher.write_text(
        "#!/bin/sh\n"
        "root=${0%/*}/root\n"
        f'exec "$root"/{loaders[0].relative_to(root).as_posix()} --library-path {libraries} '
        '"$root"/usr/bin/micropython "$@"\n'
    )
    launcher.chmod(0o755)
    return launcher


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror as the machine's sources give it: address, and how its signature is checked."""

    uri: str
    signed_by: str = ""  # a path, or the text of a key
    trusted: str = ""


class _PrivateApt:
    """An apt with its own lists, status and cache, but the machine's proxies, keys and certificates."""

    def __init__(self, folder: Path, architecture: str, source: Mirror, suite: str, deadline: float) -> None:
        self._config = folder / "apt.conf"
        self._deadline = deadline
        self.packages = folder / "cache/archives"
        for name in ("state/lists/partial", "cache/archives/partial", "empty"):
            (folder / name).mkdir(parents=True)
        (folder / "state/status").touch()
        key = source.signed_by
        if "BEGIN PGP" in key:
            key = str(folder / "key.asc")
            Path(key).write_text(source.signed_by)
        options = [f"arch={architecture}"]
        options += [f"signed-by={key}"] if key else []
        options += [f"trusted={source.trusted}"] if source.trusted else []
        (folder / "sources.list").write_text(f"deb [{' '.join(options)}] {source.uri} {suite}\n")
        settings = {
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": folder / "empty",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": folder / "empty",
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "state/status",
            "Dir::Cache": folder / "cache",
            "APT::Architecture": architecture,
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": 1,
            "Acquire::http::Timeout": 20,
            "Acquire::https::Timeout": 20,
            "APT::Update::Error-Mode": "any",
            "Debug::NoLocking": "true",
        }
        # Hooks of the machine's apt are for the machine's apt.
        cleared = ("APT::Architectures", "APT::Update", "DPkg::Post-Invoke", "DPkg::Pre-Install-Pkgs")
        lines = [f"#clear {name};" for name in cleared]
        lines += [f'{name} "{value}";' for name, value in settings.items()]
        lines.append(f'APT::Architectures {{ "{architecture}"; }};')
        self._config.write_text("\n".join(lines) + "\n")

    def run(self, program: str, *arguments: str) -> str:
        """Run one of apt's programs and return what it printed; raises _FetchFailed."""
        config = [] if program == "dpkg-deb" else ["-c", str(self._config), "-q"]
        left_s = max(1.0, self._deadline - time.monotonic())
        try:
            done = _run([program, *config, *arguments], left_s, {"LC_ALL": "C"})
        except subprocess.TimeoutExpired:
            raise _Offline(f"fetching took longer than {FETCH_TIMEOUT_S:.0f} s") from None
        except OSError as error:
            raise _FetchFailed(f"{program} does not run ({error.strerror})") from error
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg-deb:"))]
            line = (said or [f"exit code {done.returncode}"])[0]
            failure = _Offline if any(sign in done.stderr.lower() for sign in OFFLINE_SIGNS) else _FetchFailed
            raise failure(f"{program} failed ({line[:160].strip()})")
        return done.stdout


def package_version(text: str) -> tuple[int, int]:
    """The version that `apt-cache show` names, or (0, 0)."""
    found = re.search(r"^Version: (?:\d+:)?(\d+)\.(\d+)", text, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def distribution(os_release: Path) -> tuple[str, set[str]]:
    """The family whose suites to try, and the code names that this machine's own sources may use."""
    lines = os_release.read_text().splitlines() if os_release.exists() else []
    pairs = [line.partition("=") for line in lines]
    values = {key: value.strip().strip('"') for key, _, value in pairs}
    like = f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".split()
    keys = ("VERSION_CODENAME", "UBUNTU_CODENAME", "DEBIAN_CODENAME")
    names = {values[key] for key in keys if values.get(key)}
    return ("ubuntu" if "ubuntu" in like else "debian"), names


def mirrors(etc_apt: Path, suites: set[str]) -> list[Mirror]:
    """The mirrors in a machine's apt sources, of either style, that carry one of `suites`."""
    found: dict[str, Mirror] = {}
    for path in (etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))):
        readers = {".list": _one_line, ".sources": _deb822}
        if not path.is_file() or path.suffix not in readers:
            continue
        for entry in readers[path.suffix](path.read_text(errors="replace")):
            if suites.isdisjoint(entry.get("suites", "").split()) or "deb" not in entry["types"].split():
                continue
            for uri in entry.get("uris", "").split():
                if not uri.startswith("cdrom"):
                    found.setdefault(uri, Mirror(uri, entry.get("signed-by", ""), entry.get("trusted", "")))
    return list(found.values())


def _one_line(text: str) -> Iterator[dict[str, str]]:
    for line in text.splitlines():
        words = line.partition("#")[0].replace("[", " [ ").replace("]", " ] ").split()
        if len(words) < 3:
            continue
        options = {}
        if words[1] == "[" and "]" in words:
            end = words.index("]")
            options = dict(word.split("=", 1) for word in words[2:end] if "=" in word)
            words = [words[0], *words[end + 1 :]]
        if len(words) >= 3:
            yield {**options, "types": words[0], "uris": words[1], "suites": words[2]}


def _deb822(text: str) -> Iterator[dict[str, str]]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for paragraph in "\n".join(lines).replace("\r", "").split("\n\n"):
        entry: dict[str, str] = {}
        key = ""
        for line in paragraph.splitlines():
            if line[:1] in " \t" and key:  # a folded line; "." stands for an empty one, as in keys
                entry[key] += "\n" + ("" if line.strip() == "." else line.strip())
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                entry[key] = value.strip()
        if "types" in entry and entry.get("enabled", "yes").lower() not in ("no", "false", "0"):
            yield entry
