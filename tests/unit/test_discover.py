"""Which ports there are, which look like boards, which answer; and what "auto" makes of it."""

from dataclasses import dataclass
from random import Random

import pytest
from serial.tools import list_ports
from simdevice import SimDevice
from simthread import behind_pty

import ossicle
from ossicle.discover import Device, devices
from ossicle.errors import LinkError, SilentError


@dataclass
class Info:
    """What pyserial says of a port."""

    device: str
    description: str = "n/a"
    vid: int | None = None
    pid: int | None = None


@pytest.fixture
def ports(monkeypatch):
    """The list of ports that the system has, for this test."""
    found = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(found))
    return found


def deaf():
    device = SimDevice(Random(1))
    device.receive = lambda data: None
    return device


def test_boards_come_before_the_rest(ports):
    ports += [
        Info("/dev/ttyS0"),
        Info("/dev/ttyUSB1", "x", 0x1A86, 0x7523),
        Info("/dev/ttyACM0", "x", 0x303A, 0x1001),
        Info("/dev/ttyUSB0", "x", 0x10C4, 0xEA60),
        Info("/dev/ttyUSB2", "x", 0x10C4, 0x1111),
    ]
    found = devices(probe=False)
    assert [(d.port, d.bridge) for d in found] == [
        ("/dev/ttyACM0", "Espressif"),
        ("/dev/ttyUSB0", "CP210x"),
        ("/dev/ttyUSB1", "CH340"),
        ("/dev/ttyS0", ""),
        ("/dev/ttyUSB2", ""),
    ]
    assert [d.likely for d in found] == [True, True, True, False, False]


def test_what_answers_comes_first_and_nothing_is_started(ports):
    device = SimDevice(Random(1))
    with behind_pty(device) as line, behind_pty(deaf()) as other:
        ports += [Info(other.path, "x", 0x10C4, 0xEA60), Info(line.path), Info("/dev/there-is-none")]
        found = devices(timeout=1.0)
    assert [d.port for d in found] == [line.path, other.path, "/dev/there-is-none"]
    assert found[0].hello.device == "sim-1"
    assert found[1] == Device(other.path, "x", "CP210x")
    assert "no such port" in found[2].error
    assert device.fields is None


def test_auto_takes_what_answers(ports):
    with behind_pty(SimDevice(Random(1))) as line, behind_pty(deaf()) as other:
        ports += [Info(other.path, "x", 0x10C4, 0xEA60), Info(line.path)]
        with ossicle.open(timeout=2.0) as mic:
            assert mic.read(100).stop == 100
            assert mic.stats.link.state == "streaming"


def test_auto_without_any_port_suggests_the_emulator(ports):
    with pytest.raises(LinkError, match=r"no serial port was found.*emulator:FILE"):
        ossicle.open("auto")


def test_auto_where_nobody_answers_names_the_boards(ports):
    with behind_pty(deaf()) as line, behind_pty(deaf()) as other:
        ports += [Info(line.path, "x", 0x10C4, 0xEA60), Info(other.path)]
        with pytest.raises(SilentError, match=f"{line.path}: .*emulator:FILE") as error:
            ossicle.open("auto", timeout=0.5)
    assert other.path not in str(error.value)


def test_auto_tells_why_a_board_could_not_be_asked(ports):
    ports.append(Info("/dev/there-is-none", "x", 0x10C4, 0xEA60))
    with pytest.raises(LinkError, match="no such port"):
        ossicle.open("auto", timeout=0.5)
