"""From silence to a stream: what is said, at which speed, and what the user hears when it cannot be."""

import json
from random import Random

import pytest
from simdevice import SimDevice
from simworld import RATE, Line, World, check, ended, of, world

from ossicle.errors import PacketError, ProtocolVersionError
from ossicle.proto import _wire as wire
from ossicle.proto import events as ev
from ossicle.proto import hello
from ossicle.proto._wire import Kind, Reason
from ossicle.proto.framing import DatagramFraming
from ossicle.proto.handshake import TRANSITIONS, State, Trigger
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import BAUDS, StreamRequest


def streaming(w):
    return lambda: w.receiver.state is State.STREAMING


def said(w):
    return [Kind(packet.kind) for packet in w.device.heard]


def test_the_first_write_is_a_hello_behind_a_zero():
    receiver = Receiver(random=Random(1))
    receiver.tick(5.0)
    (data,) = receiver.to_send()
    assert data.startswith(b"\0")
    device = SimDevice(Random(1))
    device.receive(data)
    assert json.loads(device.heard[0].payload) == {"ossicle": wire.PROTOCOL_VERSION, "host": "ossicle"}
    receiver.tick(5.09)
    assert receiver.to_send() == []
    receiver.tick(5.001 + wire.HOST_REPEAT_MS / 1000)
    assert len(receiver.to_send()) == 1


@pytest.mark.parametrize("names", [("ossicle",), ("a", "host", "a" * 29)])
def test_no_hello_holds_the_byte_that_interrupts_a_device_which_starts(names):
    for name in names:
        receiver = Receiver(name=name, random=Random(1))
        device = SimDevice(Random(1))
        hellos = []
        for turn in range(300):
            receiver.tick(turn * 1.1 * wire.HOST_REPEAT_MS / 1000)
            hellos += receiver.to_send()
        assert len(hellos) == 300
        assert not any(b"\x03" in data for data in hellos)
        device.receive(b"".join(hellos))
        assert len(device.heard) == 300


def test_each_thing_is_said_once_where_it_is_heard_at_once():
    w = world()
    assert w.run(3, streaming(w))
    assert said(w)[:4] == [Kind.HELLO, Kind.SET, Kind.HELLO, Kind.START]
    assert [type(e) for e in w.events][:3] == [ev.Hello, ev.SpeedChanged, ev.Started]
    assert of(w, ev.SpeedChanged) == [ev.SpeedChanged(921600)]


@pytest.mark.parametrize("seed", range(8))
def test_a_bad_line_only_costs_time(seed):
    w = world(seed, down=Line(Random(seed), loss=0.3, noise=0.2), up=Line(Random(seed + 1), loss=0.3))
    assert w.run(30, streaming(w))
    tokens = {wire.StartFields.unpack(p.payload).token for p in w.device.heard if p.kind == Kind.START}
    assert w.receiver.stream.started.session == w.device.session
    assert len(tokens) <= 3


def test_the_same_start_again_is_the_same_stream():
    w = world(length=RATE, down=Line(Random(1)))
    assert w.run(3, lambda: Kind.START in said(w))
    w.down.cut = True
    stream = w.device.stream_id
    w.run(0.8)
    w.down.cut = False
    assert w.run(10, ended(w))
    assert w.device.stream_id == stream
    assert check(w.events).frames == RATE


def test_another_version_names_both_and_starts_nothing():
    w = world(version=7)
    w.run(3)
    assert of(w, ev.WrongVersion) == [ev.WrongVersion(7, wire.PROTOCOL_VERSION)]
    assert w.receiver.state is State.FAILED
    assert Kind.START not in said(w)
    message = str(ProtocolVersionError(7, 1))
    assert "7" in message
    assert "1" in message
    assert "pip install" in message
    assert "firmware" in str(ProtocolVersionError(1, 2))


def test_a_refusal_is_told_with_its_reason():
    w = world(microphone=False)
    w.run(3)
    assert of(w, ev.Refused) == [ev.Refused(Reason.MICROPHONE, "the microphone does not start")]
    assert w.receiver.state is State.FAILED


@pytest.mark.parametrize("wrong", [{"codec": 1}, {"hop": 3}, {"channels": 0}])
def test_an_answer_that_no_stream_has_starts_nothing(wrong):
    w = world()
    describe = w.device.describe
    w.device.describe = lambda token: wire.StartedFields.unpack(describe(token))._replace(**wrong).pack()
    w.run(2)
    assert w.receiver.state is State.STARTING
    assert w.receiver.counters.malformed > 1
    assert not of(w, ev.Started)


def test_a_speed_at_which_nothing_is_heard_is_left_again():
    w = world(deaf_bauds=(921600,), request=StreamRequest())
    assert w.run(20, streaming(w))
    assert w.receiver.baud == w.device.baud == 460800
    assert w.receiver.failed_speeds == {921600}


