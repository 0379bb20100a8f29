"""From whatever is on the board to a HELLO, by `ossicle install`, and what it then says of itself."""

from __future__ import annotations

from typing import Any

from commandline import Run, rows
from dossier import Dossier
from rig import Target

from ossicle import __version__
from ossicle.board.survey import Board


def test_install(installed: list[dict[str, Any]], board: Board, dossier: Dossier) -> None:
    dossier.facts |= {
        "machine": board.machine,
        "MicroPython": ".".join(map(str, board.version)),
        "machine code": board.architecture or "none that mpy-cross makes",
    }
    found = installed[-1]
    dossier.facts |= {"installed, bytes": found["bytes"], "installed in, s": round(found["seconds"], 1)}
    assert found["event"] == "installed"
    assert found["device"], "it answers"


def test_a_second_run_copies_nothing(installed: list[dict[str, Any]], target: Target, ossicle: Run) -> None:
    done = ossicle("install", target.console or "", "--json", timeout=180)
    assert done.returncode == 0, done.stderr
    found = rows(done)[-1]
    assert (found["event"], found["files"], found["bytes"]) == ("installed", 0, 0), rows(done)


def test_hello(live: Target, dossier: Dossier) -> None:
    with live.open() as mic:
        hello = mic.hello
    dossier.facts |= {
        "chip": hello.fields.get("chip"),
        "board": hello.board,
        "device": hello.device,
        "firmware": hello.firmware,
        "spec": hello.spec,
        "ring, frames": hello.ring_frames,
        "usb": hello.fields.get("usb"),
        "reset": hello.fields.get("reset"),
    }
    assert hello.device
    assert hello.firmware.partition("+")[0] == __version__  # behind the plus stands which build
    assert {8000, 16000, 32000, 48000} <= set(hello.rates)
    assert {"pcm16", "adpcm"} <= set(hello.codecs)
    assert hello.fields["mic"]["kind"] == "pattern"
    assert hello.notes == (), "the configuration on the board has values that were refused"
