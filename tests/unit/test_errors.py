"""The package's face: every name is there, importing it is cheap, and the errors form one tree."""

import subprocess
import sys

import pytest

import ossicle
from ossicle import errors


@pytest.mark.parametrize("name", ossicle.__all__)
def test_every_name_is_there(name):
    assert getattr(ossicle, name).__name__ == name
    assert name in dir(ossicle)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        ossicle.no_such_name  # noqa: B018


def test_importing_the_package_loads_the_standard_library_only():
    code = "import sys, ossicle, ossicle.errors; print(sorted({'numpy', 'serial'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"


def test_errors_are_one_tree_with_their_data():
    made = [
        errors.UrlError("m", "u"),
        errors.LinkError("m", "u"),
        errors.ProtocolVersionError(2, 1),
        errors.RefusedError(3, ""),
        errors.SilentError("m", 1.0),
        errors.SourceError("m"),
        errors.PacketError("check", "m"),
    ]
    assert all(isinstance(error, ossicle.OssicleError) for error in made)
    assert str(made[3]) == "the device refused the stream: reason 3"
    assert (made[2].device, made[2].host) == (2, 1)
    assert all("\n" not in str(error) for error in made)
