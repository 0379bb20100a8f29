"""Everything a fresh machine needs, in one command, without root.

    python3 tools/dev.py demo     hear the emulated board speak and see what was found
    python3 tools/dev.py test     the whole test suite
    python3 tools/dev.py soak     the long tests
    python3 tools/dev.py hil      the tests of a board, on the emulated chip or on --device URL
    python3 tools/dev.py lint     style, types, generated files
    python3 tools/dev.py wheel    build the wheel into dist/
    python3 tools/dev.py firmware build what goes onto a board into build/
    python3 tools/dev.py setup    only set up

Each sets up by itself: a virtual environment in .venv, the packages of pyproject.toml in it, and in the
user's cache a MicroPython and what the benchmarks measure beside. What follows the command is handed on
(to `ossicle demo`, to pytest).
"""

# Standard library only, and no syntax or call newer than Python 3.8: an old Python must still get as
# far as saying which one it needs.
from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "ossicle-setup.json"
OLDEST, NEWEST = (3, 11), (3, 14)
EXTRAS = {"demo": "plot,silero", "dev": "dev"}
NEEDS = {
    "demo": "demo",
    "test": "dev",
    "soak": "dev",
    "hil": "dev",
    "lint": "dev",
    "wheel": "dev",
    "setup": "dev",
    "firmware": "dev",
}
WORKERS_MAX = 8  # more emulated boards at once than this only wait for each other
OFFLINE_SIGNS = (
    "name resolution",
    "connection",
    "network is unreachable",
    "timed out",
    "getaddrinfo",
    "proxy",
)


class SetupError(Exception):
    """One line for the user."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def supported(version: tuple) -> bool:
    return OLDEST <= tuple(version[:2]) <= NEWEST


def dotted(version: tuple) -> str:
    return f"{version[0]}.{version[1]}"


def version_of(command: str) -> tuple:
    """The version of a Python that runs; (0, 0) for one that does not, such as an idle version manager's."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run(
            [command, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30
        )
        major, minor = done.stdout.split()
        return (int(major), int(minor))
    except (OSError, subprocess.SubprocessError, ValueError):
        return (0, 0)


