"""URLs: what is understood, and what is said of the rest."""

from pathlib import Path

import pytest

from ossicle.errors import OssicleError, UrlError
from ossicle.urls import Target, parse


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("auto", Target("auto")),
        ("auto?baud=921600", Target("auto", baud=921600)),
        ("/dev/ttyUSB0", Target("serial", "/dev/ttyUSB0")),
        ("/dev/ttyUSB0?baud=460800", Target("serial", "/dev/ttyUSB0", 460800)),
        ("COM5", Target("serial", "COM5")),
        (r"\\.\COM12", Target("serial", r"\\.\COM12")),
        ("serial:///dev/ttyUSB0", Target("serial", "/dev/ttyUSB0")),
        ("serial://COM5?baud=921600", Target("serial", "COM5", 921600)),
        ("serial:///dev/serial/by-id/usb-a:b", Target("serial", "/dev/serial/by-id/usb-a:b")),
        ("rfc2217://10.0.0.5:4000?baud=921600", Target("serial", "rfc2217://10.0.0.5:4000", 921600)),
        ("socket://10.0.0.5:4000", Target("serial", "socket://10.0.0.5:4000")),
        ("emulator:speech.wav", Target("emulator", source=Path("speech.wav"))),
        ("emulator:C:/audio/a.wav", Target("emulator", source=Path("C:/audio/a.wav"))),
        ("emulator:a%3Fb c.wav", Target("emulator", source=Path("a?b c.wav"))),
        (
            "emulator:a.wav?speed=max&conversion=real&pace=no&ibuf=20480&baud=460800&stalls=100+20,500+7",
            Target(
                "emulator",
                baud=460800,
                source=Path("a.wav"),
                options={
                    "speed": "max",
                    "conversion": "real",
                    "pace": False,
                    "ibuf": 20480,
                    "stalls": [(100, 20), (500, 7)],
                },
            ),
        ),
    ],
)
def test_understood(url, target):
    assert parse(url) == target


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "empty"),
        ("udp://0.0.0.0:4747", "UDP.*not in this version"),
        ("ws://0.0.0.0:4748", "WebSocket.*not in this version"),
        ("http://x", "http: is not known.*emulator:FILE"),
        ("serial://", "names no port"),
        ("serial://hwgrep://[", "hwgrep.* is no port"),
        ("emulator:", "names no recording"),
        ("/dev/ttyUSB0?speed=5", "no parameter 'speed'; known: baud"),
        ("socket://h:1?baud=5", "no parameter 'baud'; known: none"),
        ("auto?x=1", "known: baud"),
        ("emulator:a.wav?speed=fast", "realtime or max"),
        ("emulator:a.wav?pace=perhaps", "yes or no"),
        ("emulator:a.wav?stalls=x", "AT"),
        ("serial:///dev/ttyUSB0?baud=fast", "baud=fast"),
        ("serial:///dev/ttyUSB0?baud=0", "above 0"),
    ],
)
def test_not_understood(url, says):
    with pytest.raises(UrlError, match=says) as caught:
        parse(url)
    assert caught.value.url == url
    assert isinstance(caught.value, OssicleError)
    assert "\n" not in str(caught.value)
