"""The link inside the process."""

import pytest

from ossicle.errors import LinkError
from ossicle.links import memory


def test_what_is_written_to_one_end_is_read_from_the_other():
    host, device = memory.pair()
    host.write(b"a")
    host.write(b"b")
    device.write(b"c")
    assert device.read(0) == [b"ab"]
    assert host.read(0) == [b"c"]
    assert host.read(0) == []
    host.set_baud(5)
    assert (host.baud, device.baud) == (5, 115200)
    host.reopen()


def test_closing_one_end_closes_both_and_leaves_what_was_written():
    host, device = memory.pair()
    host.write(b"last")
    device.close()
    device.close()
    with pytest.raises(LinkError):
        host.write(b"x")
    assert device.read(0) == [b"last"]
    for end in (host, device):
        with pytest.raises(LinkError):
            end.read(0)
        with pytest.raises(LinkError):
            end.reopen()


def test_what_nobody_reads_is_bounded_and_counted():
    host, device = memory.pair()
    for _ in range(5):
        host.write(bytes(1 << 18))
    assert device.dropped_bytes == 1 << 18
    assert [len(data) for data in device.read(0)] == [1 << 20]
