"""The aggregator's benchmark: every way gives every sample, and one that does not is noticed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ossicle.bench import aggregator, suite
from ossicle.bench.figures import Effort
from ossicle.bench.source import BenchmarkError


def test_the_table() -> None:
    table = suite.find("aggregator")(Effort(quick=True))
    assert {row.name for row in table.rows} == set(aggregator.subjects())
    for row in table.rows:
        assert set(row.values) == {column.key for column in table.columns}
        assert float(row.values["samples"] or 0) > 0
        assert (row.values["ratio"] is None) is ("base64" in row.name)
    assert table.value("np.concatenate, 1 s", "ratio") == 1.0


def test_the_work_is_that_of_batches() -> None:
    """Not one array for each utterance: that is what the plain way gives."""
    given = aggregator.utterances(60)
    assert sum(map(len, given)) == 60 * 16000
    batches = list(aggregator.ours(512)(given))
    assert [len(batch) for batch in batches] != [len(each) for each in aggregator.plain(512)(given)]
    assert all(5 * 16000 <= len(batch) < 15 * 16000 for batch in batches[:-1])


@pytest.mark.parametrize("spoil", ["loses", "doubles", "changes", "reorders"])
def test_one_that_cheats_is_found(spoil: str) -> None:
    given = aggregator.utterances(20)

    def give(utterances: list[aggregator.Frames]) -> Iterator[aggregator.Frames]:
        whole = [each.copy() for each in aggregator.plain(512)(utterances)]
        if spoil == "loses":
            whole[1] = whole[1][:-1]
        elif spoil == "doubles":
            whole.append(whole[-1][-1:])
        elif spoil == "changes":
            whole[1][777] ^= 1
        else:
            whole[0], whole[1] = whole[1], whole[0]
        yield from whole

    with pytest.raises(BenchmarkError, match=f"{spoil}: .* samples, or others"):
        aggregator.prove(spoil, give, given)
    aggregator.prove("plain", aggregator.plain(512), given)
    assert isinstance(given[0], np.ndarray)
