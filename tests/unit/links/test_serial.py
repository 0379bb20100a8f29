"""The serial link over a pseudo-terminal, and what it says when a port cannot be had."""

import contextlib
import os
import pty
import socket
import termios
import threading
import time
import tty

import pytest

from ossicle.errors import LinkError
from ossicle.links.serial import SerialLink, _explain


@contextlib.contextmanager
def line():
    """A pty: its master's descriptor and the path of the other end."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        yield master, os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)


def read_all(link, count):
    data = b""
    stop = time.monotonic() + 10
    while len(data) < count and time.monotonic() < stop:
        data += b"".join(link.read(0.05))
    return data


def test_bytes_go_both_ways_unchanged():
    with line() as (master, path), contextlib.closing(SerialLink(path)) as link:
        every = bytes(range(256)) * 4
        os.write(master, every)
        assert read_all(link, len(every)) == every
        link.write(every)
        assert os.read(master, 4096) == every
        assert link.url == path


def test_reading_gives_what_is_there_and_does_not_wait_for_more():
    with line() as (master, path), contextlib.closing(SerialLink(path)) as link:
        assert link.read(0.01) == []
        os.write(master, b"abc")
        assert read_all(link, 3) == b"abc"


def test_rts_and_cts_are_asked_of_the_port():
    with line() as (master, path), contextlib.closing(SerialLink(path, rtscts=True)) as link:
        assert termios.tcgetattr(master)[2] & termios.CRTSCTS
        link.set_baud(921600)
        link.reopen()
        assert termios.tcgetattr(master)[2] & termios.CRTSCTS
    with line() as (master, path), contextlib.closing(SerialLink(path)):
        assert not termios.tcgetattr(master)[2] & termios.CRTSCTS


def test_the_speed_can_be_changed():
    with line() as (_, path), contextlib.closing(SerialLink(path, 115200)) as link:
        assert link.baud == 115200
        link.set_baud(921600)
        assert link.baud == 921600


def test_a_missing_port_says_what_lists_the_others():
    with pytest.raises(LinkError, match=r"no such port.*ossicle devices") as caught:
        SerialLink("/dev/there-is-no-such-port")
    assert "\n" not in str(caught.value)
    assert caught.value.url == "/dev/there-is-no-such-port"


def test_a_port_that_is_open_elsewhere_says_so():
    with (
        line() as (_, path),
        contextlib.closing(SerialLink(path)),
        pytest.raises(LinkError, match="another program"),
    ):
        SerialLink(path)


def test_a_file_is_no_serial_port(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(LinkError, match="no serial port"):
        SerialLink(str(file))


def test_no_permission_says_which_group():
    assert "dialout" in _explain("/dev/ttyUSB0", PermissionError(13, "Permission denied"))
    assert "cannot be opened" in _explain("/dev/ttyUSB0", OSError(5, "Input/output error"))


def test_an_unknown_pyserial_scheme_is_told():
    with pytest.raises(LinkError, match="nothing://x"):
        SerialLink("nothing://x")


def test_a_line_that_hangs_up_is_an_error_not_a_silence():
    master, slave = pty.openpty()
    tty.setraw(slave)
    with contextlib.closing(SerialLink(os.ttyname(slave))) as link:
        os.close(master)
        with pytest.raises(LinkError, match="gone"):
            read_all(link, 1)
        link.close()
    os.close(slave)


def test_a_closed_link_does_not_read_or_write():
    with line() as (_, path):
        link = SerialLink(path)
        link.close()
        with pytest.raises(LinkError):
            link.read(0.01)
        with pytest.raises(LinkError):
            link.write(b"x")


def test_a_link_can_be_opened_again():
    with line() as (master, path), contextlib.closing(SerialLink(path)) as link:
        link.set_baud(921600)
        link.reopen()
        assert link.baud == 115200
        os.write(master, b"again")
        assert read_all(link, 5) == b"again"


def test_a_socket_has_no_speed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def echo():
            end, _ = server.accept()
            with end:
                while data := end.recv(100):
                    end.sendall(data)

        thread = threading.Thread(target=echo, daemon=True)
        thread.start()
        link = SerialLink(f"socket://127.0.0.1:{port}")
        assert link.baud is None
        link.set_baud(921600)
        link.write(b"there and back")
        assert read_all(link, 14) == b"there and back"
        link.close()
        thread.join(5)


def test_a_socket_that_nobody_serves_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(LinkError, match="cannot be reached"):
        SerialLink(f"socket://127.0.0.1:{port}")
