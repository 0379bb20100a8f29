"""A board's configuration: what is refused, with which line and reason; no secret is ever told."""

from __future__ import annotations

import json

import pytest

from ossicle.board._schema import KEYS
from ossicle.board.settings import (
    HIDDEN,
    ConfigError,
    Settings,
    check,
    editable,
    effective,
    parsed,
    read,
    shown,
    unhidden,
    written,
)

SECRET = "correct horse"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("{", 1, "this is no JSON"),
        ("", 1, "this is no JSON"),
        ("[]", 1, "'{' is missing"),
        ('{"sck": 4,}', 1, "column 11"),
        ('{\n "sck": 4\n "ws": 5}', 3, "',' or '}' is missing here, column 2"),
        ('{\n "sck": 4}\nx', 3, "nothing may follow"),
        ('{\n "sck": 4,\n\n "sick": 3}', 4, 'no key "sick"; is sck meant?'),
        ('{\n "port": 70000}', 2, "port: 70000 cannot be; it has to be 1 to 65535"),
        ('{\n "port": -1}', 2, "it has to be 1 to 65535"),
        ('{\n "port": 4747.0}', 2, "it has to be a whole number"),
        ('{\n "port": true}', 2, "it has to be a whole number"),
        ('{"plain": 1}', 1, "it has to be true or false"),
        ('{"sck":\n"4"}', 1, "it has to be a whole number"),
        ('{"link": "tcp"}', 1, "it has to be serial or udp or ws"),
        ('{"ssid": "%s"}' % ("é" * 17), 1, "too long, 32 bytes"),
        ('{"key": "abc"}', 1, "32 to 64 hex digits"),
        ('{"sck": 1,\n"sck": 2}', 2, "there twice, first in line 1"),
        ('{\n"link": "udp", "ssid": "x"}', 2, "udp needs host"),
        ('{"device": "%s"}' % ("x" * 65), 1, "too long"),
        ('{"sck": ' + "[" * 5000 + "}", 1, "no JSON"),
        ('{"sck": [1]}', 1, "[1] cannot be"),
        ('{"sck": ' + "9" * 6000 + "}", 1, "no JSON object of plain values"),
    ],
)
def test_what_is_wrong_has_a_line_and_a_reason(text: str, line: int, reason: str) -> None:
    _, problems = read(text.encode())
    assert [problem.line for problem in problems] == [line]
    assert reason in str(problems[0])
    with pytest.raises(ConfigError, match=r"ossicle\.json, line"):
        check(text.encode(), "/ossicle.json")


def test_no_text_and_no_file() -> None:
    assert read(b"{\n\xff}")[1][0].line == 2
    assert read(None) == ({}, [])
    assert read(b' {\n"sck": 3 } \n') == ({"sck": 3}, [])


def test_every_default_may_be_written() -> None:
    defaults = Settings({name: key.default for name, key in KEYS.items()})
    assert json.loads(written(defaults)) == dict(defaults)
    assert check(written(defaults)) == defaults


def test_all_that_is_wrong_is_told_in_the_order_of_the_lines() -> None:
    settings, problems = read(b'{"ws": 99,\n"sd": 5,\n"port": 0}')
    assert [problem.line for problem in problems] == [1, 3]
    assert settings == {"sd": 5}
    with pytest.raises(ConfigError, match=r"line 1: .*\(and 1 more\)"):
        check(b'{"ws": 99,\n"sd": 5,\n"port": 0}')


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "%s", "key": "%s"}',
        '{"password": "%s",\n "key": "%s" "sck": 4}',
        '{"password": "%s", "key": "%s", "sck": 99}',
        '{"key": ["%s"], "password": {"a": "%s"}}',
        '{"password": "%s", "password": "%s"}',
    ],
)
def test_no_secret_is_told(text: str) -> None:
    data = (text % (SECRET, SECRET)).encode()
    settings, problems = read(data)
    assert SECRET not in f"{settings!r} {settings} {shown(settings)} {[str(p) for p in problems]}"
    if problems:
        with pytest.raises(ConfigError) as caught:
            check(data)
        assert SECRET not in str(caught.value) + repr(caught.value)


def test_a_value_from_the_command_line() -> None:
    assert parsed("sck", "26") == 26
    assert parsed("plain", "yes") is True
    assert parsed("ssid", "26") == "26"
    for name, text in (("sck", "x"), ("sck", "49"), ("plain", "2"), ("none", "1"), ("link", "TCP")):
        with pytest.raises(ConfigError):
            parsed(name, text)
    with pytest.raises(ConfigError) as caught:
        parsed("key", SECRET)
    assert SECRET not in str(caught.value)


def test_what_holds() -> None:
    assert effective({}, "ibuf") == 40960
    assert effective({"link": "udp"}, "ibuf") == 20480
    assert effective({"link": "udp", "ibuf": 8192}, "ibuf") == 8192


class TestEditing:
    def test_secrets_are_hidden_and_come_back(self) -> None:
        before = json.dumps({"sck": 4, "password": SECRET, "key": ""}).encode()
        text, secrets = editable(before)
        assert SECRET not in text
        assert json.loads(text) == {"sck": 4, "password": HIDDEN, "key": ""}
        after = json.loads(unhidden(text.replace("4", "5"), secrets))
        assert after == {"sck": 5, "password": SECRET, "key": ""}

    def test_a_new_secret_counts(self) -> None:
        text, secrets = editable(json.dumps({"password": SECRET}).encode())
        assert json.loads(unhidden(text.replace(HIDDEN, "another"), secrets)) == {"password": "another"}

    def test_what_is_no_json_can_be_mended(self) -> None:
        text, secrets = editable(b'{"sck": 4,\n"password": "%s",\n}' % SECRET.encode())
        assert SECRET not in text
        assert text.startswith('{"sck": 4,\n')
        assert SECRET not in repr(secrets)
        assert json.loads(unhidden(text.replace(",\n}", "}"), secrets)) == {"sck": 4, "password": SECRET}

    def test_lines_are_those_of_the_edited_text(self) -> None:
        with pytest.raises(ConfigError, match="line 3: "):
            unhidden('{\n\n"sck": 77}', Settings())
        with pytest.raises(ConfigError, match="line 2: this is no JSON"):
            unhidden('{\n"sck" 77}', Settings())
