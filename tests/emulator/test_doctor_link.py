"""Faults between the microphone and this computer, each made by the emulated board or a relay on its line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any

import pytest

from ossicle.doctor.collect import listen
from ossicle.doctor.evidence import Evidence
from ossicle.doctor.examine import examine
from ossicle.doctor.finding import Finding
from ossicle.emulator import Emulator
from ossicle.soak.datagrams import free_port
from ossicle.soak.lane import Gate
from ossicle.soak.loop import Loop
from ossicle.soak.plan import Faults, Span
from ossicle.soak.serial import SerialRelay

Told = Callable[[Callable[[Path], Evidence]], Evidence]
SECONDS = 0.6  # beside the 1.5 in which a microphone wakes up: STATUS has come by then


def heard(speech: Path, *, url: str = "", **options: Any) -> Evidence:
    """All of it, flat out."""
    with Emulator(speech, speed="max", **options) as board:
        return listen(board.url + url, 60, timeout=5)


def on_wifi(speech: Path, **options: Any) -> Evidence:
    port = free_port(SOCK_DGRAM)
    with Emulator(speech, link="udp", host_port=port, plain=True, device="clinic", **options) as board:
        return listen(f"udp://127.0.0.1:{port}?device={board.device}&plain=1", SECONDS, timeout=5)


@contextmanager
def relayed(board: Emulator, faults: Faults, *outages: Span) -> Iterator[str]:
    """The URL of a line to the board on which that happens, counted from its making."""
    loop, gate = Loop(), Gate(outages)
    relay = SerialRelay(loop, board.port, faults, gate)
    loop.add(relay)
    loop.start()
    gate.begin(time.monotonic())
    try:
        yield f"serial://{relay.port}"
    finally:
        loop.stop()
        assert loop.failure is None


def only(evidence: Evidence, name: str) -> Finding:
    told = examine(evidence)
    assert [each.name for each in told] == [name]
    assert told[0].cure
    return told[0]


def said(evidence: Evidence, **fields: object) -> Evidence:
    """The same from a board that says so in its HELLO."""
    assert evidence.link is not None
    hello = replace(evidence.link.hello, fields={**evidence.link.hello.fields, **fields})
    return replace(evidence, link=replace(evidence.link, hello=hello))


def overwritten(speech: Path) -> Evidence:
    """The line is cut for longer than the ring lasts, and the ring is short."""
    with (
        Emulator(speech, config={"ring_samples": 8192}) as board,
        relayed(board, Faults(), Span(1.5, 1.2)) as url,
    ):
        return listen(url, 2.0, timeout=5)


def slow(speech: Path) -> Evidence:
    with Emulator(speech, config={"max_baud": 115200}) as board:
        return listen(board.url, SECONDS, timeout=5)


def divided_wrongly(speech: Path) -> Evidence:
    with Emulator(speech, troubles={"true_rate": 15625}) as board:
        return listen(board.url, 2.0, timeout=5)


def troubled_wifi(speech: Path) -> Evidence:
    troubles = {"wifi_rssi": -83, "wifi_power_save": True, "lost_callbacks": [20, 40]}
    return on_wifi(speech, troubles=troubles, config={"sck": 99, "ring_samples": 8192})


@pytest.fixture(scope="module")
def told(speech: Path) -> Iterator[Told]:
    """What each of these heard. All listen at once: they do little but wait."""
    every = (collected, overwritten, slow, divided_wrongly, on_wifi, troubled_wifi)
    with ThreadPoolExecutor(len(every)) as pool:
        begun = {each: pool.submit(each, speech) for each in every}
        yield lambda each: begun[each].result()


@pytest.fixture(scope="module")
def good(told: Told) -> Evidence:
    """Of a board with no fault, in real time."""
    return told(collected)


def collected(speech: Path, **options: Any) -> Evidence:
    """With the heap known, which a busy machine may keep from being told twice in so short a time."""
    for _ in range(4):
        evidence = collecting(speech, **options)
        if evidence.link is not None and evidence.link.free_heap is not None:
            break
    return evidence


def collecting(speech: Path, **options: Any) -> Evidence:
    """The shims make garbage, which the chip's peripherals do not: it is collected ten times."""
    asked = set()
    with Emulator(speech, **options) as board:

        def ask(share: float) -> None:
            if int(share * 10) not in asked:
                asked.add(int(share * 10))
                board.ask_heap()

        return listen(board.url, 1.0, timeout=5, progress=ask)


def test_a_good_link_has_no_fault_and_its_figures(good: Evidence) -> None:
    assert [each.name for each in examine(good) if each.name != "noise"] == []  # hardly a word was said
    link = good.link
    assert link is not None
    assert link.baud == 921600
    assert link.kind == "serial"
    assert not link.lost
    assert link.free_heap is not None
    assert link.free_heap > 10240


