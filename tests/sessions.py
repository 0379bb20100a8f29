"""Transcripts of session.json played against one side (`tools/topics/session.py` says what they hold).

What the side under test sends is decoded by the oracle, and what it hears is encoded by it.
"""

from __future__ import annotations

import json
from collections import deque
from random import Random
from typing import Any

import oracle
from coded import Coded
from names import Names
from oracle.packet import LAYOUTS, Malformed
from oracle.steps import sample
from sealing import SEALED, World
from subjects import Agent

from ossicle.proto import events
from ossicle.proto.framing import SerialFraming
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

Step = dict[str, Any]
Packet = dict[str, Any]

FLAGS = oracle.SPEC["flags"]
CODECS = oracle.SPEC["codecs"]
MODES = {"lossless": 0, "live": 1}
STEP_MS = 10

# What either side sends by the clock or unasked; a transcript names it only where it matters.
BY_THE_CLOCK = {"host": {"ping", "ack", "request"}, "device": {"pong", "status", "log", "gone"}}
UNASKED_EVENTS = (events.Hello, events.Status, events.Pong, events.Log, events.Silent, events.SpeedChanged)


def samples_of(step: Step, channels: int) -> list[int]:
    start, stop = step["range"]
    first = step.get("first", start)
    wrong = range(*step.get("wrong", [0, 0]))
    out = [sample(first + p - start, c) ^ (p in wrong) for p in range(start, stop) for c in range(channels)]
    return out[: len(out) - step.get("cut", 0)]