def test_without_any_speed_the_device_refuses():
    w = world(deaf_bauds=(921600, 460800))
    assert w.run(30, lambda: bool(of(w, ev.Refused)))
    assert of(w, ev.Refused)[0].reason == Reason.LINK_TOO_SLOW
    assert w.receiver.failed_speeds == {921600, 460800}
    assert w.receiver.baud == wire.DEFAULT_BAUD


def test_behind_usb_a_device_that_began_anew_is_heard_at_any_speed(monkeypatch):
    """It is at its default speed, hears the host at the other one, and refuses what that cannot carry."""
    monkeypatch.setattr(World, "garbled", property(lambda self: False))
    w = world()
    assert w.run(3, streaming(w))
    w.run(1)
    w.device.reboot()
    w.receiver.lost(w.now)
    assert w.run(1.5, lambda: len(of(w, ev.Started)) == 2), "and at once: START is not repeated for 3 s"
    assert w.device.baud == w.receiver.baud == 921600
    assert not of(w, ev.Refused)


def test_a_declined_speed_is_not_asked_for_again():
    w = world(request=StreamRequest(baud=3_000_000))
    assert w.run(10, lambda: bool(of(w, ev.Refused)))
    assert said(w).count(Kind.SET) == 1
    assert w.receiver.failed_speeds == {3_000_000}


@pytest.mark.parametrize(
    ("request_", "max_baud", "speeds"),
    [
        (StreamRequest(), 0, [921600, 460800]),
        (StreamRequest(), 2_000_000, [921600, 460800]),
        (StreamRequest(), 460800, [460800, 460800]),
        (StreamRequest(), 115200, []),
        (StreamRequest(channels=2), 0, [921600]),
        (StreamRequest(rate=48000), 0, [1500000]),
        (StreamRequest(rate=48000, channels=2), 0, [3000000]),
        (StreamRequest(rate=48000, channels=2), 2_000_000, [2_000_000]),
        (StreamRequest(baud=250000), 0, [250000]),
        (StreamRequest(baud=115200), 0, []),
    ],
)
def test_the_slowest_speed_with_room_to_spare(request_, max_baud, speeds):
    found = request_.speeds(wire.DEFAULT_BAUD, max_baud)
    if request_.baud is None:
        speeds = [s for s in speeds if not max_baud or s <= max_baud]
    assert list(dict.fromkeys(found)) == list(dict.fromkeys(speeds))
    if found and found[0] in BAUDS and not max_baud:
        assert found[0] >= 1.3 * request_.bits_per_s


@pytest.mark.parametrize("request_", [StreamRequest(), StreamRequest(baud=921600)])
def test_a_line_that_has_no_speed_is_asked_for_none(request_):
    """W-34: whatever speed the port was opened with, and the user wants."""
    w = world(request=request_, max_baud=0)
    assert w.run(3, lambda: bool(of(w, ev.Refused)))  # this one carries what 115200 baud do
    assert Kind.SET not in said(w)
    assert not w.receiver.failed_speeds


def test_a_link_without_a_speed_is_left_alone():
    device = SimDevice(Random(1), length=RATE)
    device.baud = 921600
    w = World(Receiver(baud=None, random=Random(2)), device)

    def step(dt=0.01):
        w.now += dt
        w.receiver.tick(w.now)
        for data in w.receiver.to_send():
            device.receive(data)
        for frame in device.step(w.now):
            w.receiver.receive(frame, w.now)
        w.events += w.receiver.events()

    w.step = step
    assert w.run(10, ended(w))
    assert Kind.SET not in said(w)
    assert w.receiver.baud is None
    assert check(w.events).frames == RATE


def test_over_datagrams_each_packet_is_a_write_of_its_own():
    """The device's side of UDP by hand: unframed packets in, unframed packets out."""
    receiver = Receiver(framing=DatagramFraming(), baud=None, random=Random(2))
    device = SimDevice(Random(1), length=RATE)
    device.baud = 921600
    serial = device.framing
    told = []
    now = 0.0
    while receiver.state is not State.ENDED and now < 10:
        now += 0.01
        receiver.tick(now)
        told += receiver.events()
        for datagram in receiver.to_send():
            assert not datagram.startswith(b"\0")
            device.receive(b"\0" + serial.wrap(datagram))
        for frame in device.step(now):
            (packet,) = type(serial)().feed(frame)
            receiver.receive(packet, now)
            told += receiver.events()
    assert check(told).frames == RATE


def test_greet_only_starts_nothing():
    w = World(Receiver(greet_only=True, random=Random(1)), SimDevice(Random(1)))
    w.run(2)
    assert w.receiver.hello.device == "sim-1"
    assert set(said(w)) == {Kind.HELLO}


