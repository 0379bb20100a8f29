"""What an install would do to a board, from what lies there."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ossicle.board.faults import BoardError
from ossicle.board.install import configure, intend
from ossicle.board.plan import MANIFEST, Build, digest, plan, room
from ossicle.board.settings import ConfigError, Settings
from ossicle.board.survey import HASH_DIGITS, Board, parse, suits
from ossicle.board.transfer import scripts

BUILD = Build("1.0", {"ossicle/app.mpy": b"app" * 2000, "boards/esp32.mpy": b"board"}, b"# Ossicle\n")
OTHER = Build(
    "0.9", {"ossicle/app.mpy": b"old", "boards/esp32.mpy": b"board", "ossicle/gone.mpy": b"x"}, b"#\n"
)


def tree(build: Build) -> dict[str, str]:
    files = {**build.files, MANIFEST: build.manifest}
    return {path: digest(data)[:HASH_DIGITS] for path, data in files.items()}


def pieces(data: bytes, size: int = 9) -> list[str]:
    """A file as look.py tells it."""
    return [base64.b64encode(data[at : at + size]).decode() for at in range(0, len(data), size)]


def told(*, slot: str = "", **more: Any) -> dict[str, Any]:
    plain = {
        "platform": "esp32",
        "version": [1, 25, 0],
        "machine": "Generic ESP32 module with ESP32",
        "mpy": 6 | 3 << 8 | 10 << 10,
        "id": "0123456789ab",
        "free": 1_000_000,
        "heap": 150_000,
        "deflate": False,
        "i2s": True,
        "slot": pieces(slot.encode()),
        "a": {},
        "b": {},
        "main": "",
        "ours": False,
        "loose": [],
        "config": None,
        "log": None,
    }
    return {**plain, **more}


def board(**more: Any) -> Board:
    return parse(["ets Jul 29 2019", "@ossicle " + json.dumps(told(**more))], "/dev/x")


def installed(build: Build, slot: str = "a", **more: Any) -> Board:
    return board(
        **{slot[-1:]: tree(build), "slot": slot[-1:], "main": digest(build.main), "ours": True, **more}
    )


def finished(board_: Board, build: Build = BUILD) -> list[str]:
    """The last calls of an install: what is renamed, in order."""
    text = "".join(scripts(board_, plan(board_, build, b"{}\n")))
    return [line.split("'")[3] for line in text.splitlines() if line.startswith("swap")]


class TestPlan:
    def test_an_empty_board_gets_all_of_it(self) -> None:
        found = plan(board(), BUILD, b"{}\n")
        assert found.target == found.last == "a"
        assert found.main == BUILD.main
        assert [*found.send] == [*BUILD.files, MANIFEST]
        assert (found.keep, found.there, found.first, found.backup) == ((), (), "", False)

    def test_the_same_again_is_nothing(self) -> None:
        found = plan(installed(BUILD), BUILD, None)
        assert found.nothing
        assert found.bytes == 0
        assert plan(installed(BUILD), BUILD, None, force=True).send.keys() == {*BUILD.files, MANIFEST}

    @pytest.mark.parametrize(("slot", "other"), [("a", "b"), ("b", "a")])
    def test_another_version_goes_beside(self, slot: str, other: str) -> None:
        found = plan(installed(OTHER, slot), BUILD, None)
        assert found.target == other
        assert found.last == slot + other
        assert found.keep == ("boards/esp32.mpy",)
        assert {*found.send} == {"ossicle/app.mpy", MANIFEST}

    def test_what_a_cut_off_copy_left_is_not_sent_again(self) -> None:
        half = {"ossicle/app.mpy": tree(BUILD)["ossicle/app.mpy"], "boards/esp32.mpy": "damaged"}
        found = plan(installed(OTHER, b=half), BUILD, None)
        assert found.there == ("ossicle/app.mpy",)
        assert found.keep == ("boards/esp32.mpy",)
        assert {*found.send} == {MANIFEST}

    @pytest.mark.parametrize("slot", ["ab", "abx"])
    def test_a_version_that_was_to_be_tried_is_no_more_before_it_is_changed(self, slot: str) -> None:
        found = plan(board(slot=slot, a=tree(OTHER), b=tree(OTHER)), BUILD, None)
        assert (found.first, found.target, found.last) == ("a", "b", "ab")
        again = plan(board(slot=slot, a=tree(OTHER), b=tree(BUILD)), BUILD, None)
        assert (again.first, again.bytes, again.last) == ("", len(BUILD.main), "ab")
        back = plan(board(slot=slot, a=tree(BUILD), b=tree(OTHER)), BUILD, None)
        assert (back.target, back.last) == ("", "a")

    def test_a_damaged_file_in_force_is_not_trusted(self) -> None:
        found = plan(board(slot="a", a={**tree(BUILD), "ossicle/app.mpy": "0" * HASH_DIGITS}), BUILD, None)
        assert found.target == "b"
        assert "ossicle/app.mpy" in found.send
        assert "boards/esp32.mpy" in found.keep

    def test_the_main_of_somebody_else_is_kept(self) -> None:
        assert plan(board(main="0" * 64), BUILD, None).backup
        assert not plan(installed(OTHER), BUILD, None).backup

    def test_a_full_board_is_told(self) -> None:
        full = board(free=20_000)
        assert room(full, plan(full, BUILD, None)) > 0
        assert room(board(free=-1), plan(board(free=-1), BUILD, None)) == 0
        with pytest.raises(BoardError, match="bytes are missing"):
            intend(full, BUILD, Settings(), None)


class TestOrder:
    def test_the_slot_is_the_last_step_where_one_is_in_force(self) -> None:
        assert finished(installed(OTHER)) == ["/ossicle.json", "/main.py", "/firmware/slot"]

    def test_main_is_the_last_step_where_none_is(self) -> None:
        assert finished(board(main="0" * 64)) == ["/ossicle.json", "/firmware/slot", "/main.py"]

    def test_the_slot_in_force_is_only_read(self) -> None:
        there = installed(OTHER)
        text = "".join(scripts(there, plan(there, BUILD, b"{}\n")))
        calls = [
            line for line in text.splitlines() if line.startswith(("put", "swap", "sweep", "remove", "copy"))
        ]
        assert len(calls) > 6
        for call in calls:
            assert "/firmware/a/" not in call or call.startswith("copy('/firmware/a/")
            assert not call.startswith("sweep('/firmware/a'")

    def test_files_arrive_whole(self) -> None:
        there = board()
        got = b""
        for line in "".join(scripts(there, plan(there, BUILD, None))).splitlines():
            if line.startswith("put('/firmware/a/ossicle/app.mpy'"):
                assert int(line.split(", ")[1]) == len(got)
                got += base64.b64decode(line.split("'")[3])
        assert got == BUILD.files["ossicle/app.mpy"]

    def test_a_script_is_short_enough_for_a_small_heap(self) -> None:
        big = Build("1", {"x.mpy": bytes(100_000)}, b"#")
        lengths = [len(text) for text in scripts(board(), plan(board(), big, None))]
        assert max(lengths) < 10_000
        assert len(lengths) > 12


class TestSettings:
    def test_a_configuration_that_stays_is_not_written(self) -> None:
        there = board(config=pieces(b'{"sck":4}'))
        assert configure(there, lambda settings: settings) == ({"sck": 4}, None)
        changed = configure(there, lambda settings: Settings({**settings, "ws": 5}))
        assert json.loads(changed[1] or b"") == changed[0] == {"sck": 4, "ws": 5}

    def test_one_with_faults_is_not_thrown_away(self) -> None:
        there = board(config=pieces(b'{"sck":99,\n"ws": }'))
        assert configure(there, lambda settings: settings)[1] is None
        with pytest.raises(ConfigError, match=r"ossicle config /dev/x edit\), line 2: this is no JSON"):
            configure(there, lambda settings: Settings(ws=5))

    def test_none_is_none(self) -> None:
        assert configure(board(), lambda settings: settings) == ({}, None)

    def test_nothing_shows_a_secret(self) -> None:
        there = board(config=pieces(b'{"password": "hush hush"}'))
        settings, config = configure(there, lambda settings: Settings({**settings, "ws": 5}))
        intent = intend(there, BUILD, settings, config)
        assert "hush" not in f"{intent!r}{intent}{intent.board}"
        assert b"hush" in (intent.plan.config or b"")


HOSTILE = [
    ("mpy", "x"),
    ("mpy", float("inf")),
    ("version", None),
    ("a", ["../../x"]),
    ("b", 5),
    ("config", [b"x".hex()]),
    ("log", [5]),
    ("loose", None),
]


class TestSurvey:
    def test_the_chip_decides_what_is_compiled(self) -> None:
        assert (board().architecture, board().mpy_version) == ("xtensawin", (6, 3))
        assert board(mpy=6 | 11 << 10).architecture == "rv32imc"
        assert board(mpy=0).architecture == ""

    @pytest.mark.parametrize(
        ("slot", "is_"), [("a", "a"), ("ba", "ba"), ("bax", "bax"), ("aa", ""), ("q", "")]
    )
    def test_a_slot_that_makes_no_sense_is_none(self, slot: str, is_: str) -> None:
        assert board(slot=slot).slot == is_

    @pytest.mark.parametrize(
        "said",
        [[], ["@ossicle {"], ["@ossicle []"], ["@ossicle {}"], ["@ossicle " + "[" * 60_000]]
        + [["@ossicle " + json.dumps(told(**{name: bad}))] for name, bad in HOSTILE],
    )
    def test_noise_is_told_as_noise(self, said: list[str]) -> None:
        with pytest.raises(BoardError, match="cannot be read"):
            parse(said, "/dev/x")

    def test_other_boards_are_refused(self) -> None:
        suits(board())
        with pytest.raises(BoardError, match=r"this is Pico; .* ESP32"):
            suits(board(platform="rp2", machine="Pico"))
        with pytest.raises(BoardError, match=r"MicroPython 1\.22\.1 .* 1\.24 or newer .*--image"):
            suits(board(version=[1, 22, 1]))