class Player:
    """What both sides' players share; `side` is the one under test."""

    side = ""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector = vector
        self.names = Names()
        self.channels = vector["host"].get("channels", 1)
        self.coded = Coded(self.channels) if vector["host"].get("codec") == "adpcm" else None
        self.said: deque[Packet] = deque()  # by the side under test, not yet looked at
        self.matched: set[tuple[str, bytes]] = set()
        self.numbers = {"host": 0, "device": 0}
        self.world = World(vector["seal"], self.side) if "seal" in vector else None

    def play(self) -> None:
        for at, step in enumerate(self.vector["steps"]):
            try:
                self.do(step)
            except AssertionError as error:
                raise AssertionError(f"step {at}, {step}: {error}") from None

    def do(self, step: Step) -> None:
        if "wait_ms" in step:
            self.wait(step["wait_ms"])
        elif "quiet_ms" in step:
            self.said.clear()
            self.wait(step["quiet_ms"])
            if step["from"] == self.side:
                loud = [packet["kind"] for packet in self.said if packet["kind"] in step["kinds"]]
                assert not loud, f"{loud} sent"
        elif "agree" in step and self.world is not None:
            self.world.agree()
        elif "again" in step and self.world is not None:
            self.hear(oracle.serial_frame(self.world.sent[step["again"]]))
        elif step.get("from") == self.side:
            self.expect(step)
        elif "from" in step:
            if not step["lost"]:
                self.hear(self.encoded(step))
        else:
            self.other(step)

    # To be said by the sides

    def wait(self, ms: int) -> None:
        raise NotImplementedError

    def hear(self, data: bytes) -> None:
        raise NotImplementedError

    def other(self, step: Step) -> None:
        raise NotImplementedError

    # Packets out of the side under test

    def collect(self, line: bytes) -> None:
        packets, dropped = oracle.read_serial(line)
        assert not dropped, "what was sent is no serial frame"
        for data in packets:
            try:
                decoded = self.decoded(data)
            except Malformed as error:
                raise AssertionError(f"what was sent is malformed: {error.why}") from None
            self.said.append(decoded)

    def decoded(self, data: bytes) -> Packet:
        if self.world is not None and data[1] & SEALED:
            return self.world.open(data)
        packet = oracle.decode_packet(data, "host" if self.side == "device" else "device")
        if self.world is not None and packet["kind"] == "hello":
            said = json.loads(packet["fields"]["text"])
            if "challenge" in said:
                self.world.challenge(self.side, said["challenge"])
        return packet

    def expect(self, step: Step) -> None:
        skipped = []
        while self.said or self.more():
            packet = self.said.popleft()
            if self.fits(step, packet):
                self.matched.add((packet["kind"], packet["payload"]))
                return
            skipped.append(described(packet))
            passing = packet["kind"] in BY_THE_CLOCK[self.side] - {step["kind"]}
            passing |= packet["kind"] == step["kind"] == "ack"
            again = (packet["kind"], packet["payload"]) in self.matched and packet["kind"] != "audio"
            assert passing or again, f"sent instead: {skipped[-1]}"
        raise AssertionError(f"not sent; but {skipped}")

    def more(self) -> bool:
        """Whether waiting a little brought another packet."""
        return False

    def fits(self, step: Step, packet: Packet) -> bool:
        clear = self.world is None or step.get("clear", False) or step["kind"] == "hello"
        if packet.get("sealed", False) is clear:
            return False
        if packet["kind"] != step["kind"] or not self.names.same(step["session"], packet["session"]):
            return False
        if step["kind"] == "audio":
            flags = self.flags(step)
            if (packet["sequence"], packet["flags"]) != (step["sequence"], flags):
                return False
            if self.coded is not None:
                return bool(packet["payload"] == self.coded.payload(step))
            return bool(packet["fields"]["samples"] == samples_of(step, self.channels))
        fields = packet["fields"]
        if step["kind"] == "hello":
            fields = json.loads(fields["text"])
        wanted = step["fields"]
        if self.world is not None and wanted.get("proof") == "$proof":
            wanted = {**wanted, "proof": self.world.proof}
        return all(name in fields and self.names.same(value, fields[name]) for name, value in wanted.items())

    def flags(self, step: Step) -> int:
        """Of an AUDIO; the codec is among them."""
        return sum(FLAGS[name] for name in step["flags"]) | (0 if self.coded is None else CODECS["adpcm"])

    # Packets into it

    def encoded(self, step: Step) -> bytes:
        kind, side = step["kind"], step["from"]
        packet: Packet = {"kind": kind, "flags": 0, "sequence": 0, "ticks_us": 0}
        packet["session"] = self.names.known(step["session"])
        packet["number"] = self.numbers[side]
        self.numbers[side] += 1
        if kind == "audio":
            packet["sequence"] = step["sequence"]
            packet["flags"] = self.flags(step)
            packet["ticks_us"] = step["range"][0] * 1000 // 16 % 2**30
            fields: dict[str, Any] = {"samples": samples_of(step, self.channels)}
        elif kind == "hello":
            fields = {"text": json.dumps(self.said_in_hello(step))}
        else:
            layout = LAYOUTS.get(kind, [])
            fields = {name: "00" * 8 if type_ == "id8" else 0 for name, type_ in layout}
            fields |= {"text": "", "ranges": []} | step["fields"]
            fields = {name: self.names.known(value) for name, value in fields.items() if name != "text"}
            fields["text"] = step["fields"].get("text", "")
        packet["payload"] = oracle.pack_payload(kind, fields)
        if kind == "audio" and self.coded is not None:
            packet["payload"] = self.coded.payload(step)
        if self.world is not None and kind != "hello" and not step.get("clear", False):
            return oracle.serial_frame(self.world.seal(packet, step.get("forged", False)))
        return oracle.serial_frame(oracle.encode_packet(packet))

    def said_in_hello(self, step: Step) -> dict[str, Any]:
        said = {name: self.names.known(v) for name, v in step["fields"].items() if name != "proof"}
        if step["from"] == "device":
            said.setdefault("max_baud", self.vector["device"]["max_baud"])
        if self.world is None:
            return said if step["fields"] else {"ossicle": 1, **said}
        if str(step["fields"].get("challenge", "")).startswith("$"):
            self.world.challenge(step["from"], said["challenge"])
        proof = step["fields"].get("proof")
        if proof is not None:
            said["proof"] = self.world.proof if proof == "$proof" else "00" * 16
        return said


def described(packet: Packet) -> str:
    shown = {k: v for k, v in packet.items() if k in ("kind", "flags", "session", "sequence")}
    if packet["kind"] != "audio":
        shown |= packet["fields"]
    return str(shown)


