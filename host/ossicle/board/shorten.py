"""Names that cost a board nothing.

MicroPython keeps each name of an attribute, a function or an argument as a string in the heap, once for all
modules: about 20 bytes for each, and the firmware has six hundred. But the names of MicroPython's own
functions lie in its image. So in the build each name of the firmware is one of those:

- two names of members may become the same one where no class has both, for then an object has at most one
  of them; classes that inherit from each other count as one;
- what a module's top defines has its names from the same words, and the module's importers know them;
- so have the arguments and variables of a function.

Not touched: what getattr() and its like spell, what comes from MicroPython, what is named in a call's
keyword, what begins with `__`, modules, KEEP, and members of classes whose base is not the firmware's.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import count

from .bundle import tops
from .overlay import LOADER, PACKAGE
from .scopes import Scopes, bound, read

# What main.py, the manifest of a test and the commands name from outside.
KEEP = {"Board", "counted", "leave", "live", "load", "read", "reset", "run", "self", "start", "storage"}
# Methods of what MicroPython's modules make: sockets, pollers, UART, I2S, WLAN, ciphers, hashes, streams.
FOREIGN = {
    "active", "any", "close", "config", "connect", "decrypt", "deinit", "digest", "disconnect",
    "encrypt", "errno", "feed", "flush", "getaddrinfo", "ifconfig", "init", "ioctl", "ipoll", "irq",
    "isconnected", "mem32", "memory", "modify", "poll", "read", "readinto", "readline", "recv", "register",
    "send", "sendto", "setblocking", "setsockopt", "settimeout", "status", "txdone", "unregister",
    "update", "value", "write",
}  # fmt: skip
BUILT_IN = {
    name
    for kind in (builtins, str, bytes, bytearray, list, dict, tuple, set, int, memoryview, array, Exception)
    for name in dir(kind)
}
# In the image of every build with the modules that the firmware needs: looked up in the unix port's, and in
# MicroPython's sources for the ESP32. One that a build lacks costs it 20 bytes, no more.
WORDS = tuple(
    """
