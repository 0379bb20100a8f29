"""The contract's vectors on the device itself: the tests of tests/conformance, with another `agent`."""

from __future__ import annotations

import inspect
from importlib import import_module

from rig import BoardAgent, Repl

TOPICS = ("codec", "packet", "ring", "sealed", "serial", "session")

for topic in TOPICS:
    module = import_module(f"conformance.test_{topic}")
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("test_") and "agent" in inspect.signature(function).parameters:
            globals()[f"test_{topic}_{name.removeprefix('test_')}"] = function


def test_every_topic_is_asked() -> None:
    for topic in TOPICS:
        assert any(name.startswith(f"test_{topic}_") for name in globals()), topic


def test_a_question_finds_no_room_and_is_asked_again(repl: Repl, agent: BoardAgent) -> None:
    repl.run(
        "hog = []\ntry:\n    while True:\n        hog.append(bytearray(512))\nexcept MemoryError:\n    pass"
    )
    assert agent.ask("cobs_encode", [{"data": "1100"}]) == ["02110100"]
    assert repl.run("print('hog' in globals())").strip() == "False"
