from collections.abc import Generator

import pytest
from subjects import Agent


@pytest.fixture(scope="session")
def agent(micropython: str) -> Generator[Agent]:
    """One MicroPython with the firmware for all examples."""
    with Agent(micropython) as running:
        yield running