def test_samples_lost_before_the_ring(speech: Path) -> None:
    finding = only(heard(speech, stalls=[(16_000, 12_000)]), "lost_i2s")
    assert 4_000 < int(finding.numbers["frames"] or 0) < 12_000
    assert finding.severity == "fault"


def test_samples_overwritten_in_the_ring(told: Told) -> None:
    found = {each.name: each for each in examine(told(overwritten))}
    assert "lost_ring" in found
    assert 4_000 < int(found["lost_ring"].numbers["frames"] or 0) < 19_200
    assert set(found) <= {"lost_ring", "ring", "link_loss"}
    assert found["ring"].numbers["seconds"] == pytest.approx(0.48, abs=0.05)


def test_packets_changed_on_the_way(speech: Path) -> None:
    with Emulator(speech, speed="max") as board, relayed(board, Faults(corrupt=0.03, seed=2)) as url:
        evidence = listen(url, 60, timeout=5)
    finding = only(evidence, "link_loss")
    assert finding.severity == "hint"
    assert 0.015 < float(finding.numbers["share"] or 0) < 0.06
    # The same behind the chip's own USB port has another cause and another cure.
    jtag = only(said(evidence, usb="jtag"), "usb_loss")
    assert "USB-Serial/JTAG" in jtag.text
    assert evidence.link is not None
    worse = replace(evidence.link, missing=evidence.link.packets_in // 5)
    assert only(replace(evidence, link=worse), "link_loss").severity == "fault"


def test_a_line_too_slow_for_pcm(told: Told) -> None:
    evidence = told(slow)
    finding = only(evidence, "baud_too_low")
    assert evidence.link is not None
    assert evidence.link.codec == "adpcm"
    assert int(finding.numbers["needs_bits_per_s"] or 0) > 115200
    assert "max_baud" in finding.cure
    own = only(said(evidence, usb="otg"), "baud_too_low")  # what limits USB is the image
    assert "image" in own.cure
    assert "max_baud" not in own.cure


def test_a_line_with_little_to_spare(speech: Path) -> None:
    evidence = heard(speech, url="?baud=400000")
    assert only(evidence, "baud_tight").numbers["baud"] == 400000
    assert examine(said(evidence, usb="jtag")) == []  # USB has no such speed


def test_a_clock_that_is_divided_wrongly(told: Told) -> None:
    found = {each.name: each for each in examine(told(divided_wrongly))}
    assert "rate" in found
    assert float(found["rate"].numbers["rate"] or 0) == pytest.approx(15625, rel=0.012)


def test_good_wifi_has_no_fault(told: Told) -> None:
    evidence = told(on_wifi)
    assert examine(evidence) == []
    link = evidence.link
    assert link is not None
    assert link.kind == "udp"
    assert link.status is not None
    assert link.status.rssi == -55
    assert len(link.ticks) >= 2
    assert only(said(evidence, reset="watchdog"), "watchdog")


def test_five_troubles_at_once(told: Told) -> None:
    found = {each.name: each for each in examine(told(troubled_wifi))}
    assert set(found) == {"wifi_weak", "wifi_power_save", "callbacks", "note", "ring"}
    assert found["wifi_weak"].numbers["rssi"] == -83
    assert found["callbacks"].numbers["times"] == 2
    assert "sck" in found["note"].text
    assert all(each.severity == "hint" for each in found.values())


def test_a_full_heap(speech: Path, good: Evidence) -> None:
    """The figure follows a ring that takes more of it; with as little as the finding needs, no shim runs."""
    assert good.link is not None
    assert good.link.free_heap is not None
    more = (good.link.free_heap - 16_000) // 2
    full = collected(speech, config={"ring_samples": 33792 + more})
    assert full.link is not None
    assert full.link.free_heap == pytest.approx(16_000, abs=3_000)
    assert [each.name for each in examine(full) if each.name != "noise"] == []
    told = {e.name: e for e in examine(replace(full, link=replace(full.link, free_heap=9_600)))}
    assert told["heap"].numbers["free_heap"] == 9_600


def test_a_pattern_is_no_sound(speech: Path) -> None:
    evidence = heard(speech)
    assert evidence.sound is not None
    silent = replace(evidence, sound=replace(evidence.sound, frames=evidence.sound.frames * 0))
    assert only(silent, "silent")
    assert only(said(silent, mic={"kind": "pattern"}), "pattern")


def test_too_little_came() -> None:
    assert only(Evidence(), "no_audio").severity == "fault"
