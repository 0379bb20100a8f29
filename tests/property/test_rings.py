"""Random operations on the host's ring, the device's ring and the plain models of both.

After each operation the answers, the samples and the state must be equal. Positions start at 0, just
below 2**30, where a device's counters wrap, and beyond it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from oracle import DeviceRing, HostRing
from oracle.steps import Recorder
from profiles import examples
from rings import MASK, DevicePlayer, HostPlayer, expected
from subjects import Agent

Ops = list[tuple[str, list[Any]]]

LIMIT = 2**30
STARTS = st.sampled_from([0, 0, LIMIT - 1, LIMIT - 7, LIMIT - 40, LIMIT, 3 * LIMIT - 11])


@st.composite
def shared_rings(draw: st.DrawFn) -> dict[str, Any]:
    """Rings of hop 1, where the device has nothing to round."""
    capacity = draw(st.integers(1, 24))
    return {
        "capacity": capacity,
        "channels": draw(st.sampled_from([1, 1, 2])),
        "hop": 1,
        "overlap": draw(st.integers(0, capacity - 1)),
        "overflow": draw(st.sampled_from(["overwrite", "reject"])),
        "start": draw(STARTS),
    }


@st.composite
def device_rings(draw: st.DrawFn) -> dict[str, Any]:
    hop = draw(st.integers(1, 9))
    overlap = draw(st.integers(0, 12))
    start = draw(STARTS)
    if start // hop > LIMIT - 1000:
        hop += 3  # a stream ends before its sequence would reach 2**30 (W-2)
    return {
        "capacity": hop + overlap + draw(st.integers(0, 30)),
        "channels": draw(st.sampled_from([1, 1, 2])),
        "hop": hop,
        "overlap": overlap,
        "overflow": draw(st.sampled_from(["overwrite", "overwrite", "reject"])),
        "start": draw(st.sampled_from([start, start // hop * hop])),
    }


def counts(most: int) -> st.SearchStrategy[int]:
    return st.one_of(st.integers(0, 8), st.integers(0, most))


def op(name: str, *args: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, list[Any]]]:
    return st.tuples(st.just(name), st.tuples(*args).map(list))


def shared_ops(start: int) -> st.SearchStrategy[Ops]:
    places = st.integers(0, 120).map(lambda n: start + n)
    one = st.one_of(
        op("write", counts(80)),
        op("write", counts(80)),
        op("read", counts(30)),
        op("peek", counts(30)),
        op("advance", counts(30)),
        op("skip", counts(30)),
        op("history", places, st.integers(1, 30)),
        op("clear"),
    )
    return st.lists(one, max_size=25)


def host_ops(start: int) -> st.SearchStrategy[Ops]:
    windows = (st.integers(1, 9), st.integers(0, 9))
    more = st.one_of(
        op("write", counts(60), st.booleans()),
        op("chunk", *windows),
        op("chunks", *windows),
        op("close"),
    )
    return st.lists(st.one_of(more, shared_ops(start).map(tuple)), max_size=20).map(flat)


def flat(items: list[Any]) -> Ops:
    """Lists of operations among the operations, in place."""
    out: Ops = []
    for item in items:
        if item and isinstance(item[0], str):
            out.append(item)
        else:
            out += item[:4]
    return out


def device_ops(first: int, start: int) -> st.SearchStrategy[Ops]:
    sequences = st.integers(0, 40).map(lambda n: first + n)
    more = st.one_of(
        op("hole", counts(40)),
        op("window", sequences),
        op("window", sequences),
        op("torn", sequences, counts(20)),
        op("fates", sequences, st.just(12)),
        op("write", counts(20)),
    )
    return st.lists(st.one_of(more, shared_ops(start).map(tuple)), max_size=25).map(flat)


def recorded(model: Any, ops: Ops, ring: dict[str, Any], masked: bool) -> list[Any]:
    recorder = Recorder(model)
    return [expected(recorder.do(name, *args), ring, masked) for name, args in ops]


def compare(got: list[Any], wanted: list[Any], ops: Ops) -> None:
    for number, (one, other) in enumerate(zip(got, wanted, strict=True)):
        assert one == other, f"operation {number}: {ops[number]}"


def host_model(ring: dict[str, Any]) -> HostRing:
    return HostRing(ring["capacity"], overflow=ring["overflow"], start=ring["start"])


def device_model(ring: dict[str, Any]) -> DeviceRing:
    return DeviceRing(
        ring["capacity"], ring["hop"], ring["overlap"], overflow=ring["overflow"], start=ring["start"]
    )


def host_does(ring: dict[str, Any], ops: Ops) -> list[Any]:
    player = HostPlayer(ring)
    out = []
    for name, args in ops:
        out.append(player.do(name, args))
        player.ring.check()
    return out


@examples(150)
@given(st.data())
def test_three_rings_agree(agent: Agent, data: st.DataObject) -> None:
    """Host, device and model, on what both rings can do."""
    ring = data.draw(shared_rings())
    ops = data.draw(shared_ops(ring["start"]))
    host = recorded(host_model(ring), ops, ring, masked=False)
    device = recorded(device_model(ring), ops, ring, masked=True)
    for (_, one), (_, other) in zip(host, device, strict=True):
        assert {**one, "written": one["written"] & MASK, "read": one["read"] & MASK} == other
    compare(host_does(ring, ops), host, ops)
    if ops:
        compare(DevicePlayer(agent, ring).do_all(ops), device, ops)


@examples(250)
@given(st.data())
def test_host_ring(data: st.DataObject) -> None:
    """All that the host's ring can do without waiting, chunks and closing included."""
    ring = data.draw(shared_rings())
    ring["overflow"] = data.draw(st.sampled_from(["block", "reject", "overwrite"]))
    ops = data.draw(host_ops(ring["start"]))
    ops = [each for each in ops if each[0] != "chunks" or sum(each[1]) <= ring["capacity"]]
    compare(host_does(ring, ops), recorded(host_model(ring), ops, ring, masked=False), ops)


@examples(250)
@given(st.data())
def test_device_ring(agent: Agent, data: st.DataObject) -> None:
    """Hops, windows and holes, wherever they start and end."""
    ring = data.draw(device_rings())
    ops = data.draw(device_ops(ring["start"] // ring["hop"], ring["start"]))
    if ops:
        wanted = recorded(device_model(ring), ops, ring, masked=True)
        compare(DevicePlayer(agent, ring).do_all(ops), wanted, ops)
