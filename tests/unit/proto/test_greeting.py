"""At which speed a device is looked for that fell silent."""

from random import Random

import pytest
from simworld import RATE, Line, check, ended, of, world

from ossicle.proto import events as ev
from ossicle.proto._wire import Kind
from ossicle.proto.greeting import Greeting
from ossicle.proto.handshake import State

FAST, SLOW = 921600, 115200


def turns(greeting, silent_s, count=8, failed=()):
    found = []
    for at in range(count * 10):
        speed, begins = greeting.speed(at / 100 + 1e-9, silent_s, set(failed))
        assert begins == (at % 10 == 0)
        if begins:
            found.append(speed)
    return found


def test_the_agreed_speed_first_and_the_default_once_the_device_must_have_gone_back():
    assert turns(Greeting(SLOW, FAST), 2.0) == [FAST, FAST, FAST, SLOW] * 2
    assert turns(Greeting(SLOW, FAST), 3.3) == [SLOW, SLOW, SLOW, FAST] * 2


@pytest.mark.parametrize(
    ("greeting", "failed", "speed"),
    [
        (Greeting(None, FAST), (), None),
        (Greeting(SLOW, None), (), SLOW),
        (Greeting(SLOW, SLOW), (), SLOW),
        (Greeting(SLOW, FAST), {FAST}, SLOW),
    ],
)
def test_without_a_choice_there_are_no_turns(greeting, failed, speed):
    assert greeting.speed(0.0, 2.0, set(failed)) == (speed, False)
    assert greeting.speed(0.35, 2.0, set(failed)) == (speed, False)


@pytest.mark.parametrize("away", [2.2, 2.9, 3.1, 4.0, 7.0])
@pytest.mark.parametrize("phase", [0.0, 0.03, 0.07, 0.11])
def test_a_serial_line_is_found_again_within_half_a_second(away, phase):
    w = world(length=RATE * 30)
    w.run(3 + phase)
    w.down.cut = w.up.cut = True
    w.run(away)
    w.down.cut = w.up.cut = False
    w.events.clear()
    assert w.run(0.5, lambda: bool(of(w, ev.Audio)))


def test_where_one_way_stays_open_the_device_keeps_its_speed_and_is_found_there():
    w = world(length=RATE * 30)
    w.run(3)
    w.down.cut = True
    w.run(9)
    assert w.device.baud == FAST
    w.down.cut = False
    assert w.run(1.0, lambda: w.receiver.state is State.STREAMING)


def test_a_lost_answer_to_set_baud_costs_half_a_second():
    w = world(length=RATE * 5)
    put = w.down.put

    def lose_replies(frame, now):
        if w.device.switched_at is None or w.device.baud == FAST:
            put(frame, now)

    w.down.put = lose_replies
    w.device.on_set, on_set = (
        (lambda packet: (setattr(w.device, "switched_at", w.now), on_set(packet))),
        (w.device.on_set),
    )
    assert w.run(1.0, lambda: w.receiver.state is State.STREAMING)
    assert w.receiver.baud == w.device.baud == FAST
    assert of(w, ev.SpeedChanged) == [ev.SpeedChanged(FAST)]
    assert sum(packet.kind == Kind.SET for packet in w.device.heard) == 1
    assert w.run(20, ended(w))
    assert check(w.events).gaps == []


def test_a_set_that_is_not_heard_is_said_again():
    w = world(length=RATE * 2, up=Line(Random(4), loss=0.6))
    assert w.run(20, lambda: w.receiver.state is State.STREAMING)
    assert w.receiver.baud == FAST
    assert not w.receiver.failed_speeds