append args clear count endswith extend find format from_bytes index insert items join keys pop popitem
remove replace reverse rfind rindex rsplit rstrip lstrip setdefault sort split start startswith step stop
strip throw to_bytes upper lower values key end sep sleep sleep_ms sleep_us ticks_ms ticks_us ticks_add
ticks_diff ticks_cpu time gmtime localtime mktime collect mem_free mem_alloc threshold enable disable
isenabled loads dumps load dump pack unpack pack_into unpack_from calcsize hexlify unhexlify a2b_base64
b2a_base64 crc32 sha256 sha1 urandom getvalue seek tell heapify heappush heappop deque popleft namedtuple
match search group sub sin cos tan asin acos atan atan2 exp log sqrt pi floor ceil trunc fabs fmod isnan
isinf isfinite copysign frexp ldexp modf degrees radians phase polar rect real imag choice randint randrange
random uniform seed getrandbits platform version path modules exit stdin stdout stderr maxsize byteorder
print_exception opt_level mem_info qstr_info stack_use heap_lock heap_unlock kbd_intr schedule mem8 mem16
addressof sizeof bytes_at bytearray_at ARRAY PTR VOID recvfrom sendall accept bind listen makefile fileno
buffering encoding file name mode mkdir rmdir rename stat statvfs listdir ilistdir chdir getcwd mount umount
readblocks writeblocks open unlink partition rpartition splitlines center decode encode difference discard
union add fromkeys lock acquire release locked start_new_thread get_ident allocate_lock
""".split()  # noqa: SIM905
)
LOCALS = WORDS[:24]
ONE_BYTE = 125  # and the module's own name, and __name__

Unit = frozenset[str]  # classes that inherit from each other


class Shortener:
    """Gives the names of a build new ones, in its trees: {dotted name: tree}."""

    def __init__(self, trees: dict[str, ast.Module], keep: Iterable[str] = ()) -> None:
        self._trees = trees
        self._scopes = {name: read(tree) for name, tree in trees.items()}
        nodes = (node for tree in trees.values() for node in ast.walk(tree))
        self._by_keyword = {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
        self._keep = KEEP | set(keep)
        self._kept = self._keep | FOREIGN | BUILT_IN | set(keyword.kwlist)
        self._kept.update(part for name in trees for part in name.split("."))
        for tree in trees.values():
            self._kept.update(spelled(tree))
        self._modules = {name: dict(imported_modules(tree, trees)) for name, tree in trees.items()}
        self._handed_on = {module for name in trees for module in self._find_handed_on(name)}
        for name in self._handed_on:
            self._kept.update(tops(trees[name]))
        self._tops = {name: self._name_tops(name) for name in trees}
        self._members = self._name_members()

    def apply(self) -> None:
        """Changes the trees; what was a module of its own is one still."""
        for name, scopes in self._scopes.items():
            self._change_imports(name)
            self._change_members(name, scopes)
            self._change_locals(name, scopes)
            for place in scopes.tops:
                place.put(self._tops[name].get(place.name, place.name))

    # -- names of modules' tops --------------------------------------------------------

    def _name_tops(self, name: str) -> dict[str, str]:
        """What a module defines, and what it imports from others of the build, by the names there."""
        scopes = self._scopes[name]
        own = set() if name in self._handed_on else tops(self._trees[name])
        for node in at_top(self._trees[name].body):
            if isinstance(node, ast.ImportFrom) and node.module in self._trees:
                names = (bound(a) for a in node.names if f"{node.module}.{a.name}" not in self._trees)
                own.update(names)
        used = Counter(place.name for place in scopes.tops)
        mine = [n for n, _ in used.most_common() if n in own and not self._is_kept_top(n)]
        taken = (set(used) - set(mine)) | scopes.imported | self._modules[name].keys()
        taken |= set(LOCALS) | self._by_keyword | self._keep
        free = (word for word in chosen() if word not in taken)
        return dict(zip(mine, free, strict=False))

    def _find_handed_on(self, name: str) -> Iterator[str]:
        """Modules that `name` does not only ask for a member itself: whoever has them may ask."""
        tree = self._trees[name]
        bases = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and id(node) not in bases | self._scopes[name].variables:
                module = self._modules[name].get(node.id)
                if module:
                    yield module

    def _is_kept_top(self, name: str) -> bool:
        return name in self._keep or name.startswith("__")

    def _change_imports(self, name: str) -> None:
        inside = {id(node) for node in at_top(self._trees[name].body)}
        for node in ast.walk(self._trees[name]):
            if not isinstance(node, ast.ImportFrom) or node.module not in self._trees:
                continue
            for alias in node.names:
                if f"{node.module}.{alias.name}" in self._trees:
                    continue
                here = bound(alias)
                if id(node) in inside:
                    here = self._tops[name].get(here, here)
                there = self._tops[node.module].get(alias.name, alias.name)
                alias.name, alias.asname = there, here if here != there else None

    # -- names of members --------------------------------------------------------------

    def _units(self) -> dict[str, Unit]:
        """The classes that inherit from each other, by the name of each."""
        unit = {}
        bases = []
        for tree in self._trees.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    unit[node.name] = {node.name}
                    bases += [(node.name, base) for base in node.bases]
        for name, base in bases:
            if isinstance(base, ast.Name) and base.id in unit:
                joined = unit[name] | unit[base.id]
                for each in joined:
                    unit[each] = joined
            else:
                unit[name].add("")  # somebody else's
        return {name: frozenset(each) for name, each in unit.items()}

    def _name_members(self) -> dict[str, str]:
        """A word for each name of a member; those that stand most often come first."""
        units = self._units()
        has: dict[Unit, set[str]] = defaultdict(set)
        used: Counter[str] = Counter()
        loose = set()  # stored from outside
        for name, scopes in self._scopes.items():
            for owner, place in scopes.members:
                has[units[owner]].add(place.name)
            for owner, node in scopes.attributes:
                if self._module_of(name, node) is not None:
                    continue
                used[node.attr] += 1
                if not isinstance(node.ctx, ast.Load):
                    if owner and isinstance(node.value, ast.Name) and node.value.id == "self":
                        has[units[owner]].add(node.attr)
                    else:
                        loose.add(node.attr)
        for scopes in self._scopes.values():
            used.update(place.name for _, place in scopes.members)
        known: set[str] = set().union(*has.values(), loose)
        foreign: set[str] = set().union(*(names for unit, names in has.items() if "" in unit))
        self._kept |= foreign
        beside: dict[str, set[str]] = defaultdict(set)
        for names in (*has.values(), known):
            for each in names if names is not known else loose:
                beside[each] |= names | loose
        out: dict[str, str] = {}
        fixed = {n for n in known if n in self._kept or n.startswith("__")}
        spelt = self._spelt()
        for name in [n for n, _ in used.most_common() if n in known and n not in fixed]:
            taken = {out.get(each, each) for each in beside[name]} | spelt
            out[name] = next(word for word in chosen() if word not in taken)
        return out

    def _spelt(self) -> set[str]:
        """What a string may ask an object for: no member may come to be called so."""
        return {name for tree in self._trees.values() for name in spelled(tree)}

    def _module_of(self, name: str, node: ast.Attribute) -> str | None:
        """The module whose top `node` names: "" for one of MicroPython's, None for a member."""
        base: ast.expr = node.value
        if isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == LOADER:
            return f"{PACKAGE}.{ast.literal_eval(base.args[0])}"
        while isinstance(base, ast.Attribute):
            base = base.value
        if not isinstance(base, ast.Name) or id(base) in self._scopes[name].variables:
            return None
        if base.id not in self._modules[name]:
            return None
        return self._modules[name][base.id] if base is node.value else ""

    def _change_members(self, name: str, scopes: Scopes) -> None:
        for _, place in scopes.members:
            place.put(self._members.get(place.name, place.name))
        changes = []
        for _, node in scopes.attributes:
            module = self._module_of(name, node)
            if module is None:
                changes.append((node, self._members.get(node.attr, node.attr)))
            elif module:
                changes.append((node, self._tops[module].get(node.attr, node.attr)))
        for node, new in changes:
            node.attr = new

    # -- names of arguments and variables ----------------------------------------------

    def _change_locals(self, name: str, scopes: Scopes) -> None:
        fixed = scopes.imported | {"self"} | self._by_keyword
        globals_of = set(self._tops[name].values()) | {place.name for place in scopes.tops}
        for places in scopes.locals:
            old = dict.fromkeys(place.name for place in places)
            free = (w for w in (*LOCALS, *(f"a{i}" for i in range(999))) if w not in globals_of | fixed)
            new = {each: next(free) for each in old if each not in fixed}
            for place in places:
                place.put(new.get(place.name, place.name))


