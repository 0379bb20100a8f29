"""Boards and microphones by name: what they stand for, and what is refused with which reason."""

from __future__ import annotations

import json

import pytest
from commandline import Run

from ossicle.board._schema import KEYS
from ossicle.board.faults import BoardError
from ossicle.board.profiles import advice, boards, check, chip_of, microphones, resolve
from ossicle.board.settings import read

MACHINES = {
    "Generic ESP32 module with ESP32": "esp32",
    "Generic ESP32 module with SPIRAM with ESP32": "esp32",
    "TinyPICO with ESP32-PICO-D4": "esp32",
    "ESP32-S2-SAOLA with ESP32S2": "esp32s2",
    "Generic ESP32S3 module with Octal-SPIRAM with ESP32S3": "esp32s3",
    "Seeed XIAO ESP32S3 with ESP32-S3-FN8": "esp32s3",
    "Generic ESP32C3 module with ESP32C3": "esp32c3",
    "ESP32C6 module with ESP32C6": "esp32c6",
    "Generic ESP32C5 module with ESP32C5": None,
    "linux [GCC 14.2.0] version": None,
    "": None,
}


@pytest.mark.parametrize(("machine", "name"), MACHINES.items())
def test_the_chip_is_known_by_its_machine(machine: str, name: str | None) -> None:
    chip = chip_of(machine)
    assert (chip.name if chip else None) == name


def test_what_they_stand_for() -> None:
    assert resolve("xiao-s3", None) == {
        "i2s": 0, "sck": 1, "ws": 2, "sd": 4, "uart": 0, "uart_tx": 43, "uart_rx": 44,
    }  # fmt: skip
    assert resolve(None, "sph0645") == {
        "mic": "i2s", "shift": 14, "gain": 256, "slot": "left", "late": 1, "warmup_ms": 100,
    }  # fmt: skip
    assert resolve("esp32_devkit", "INMP-441")["late"] == 0
    assert resolve(None, "pattern") == {"mic": "pattern"}
    assert resolve(None, None) == {}


def test_all_of_them_are_a_configuration() -> None:
    """Of the schema's keys and values, on pins that the chip has."""
    found = 0
    for board in boards().values():
        assert board.shown
        assert board.sources
        assert board.chip is not None
        for mic in microphones().values():
            assert mic.shown
            assert mic.sources
            if board.refused or mic.refused:
                continue
            found += 1
            config = resolve(board.name, mic.name)
            assert set(config) <= set(KEYS)
            assert read(json.dumps(config).encode())[1] == []
            check(config, f"Some module with {board.chip.shown}", board.name)
            assert len({config[pin] for pin in ("sck", "ws", "sd", "uart_tx", "uart_rx")}) == 5
    assert found >= 40


def test_a_microphone_works_at_a_rate_that_the_firmware_has() -> None:
    for mic in microphones().values():
        if mic.keys.get("mic") == "i2s":
            assert any(least <= 16000 <= most for least, most in mic.rates), mic.name


@pytest.mark.parametrize(
    ("board", "mic", "why"),
    [
        ("xiao-s3-sense", None, "PDM.*--board xiao-s3"),
        ("m5-atom-echo", "inmp441", "PDM.*--board m5-atom"),
        ("m5-core2", None, "PDM"),
        (None, "spm1423", "PDM"),
        ("esp32-devkit", "es8311", "both ways over one I2S"),
        ("toaster", None, "no board is called 'toaster': .*esp32-devkit"),
        (None, "sm58", "no microphone is called 'sm58': .*inmp441"),
    ],
)
def test_what_is_refused(board: str | None, mic: str | None, why: str) -> None:
    for ask in (resolve, advice):
        with pytest.raises(BoardError, match=why) as caught:
            ask(board, mic)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("machine", "config", "why"),
    [
        ("x with ESP32C3", {"i2s": 1, "sck": 4, "ws": 5, "sd": 6}, "one I2S"),
        ("x with ESP32S2", {"i2s": 1, "sck": 4, "ws": 5, "sd": 6}, "one I2S"),
        ("x with ESP32C3", {}, "sck 14: flash or USB"),
        ("x with ESP32", {"sck": 34}, "sck 34.*listen"),
        ("x with ESP32", {"ws": 39}, "ws 39.*listen"),
        ("x with ESP32", {"sd": 48}, "no such GPIO"),
        ("x with ESP32", {"sd": 7}, "flash"),
        ("x with ESP32S3", {"sck": 20}, "USB"),
        ("x with ESP32", {"sck": 4, "ws": 4}, "sck and ws are both 4: each needs a pin of its own"),
        ("x with ESP32", {"sd": 15}, "ws and sd are both 15"),
    ],
)
def test_what_a_chip_has_not(machine: str, config: dict[str, object], why: str) -> None:
    with pytest.raises(BoardError, match=why):
        check(config, machine)  # type: ignore[arg-type]


def test_a_build_without_i2s() -> None:
    with pytest.raises(BoardError, match=r"no I2S.*with 1\.27 it came to the ESP32C6"):
        check({"uart_tx": 16, "uart_rx": 17}, "ESP32C6 module with ESP32C6", i2s=False)
    with pytest.raises(BoardError, match="no I2S, and so no microphone: --image"):
        check({}, "Something else", i2s=False)
    check({"mic": "pattern"}, "ESP32C6 module with ESP32C6", i2s=False)


def test_what_a_chip_has() -> None:
    check({"sd": 34}, "x with ESP32")
    check({"i2s": 1, "sck": 4, "ws": 5, "sd": 6}, "x with ESP32S3")
    check({"sck": 99}, "a machine that nobody knows")
    check({"mic": "pattern", "sck": 14}, "x with ESP32C3")


def test_a_board_of_another_chip() -> None:
    with pytest.raises(BoardError, match="--board xiao-s3 has an ESP32S3, but this board has an ESP32C3"):
        check(resolve("xiao-s3", None), "x with ESP32C3", "xiao-s3")


def test_advice() -> None:
    assert any("--wifi" in line and "adpcm" in line for line in advice("lolin-s3", None))
    assert resolve("lolin-s3", None)["uart"] == 0
    assert resolve("esp32s3-devkit", None)["uart"] == 1  # also where it was 0 before
    assert any("late" in line for line in advice(None, "sph0645"))
    assert advice("esp32-devkit", "inmp441") == []


def test_the_command(ossicle: Run) -> None:
    done = ossicle("boards")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--board esp32-devkit" in done.stdout
    assert "SCK 14, WS 15, SD 32" in done.stdout
    assert "--mic inmp441" in done.stdout
    assert "refused: it gives PDM" in done.stdout
    rows = [json.loads(line) for line in ossicle("boards", "--json").stdout.splitlines()]
    assert {row["profile"] for row in rows if row["kind"] == "board"} == set(boards())
    assert {row["profile"] for row in rows if row["kind"] == "microphone"} == set(microphones())
    sense = next(row for row in rows if row["profile"] == "xiao-s3-sense")
    assert sense["config"] == {}
    assert "PDM" in sense["refused"]
