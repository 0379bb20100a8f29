"""Modules that are always there together become one.

Each module costs a board some 200 bytes for itself, and each name that another one imports from it eight
more. A bundle is their code one after the other, in one namespace: so what their tops define has to have
different names. Imports between them go, others come to the bundle's top once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from .scopes import BuildError, bound

# The bundle's name is its last module's, which imports the others. A module that is not named is one of
# its own: what is dropped after its work has to be.
BUNDLES = {
    "ossicle.app": (
        "ossicle._wire",
        "ossicle.kernels",
        "ossicle.expectation",
        "ossicle.ring",
        "ossicle.meter",
        "ossicle.capture",
        "ossicle.packet",
        "ossicle.resend",
        "ossicle.sender",
        "ossicle.session",
        "ossicle.commands",
    ),
    "ossicle.modules": ("ossicle.settings",),
    "ossicle.seal": ("ossicle.cipher", "ossicle.ccm"),
    "ossicle.adpcm": ("ossicle.coder",),
    "boards.net": ("ossicle.links.away", "boards.wifi"),
}
HOME = {module: bundle for bundle, modules in BUNDLES.items() for module in (*modules, bundle)}


class _Imports(ast.NodeTransformer):
    """Takes the imports out of a module that comes into a bundle, and turns the others to bundles."""

    def __init__(self, bundle: str, modules: Iterable[str]) -> None:
        self._bundle = bundle
        self._modules = set(modules)
        self._inner: set[str] = set()  # names that are modules of the bundle
        self._depth = 0
        self.top: list[ast.Import | ast.ImportFrom] = []  # what the bundle's top imports

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        return self._keep(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        module = node.module or ""
        left = []
        for alias in node.names:
            full = f"{module}.{alias.name}"
            if full in self._modules:
                home = HOME.get(full, full)
                if home == self._bundle:
                    self._inner.add(bound(alias))
                else:
                    package, _, last = home.rpartition(".")
                    left.append(ast.ImportFrom(package, [ast.alias(last, bound(alias))], 0))
            elif HOME.get(module, module) != self._bundle or module not in self._modules:
                left.append(ast.ImportFrom(HOME.get(module, module), [alias], 0))
            elif alias.asname:
                raise BuildError(f"{module}: {alias.name} has two names in a bundle")
        if not left:
            return ast.Pass()
        if len({each.module for each in left}) == 1:
            return self._keep(ast.ImportFrom(left[0].module, [a for each in left for a in each.names], 0))
        if self._depth:
            raise BuildError(f"{self._bundle}: a function imports from several bundles in one line")
        for each in left:
            self._keep(each)
        return ast.Pass()

    def _keep(self, node: ast.Import | ast.ImportFrom) -> ast.AST:
        if self._depth:
            return node
        self.top.append(node)
        return ast.Pass()

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in self._inner:
            return ast.Name(node.attr, node.ctx)
        return node


def tops(tree: ast.Module) -> set[str]:
    """What a module's top defines, imports left out."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            names = (each for each in ast.walk(node) if isinstance(each, ast.Name))
            found.update(each.id for each in names if isinstance(each.ctx, ast.Store))
    return found


def bundled(trees: dict[str, ast.Module]) -> dict[str, ast.Module]:
    """The modules of a build, those of a bundle as one. The trees that come are changed.

    Raises BuildError where two modules of a bundle define the same name.
    """
    out: dict[str, ast.Module] = {}
    for name, tree in trees.items():
        if HOME.get(name, name) != name:
            continue
        parts = {part: trees[part] for part in (*BUNDLES.get(name, ()), name) if part in trees}
        owner: dict[str, str] = {}
        imports: dict[str, ast.Import | ast.ImportFrom] = {}
        body: list[ast.stmt] = []
        for part, each in parts.items():
            for top in tops(each):
                if owner.setdefault(top, part) != part:
                    raise BuildError(f"{part} and {owner[top]} both define {top}, and are one bundle")
            mover = _Imports(name, trees)
            mover.visit(each)
            for node in mover.top:
                for alias in node.names:
                    single = (
                        ast.ImportFrom(node.module, [alias], 0)
                        if isinstance(node, ast.ImportFrom)
                        else ast.Import([alias])
                    )
                    imports[ast.unparse(single)] = single
            body += [statement for statement in each.body if not isinstance(statement, ast.Pass)]
        out[name] = ast.fix_missing_locations(ast.Module([*imports.values(), *body], tree.type_ignores))
    return out


def prune(trees: dict[str, ast.Module]) -> None:
    """Imports go that a module's top has for nobody any more: each takes eight bytes, and keeps a module."""
    asked = {
        (node.module, alias.name)
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for name, tree in trees.items():
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for node in [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]:
            node.names = [a for a in node.names if bound(a) in used or (name, bound(a)) in asked]
            if not node.names:
                tree.body.remove(node)


def flatten(trees: dict[str, ast.Module]) -> dict[str, ast.Module]:
    """The modules of a package in a package are the outer one's: an inner one takes 250 bytes of a board."""
    moved = {name: f"{parts[0]}.{parts[-1]}" for name in trees if len(parts := name.split(".")) > 2}
    inner = {name.rpartition(".")[0] for name in moved}
    if set(moved.values()) & set(trees):
        raise BuildError(f"{', '.join(sorted(inner))}: a module has the name of one outside")
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                node.module = moved.get(node.module or "", node.module)
                if node.module in inner:
                    raise BuildError(f"{node.module} is imported as a package")
    return {moved.get(name, name): tree for name, tree in trees.items() if name not in inner}
