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
        (
            "/dev/ttyUSB0?sealed=1&rtscts=yes",
            Target("serial", "/dev/ttyUSB0", sealed=True, options={"rtscts": True}),
        ),
        ("udp://0.0.0.0:4747", Target("udp", "0.0.0.0", number=4747)),
        ("udp://:4747", Target("udp", "0.0.0.0", number=4747)),
        ("udp://192.168.1.5", Target("udp", "192.168.1.5", number=4747)),
        ("udp://[::]:0?plain=1", Target("udp", "::", number=0, plain=True)),
        (
            "ws://laptop.local:4748/ossicle?device=kitchen",
            Target("ws", "laptop.local", number=4748, device="kitchen"),
        ),
        ("WS://h:1?keys=/a/b.toml", Target("ws", "h", number=1, keys=Path("/a/b.toml"))),
        (
            "emulator:a.wav?link=udp&plain=1",
            Target("emulator", source=Path("a.wav"), plain=True, options={"link": "udp"}),
        ),
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
        ("wss://0.0.0.0:4748", "WebSocket over TLS.*not in this version"),
        ("udp:0.0.0.0", "udp://HOST:PORT is meant"),
        ("udp://0.0.0.0:65536", "udp://HOST:PORT is meant"),
        ("udp://::1:4747", "udp://HOST:PORT is meant"),
        ("udp://h:4747/ossicle", "udp://HOST:PORT is meant"),
        ("ws://h:4747/other", "ws://HOST:PORT is meant"),
        ("ws://h?device=", "a name is meant"),
        ("ws://h?baud=5", "no parameter 'baud'; known: device, keys, plain"),
        ("emulator:a.wav?link=tcp", "serial or udp or ws"),
        ("emulator:a.wav?plain=1", "unless sealed=1"),
        ("http://x", "http: is not known.*emulator:FILE"),
        ("serial://", "names no port"),
        ("serial://hwgrep://[", "hwgrep.* is no port"),
        ("emulator:", "names no recording"),
        ("/dev/ttyUSB0?speed=5", "no parameter 'speed'; known: baud, keys, rtscts, sealed"),
        ("socket://h:1?baud=5", "no parameter 'baud'; known: keys, sealed"),
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