class DevicePlayer(Player):
    """The whole firmware, in the agent."""

    side = "device"

    def __init__(self, agent: Agent, vector: dict[str, Any]) -> None:
        super().__init__(vector)
        self.agent = agent
        device = vector["device"]
        self.message: dict[str, Any] = {
            "new": {
                "ring_samples": device["ring_samples"],
                "bytes_per_s": device["link_bytes_per_s"],
                "max_baud": device["max_baud"],
                "microphone": device["microphone"],
                "key": vector.get("seal", {}).get("device") or "",
                "plain": vector.get("seal", {}).get("plain", True),
            }
        }
        self.baud = 115200
        self.bad = 0

    def call(self, *calls: list[Any]) -> None:
        for answer in self.agent.ask("app", [{**self.message, "calls": list(calls)}])[0]:
            self.collect(bytes.fromhex(answer["sent"]))
            self.baud = answer["baud"]
            self.bad = answer["bad"]
        self.message = {}

    def wait(self, ms: int) -> None:
        self.call(*[["wait", STEP_MS]] * (ms // STEP_MS))

    def hear(self, data: bytes) -> None:
        self.call(["hear", data.hex()])

    def more(self) -> bool:
        """An answer to HELLO may have to wait (W-52)."""
        for _ in range(oracle.SPEC["timing"]["hello_answer_ms"] // STEP_MS):
            self.wait(STEP_MS)
            if self.said:
                return True
        return False

    def other(self, step: Step) -> None:
        if "capture" in step:
            self.call(["capture", step["capture"], step["end"]])
        elif "unseen" in step:
            self.call(["capture_unseen", step["unseen"]])
        elif "lose" in step:
            self.call(["lose", step["lose"]])
        elif "number" in step:
            self.call(["number", step["number"]])
        elif "baud" in step:
            assert self.baud == step["baud"]
        elif "bad" in step:
            assert self.bad == step["bad"]


class HostPlayer(Player):
    """The host's receiver. Each frame it gives is compared at once, and must be the next."""

    side = "host"

    def __init__(self, vector: dict[str, Any]) -> None:
        super().__init__(vector)
        settings = dict(vector["host"])
        baud = settings.pop("baud", None)
        deadline_ms = settings.pop("deadline_ms", 200)
        request = StreamRequest(**settings)
        framing = SerialFraming()
        seal = vector.get("seal")
        psk = bytes.fromhex(seal["host"] or "") if seal else b""
        self.receiver = Receiver(
            request,
            framing=framing,
            deadline_ms=deadline_ms,
            baud=baud,
            random=Random(7),
            keys=(lambda _: psk or None) if seal else None,
        )
        self.now = 100.0
        self.position = 0
        self.heard: list[int] = []  # positions given as audio, by start and stop of each run
        self.told: deque[Any] = deque()
        self.receiver.tick(self.now)
        self.after()

    def after(self) -> None:
        for told in self.receiver.events():
            if isinstance(told, events.Audio):
                self.take(told)
            else:
                self.follow(told)
        for data in self.receiver.to_send():
            self.collect(data)

    def take(self, told: events.Audio) -> None:
        assert told.start == self.position, f"audio from {told.start}, {self.position} was next"
        if self.coded is not None:
            wanted = self.coded.values(told.start, told.stop)
        else:
            wanted = [sample(p, c) for p in range(told.start, told.stop) for c in range(self.channels)]
        assert [int(value) for value in told.frames.ravel()] == wanted, "other samples"
        self.position = told.stop
        self.heard += range(told.start, told.stop)

    def follow(self, told: Any) -> None:
        if isinstance(told, events.Gap):
            assert told.start == self.position, f"gap from {told.start}, {self.position} was next"
            self.position = told.stop if told.stop is not None else 0
        if isinstance(told, events.Started) and not told.resumed:
            self.position = 0
            self.heard = []
        if not isinstance(told, UNASKED_EVENTS):
            self.told.append(told)

    def wait(self, ms: int) -> None:
        for _ in range(ms // STEP_MS):
            self.now += STEP_MS / 1000
            self.receiver.tick(self.now)
            self.after()

    def hear(self, data: bytes) -> None:
        self.now += 0.0005
        self.receiver.receive(data, self.now)
        self.after()

    def more(self) -> bool:
        self.wait(STEP_MS)
        return bool(self.said)

    def other(self, step: Step) -> None:
        if step.get("event") == "audio":
            span = list(range(step["start"], step["stop"]))
            assert self.heard[-len(span) :] == span, f"{len(self.heard)} frames heard, up to {self.position}"
            assert self.position == step["stop"]
        elif step.get("event") in ("hello", "started"):
            self.unordered(step)
        elif "event" in step:
            while self.told and isinstance(self.told[0], events.Started):
                self.told.popleft()
            assert self.told, "nothing was told"
            told = self.told.popleft()
            assert self.tells(step, told), f"told: {told}"
        elif "ask" in step:
            getattr(self.receiver, step["ask"])(self.now)
            self.after()
        elif "number" in step:
            self.numbers["device"] = step["number"]
        elif "baud" in step:
            assert self.receiver.baud == step["baud"]
        elif "refused" in step:
            assert dict(self.receiver.stats().refused) == step["refused"]

    def unordered(self, step: Step) -> None:
        if step["event"] == "hello":
            hello = self.receiver.hello
            assert hello is not None
            assert hello.version == step["version"]
            return
        started = [told for told in self.told if isinstance(told, events.Started)]
        assert started, "no stream was started"
        assert self.names.same(step.get("session", "$s"), started[-1].session)
        self.told.remove(started[-1])

    def tells(self, step: Step, told: Any) -> bool:
        name = "".join(part.capitalize() for part in step["event"].split("_"))
        fields = {key: value for key, value in step.items() if key != "event"}
        return type(told).__name__ == name and all(
            self.names.same(value, getattr(told, key)) for key, value in fields.items()
        )
