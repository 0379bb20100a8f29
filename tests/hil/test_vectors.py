"""The contract's vectors on the device itself: the tests of tests/conformance, with another `agent`."""

from __future__ import annotations

import inspect
from importlib import import_module

TOPICS = ("codec", "packet", "ring", "sealed", "serial", "session")

for topic in TOPICS:
    module = import_module(f"conformance.test_{topic}")
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("test_") and "agent" in inspect.signature(function).parameters:
            globals()[f"test_{topic}_{name.removeprefix('test_')}"] = function


def test_every_topic_is_asked() -> None:
    for topic in TOPICS:
        assert any(name.startswith(f"test_{topic}_") for name in globals()), topic