def test_silence_is_looked_into_at_the_last_speed_and_at_the_default():
    w = world()
    w.run(3, streaming(w))
    w.down.cut = w.up.cut = True
    speeds = []
    for _ in range(600):
        w.step()
        if not speeds or speeds[-1] != w.receiver.baud:
            speeds.append(w.receiver.baud)
    assert speeds[:4] == [921600, 115200, 921600, 115200]
    silent = of(w, ev.Silent)
    assert len(silent) == 1
    assert silent[0].seconds >= 2.0


def test_a_short_outage_is_over_without_a_new_start():
    w = world(length=RATE * 6)
    w.run(2)
    starts = said(w).count(Kind.START)
    w.down.cut = True
    w.run(2.2)
    w.down.cut = False
    assert w.run(30, ended(w))
    assert said(w).count(Kind.START) == starts
    assert check(w.events).ended == RATE * 6


def test_stopping_before_a_stream_is_there_just_ends():
    w = world()
    w.up.cut = True
    w.run(1)
    w.receiver.stop(w.now)
    assert w.receiver.state is State.ENDED
    w.receiver.part(w.now)
    assert w.receiver.state is State.OVER


def test_stopping_a_device_that_is_gone_ends_too():
    w = world()
    w.run(3, streaming(w))
    w.down.cut = w.up.cut = True
    w.receiver.stop(w.now)
    assert w.run(8, ended(w))
    w.receiver.part(w.now)
    assert w.run(3, lambda: w.receiver.state is State.OVER)


def test_a_link_opened_anew_begins_with_hello_and_resumes():
    w = world(length=RATE * 3)
    w.run(1.5)
    w.receiver.lost(w.now)
    w.device.baud = wire.DEFAULT_BAUD
    w.device.suspended = True
    assert w.run(20, ended(w))
    assert [e.resumed for e in of(w, ev.Started)] == [False, True]
    assert check(w.events).gaps == []


def test_the_table_leads_to_an_end_from_everywhere():
    ends = {State.OVER}
    grown = True
    while grown:
        more = {state for (state, _), target in TRANSITIONS.items() if target in ends} - ends
        ends |= more
        grown = bool(more)
    assert ends == set(State)
    assert {trigger for _, trigger in TRANSITIONS} == set(Trigger)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"1", b"\xff\xfe", b'{"ossicle": "1"}', b'{"ossicle": true}', b"{}", b"[" * 1344],
)
def test_what_is_no_hello_is_refused(payload):
    with pytest.raises(PacketError) as caught:
        hello.parse(payload)
    assert caught.value.reason == "hello"


def test_a_hello_with_strange_values_keeps_the_others():
    told = {
        "ossicle": 1,
        "device": 5,
        "rates": ["x", 8000, True],
        "ring": -1,
        "notes": "no",
        "max_baud": 9,
        "new": 1,
        "chip": ["x"],
        "mic": {"kind": "i2s\x1b", "shift": 14, "late": True, "slot": None, "more": [1]},
        "power_save": 0,
    }
    parsed = hello.parse(json.dumps(told).encode())
    assert parsed == ev.Hello(1, rates=(8000,), max_baud=9, mic={"kind": "i2s\ufffd", "shift": 14})
    assert parsed.power_save is None
    assert parsed.fields["new"] == 1


def test_a_hello_tells_of_board_and_microphone():
    mic = {"kind": "pattern", "slot": "right", "shift": 13, "late": 1}
    told = {
        "ossicle": 1,
        "chip": "LOLIN_S3",
        "micropython": "1.27.0",
        "mic": mic,
        "reset": "hard",
        "usb": "otg",
    }
    parsed = hello.parse(json.dumps({**told, "power_save": False}).encode())
    assert parsed == ev.Hello(
        1, chip="LOLIN_S3", micropython="1.27.0", mic=mic, reset="hard", usb="otg", power_save=False
    )
    assert hello.parse(json.dumps({**told, "power_save": True}).encode()).power_save is True
    assert hello.parse(json.dumps({**told, "mic": 5}).encode()).mic == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "best"},
        {"codec": "opus"},
        {"channels": 3},
        {"rate": 0},
        {"rate": 16000.0},
        {"hop": 64.5},
        {"gain": 17},
        {"gain": float("inf")},
        {"gain": -1},
        {"hop": 32},
        {"hop": 700},
        {"overlap": -1},
        {"hop": 512, "overlap": 200},
        {"baud": 0},
    ],
)
def test_what_no_device_can_do_is_refused_here(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        StreamRequest(**wrong)


def test_a_hello_cannot_move_a_terminal():
    told = hello.parse(b'{"ossicle": 1, "device": "a\\ud800\\u001b[2J", "notes": ["b\\n", 5]}')
    assert (told.device, told.notes) == ("a\ufffd\ufffd[2J", ("b\ufffd",))
