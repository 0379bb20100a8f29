"""The benchmark of the device's kernels: every kernel is in it, and a difference is noticed."""

import ast

import pytest

from ossicle.bench import kernels, mpy
from ossicle.bench.figures import Effort
from ossicle.bench.source import BenchmarkError
from ossicle.micropython import MicroPythonMissing
from ossicle.paths import data_folder

QUICK = Effort(quick=True)


def viper_kernels():
    tree = ast.parse((data_folder("firmware") / "ossicle" / "kernels.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if any("viper" in ast.unparse(d) for d in f.decorator_list)}


def test_every_kernel_is_measured():
    table = kernels.run(QUICK)
    assert {row.name for row in table.rows} == viper_kernels()
    for row in table.rows:
        assert set(row.values) == {column.key for column in table.columns}
        assert row.values["kernel_ns"] > 0
        assert row.values["plain_ns"] > 0
        assert row.values["ratio"] > 0
    assert any("MicroPython 1." in note for note in table.notes)


@pytest.mark.parametrize("name", sorted(viper_kernels()))
def test_a_twin_that_differs_is_noticed(name):
    told, _ = mpy.run(kernels.SCRIPT, "1", name, say=str)
    assert [each["name"] for each in told if not each["same"]] == [name]
    with pytest.raises(BenchmarkError, match=f": {name}$"):
        kernels.check(told)


def test_without_micropython_there_is_a_note(monkeypatch):
    def find(**options):
        raise MicroPythonMissing("there is none here")

    monkeypatch.setattr(mpy.micropython, "find", find)
    table = kernels.run(QUICK)
    assert table.rows == ()
    assert table.notes == ("Not measured: there is none here.",)


def test_a_script_that_fails_is_told():
    with pytest.raises(BenchmarkError, match=r"kernel_times.py ended with code 1: ValueError"):
        mpy.run(kernels.SCRIPT, "many", say=str)