def find_python() -> str | None:
    """A supported Python on the path, newest first."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and supported(version_of(found)):
            return found
    return None


def ensure_python(arguments: list) -> None:
    """Go on under a supported Python, or say that none was found."""
    if supported(sys.version_info):
        return
    found = find_python()
    if found is None:
        raise SetupError(
            f"Ossicle needs Python {dotted(OLDEST)} to {dotted(NEWEST)}; this is {dotted(sys.version_info)} "
            "and no other was found on the path."
        )
    say(f"This is Python {dotted(sys.version_info)}; going on with {found}.")
    raise SystemExit(subprocess.call([found, str(Path(__file__).resolve()), *arguments]))


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def wanted() -> str:
    """What the environment depends on: the dependencies, and the Python it was made with."""
    text = (ROOT / "pyproject.toml").read_bytes()
    return hashlib.sha256(text + repr(sys.version_info[:2]).encode()).hexdigest()


def stamp() -> dict:
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def ready(extras: str, told: dict) -> bool:
    """Whether the environment holds what `extras` needs; the tests' packages include the demo's."""
    return told.get("wanted") == wanted() and extras in told.get("extras", []) and venv_python().exists()


def make_venv() -> None:
    if supported(version_of(str(venv_python()))) and stamp().get("python") == list(sys.version_info[:2]):
        return
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            "This Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"
        )
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise SetupError(f"Making {VENV} failed: {said[-1]}")
    record({"python": list(sys.version_info[:2])})


def record(told: dict) -> None:
    STAMP.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def install(extras: str) -> None:
    """pip install of the checkout, editable, with its extras; raises SetupError with one line."""
    target = f"{ROOT}[{EXTRAS[extras]}]"
    command = [str(venv_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--editable", target], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode == 0:
        return
    said = done.stdout.decode(errors="replace").strip()
    if any(sign in said.lower() for sign in OFFLINE_SIGNS):
        raise SetupError("pip cannot reach the package index: connect to a network and run this again.")
    lines = said.splitlines() or ["no reason given"]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    raise SetupError(f"pip could not install what is needed: {errors[0]}")


def set_up(extras: str) -> None:
    """.venv with all that `extras` needs; does nothing when it is there already."""
    told = stamp()
    if ready(extras, told) or ready("dev", told):
        return
    say(f"Setting up {VENV} with Python {dotted(sys.version_info)} (a minute or so, once) ...")
    try:
        make_venv()
        install(extras)
    except OSError as error:
        raise SetupError(f"Setting up {VENV} failed: {error.strerror or error}") from error
    kept = told.get("extras", []) if told.get("wanted") == wanted() else []
    version = list(sys.version_info[:2])
    record({"wanted": wanted(), "python": version, "extras": sorted({*kept, extras})})


def find_micropython() -> None:
    """Find or fetch the MicroPython of the emulated board now, where waiting is expected."""
    path = ROOT / "host" / "ossicle" / "micropython.py"
    spec = importlib.util.spec_from_file_location("ossicle_micropython", path)
    if spec is None or spec.loader is None:
        raise SetupError(f"{path} is missing; the checkout is incomplete")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    try:
        found = module.find(report=say)
    except module.MicroPythonMissing as error:
        raise SetupError(str(error)) from error
    if found.note:
        say(f"Note: {found.path} is {found.note}.")


def find_peers() -> None:
    """Fetch now what the benchmarks measure beside and pip must not install. Without it their tests fail."""
    run("-m", "ossicle.bench.peers")


def run(*command: str) -> int:
    """A program of the environment, in the checkout; its exit code. Ctrl-C is the program's to handle."""
    child = subprocess.Popen([str(venv_python()), *command], cwd=str(ROOT))
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def demo(arguments: list) -> int:
    find_micropython()
    return run("-m", "ossicle.cli", "demo", *arguments)


def test(arguments: list) -> int:
    find_micropython()
    find_peers()
    cores = os.cpu_count() or 1
    workers = min(WORKERS_MAX, cores + (cores + 1) // 2)  # many tests wait for a board's clock
    return run("-m", "pytest", "-n", str(workers), "--dist", "loadgroup", *arguments)


def soak(arguments: list) -> int:
    find_micropython()
    return run("-m", "pytest", "-m", "soak", *arguments)


def hil(arguments: list) -> int:
    if not any(argument.split("=")[0] == "--device" for argument in arguments):
        find_micropython()
    return run("-m", "pytest", "tests/hil", *arguments)


def lint(arguments: list) -> int:
    checks = (
        ("-m", "ruff", "check", "."),
        ("-m", "ruff", "format", "--check", "."),
        (
            "-m",
            "mypy",
        ),
        ("tools/specgen.py", "--check"),
    )
    return max([run(*check) for check in checks])


def wheel(arguments: list) -> int:
    return run("-m", "build", "--wheel", *arguments, str(ROOT))


def firmware(arguments: list) -> int:
    return run("tools/firmware.py", *arguments)


def setup(arguments: list) -> int:
    find_micropython()
    find_peers()
    say(f"{VENV} is ready.")
    return 0


COMMANDS = {
    "demo": demo,
    "test": test,
    "soak": soak,
    "hil": hil,
    "lint": lint,
    "wheel": wheel,
    "setup": setup,
    "firmware": firmware,
}


def main(arguments: list) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if arguments else 2
    if arguments[0] not in COMMANDS:
        say(f"dev.py: no command {arguments[0]!r}; there are {', '.join(COMMANDS)}")
        return 2
    try:
        ensure_python(arguments)
        set_up(NEEDS[arguments[0]])
        return COMMANDS[arguments[0]](arguments[1:])
    except SetupError as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
