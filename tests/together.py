"""Which tests go to one worker where pytest-xdist runs several, by what they share.

pytest-xdist's own mark for that, `xdist_group`, has no effect under pytest 9.2: it writes to an attribute of
the test that is no longer there. This asks nothing of either but the names of the tests.
"""

from __future__ import annotations

from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).resolve().parent

TOGETHER = {
    "archive/test_failing.py": "s3",
    "archive/test_killed.py": "s3",
    "archive/test_roundtrip.py": "s3",
    "archive/test_store.py": "s3",
    "bench/test_engines.py": "engines",
    "bench/test_peers.py": "peers",
    "bench/test_ring.py": "ring",
    "bench/test_vad_corpus.py": "corpus",
    "bench/test_vad_judge.py": "judge",
    "bench/test_vad_limits.py": "limits",
    "bench/test_vad_noises.py": "noises",
    "bench/test_vad_suite.py": "suite",
    "chip/test_midstream.py": "midstream",
    "chip/test_usb.py": "usb",
    "emulator/test_doctor_link.py": "doctor",
    "emulator/test_remote.py": "remote",
    "fuzz/test_atheris.py": "atheris",
    "hil/test_install.py": "board",
    "hil/test_kernels.py": "board",
    "hil/test_microphone.py": "board",
    "hil/test_stream.py": "board",
    "hil/test_vectors.py": "board",
    "unit/firmware/test_adpcm.py": "adpcm",
    "unit/firmware/test_build.py": "built",
    "unit/firmware/test_kernels.py": "kernels",
    "unit/firmware/test_memory.py": "built",
    "unit/firmware/test_meter.py": "meter",
    "unit/firmware/test_network.py": "network",
    "unit/firmware/test_pattern.py": "pattern",
    "unit/firmware/test_session.py": "session",
    "unit/firmware/test_usb.py": "usb cases",
    "unit/test_wheel.py": "wheel",
}
"""Modules whose tests share what takes long to make (a fixture, a cache, the one board), and what that is."""


def shared(nodeid: str) -> str:
    """What a test shares with others; a test that shares nothing is alone."""
    return TOGETHER.get(nodeid.partition("::")[0].removeprefix("tests/"), nodeid)


class Scheduling(LoadScopeScheduling):
    """Each worker gets the next tests of one group, or the next single one."""

    def _split_scope(self, nodeid: str) -> str:
        return shared(nodeid)