def frequent_first(tree: ast.Module) -> None:
    """Names that functions use most often come first in the module's table: 127 of them take one byte each.

    The table is in the order in which names come up: so a statement that is never run names them. Its code
    goes when the module has been imported, as all of its top's.
    """
    scopes = read(tree)
    inside = {id(x) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for x in ast.walk(node)}
    used = Counter(place.name for place in scopes.tops if id(place.node) in inside)
    used.update(node.attr for _, node in scopes.attributes)
    used.update(
        arg.arg for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for arg in node.args.args
    )
    if len(used) < ONE_BYTE:
        return
    chain: ast.expr = ast.Name("__name__", ast.Load())
    for name, _ in used.most_common(ONE_BYTE):
        chain = ast.Attribute(chain, name, ast.Load())
    never = ast.UnaryOp(ast.Not(), ast.Name("__name__", ast.Load()))
    tree.body.insert(0, ast.fix_missing_locations(ast.If(never, [ast.Expr(chain)], [])))


def at_top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run as the module's own, those of an `if` or `try` among them."""
    for node in body:
        yield node
        for part in ("body", "orelse", "handlers", "finalbody"):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield from at_top(getattr(node, part, []))


def chosen() -> Iterator[str]:
    """The words, and where there are no more of them, `za0`, `za1` ..."""
    yield from WORDS
    yield from (f"za{i}" for i in count())


def spelled(tree: ast.Module) -> Iterator[str]:
    """The strings by which a module may ask an object for a member."""
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("getattr", "setattr", "hasattr", "delattr")
    ]
    if any(not isinstance(call.args[1], ast.Constant) for call in calls):
        nodes: list[ast.AST] = [tree]
    else:
        nodes = [call.args[1] for call in calls]
    for node in nodes:
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield from re.findall(r"[A-Za-z_]\w*", each.value)


def imported_modules(tree: ast.Module, modules: Collection[str]) -> Iterator[tuple[str, str]]:
    """(name, module) of what imports bind that is one of `modules`; "" for what is MicroPython's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((bound(alias), "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in modules:
                    yield bound(alias), full
                elif node.module is None or node.module not in modules:
                    yield bound(alias), ""
