"""Shared code: `import tax` gives the library that administrators stored under that name.

The server is asked for names that the standard library doesn't have. A library runs once for each run that imports it, in
names of its own. Packages that the administrator installed come after libraries.
"""

import ast
import builtins
import sys
from types import ModuleType

from contained import Escapes, contain
from failures import LIBRARY

SYSTEM_MODULES = getattr(sys, "stdlib_module_names", frozenset(sys.builtin_module_names)) | {"munch", "bunch", "httplib"}
import_system = builtins.__import__


class Library(ModuleType):
    """A library in the run of a contained script."""

    def __getattribute__(self, name):
        value = ModuleType.__getattribute__(self, name)
        if isinstance(value, ModuleType) and type(value) is not Library:
            # A module of Python itself would be a way out of what `contained.py` looks at.
            ModuleType.__getattribute__(self, "<escapes>")()
        return value


class LibraryText:
    """The compiled text of a library."""

    __slots__ = ("code", "contained")

    def __init__(self, name, source):
        """Raises SyntaxError."""
        file = f"{LIBRARY}{name}>"
        try:
            tree = ast.parse(source, file)
        except SyntaxError as error:
            raise SyntaxError(f"library '{name}', line {error.lineno}: {error.msg}") from None
        try:
            for module in contain(tree.body, function_scope=False):
                import_system(module)
            self.contained = True
        except Escapes:
            self.contained = False
        self.code = compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)


#: The libraries of the run that is under way.
_current = []


def import_module(name, names=None, local=None, fromlist=(), level=0):
    """`__import__` of scripts and libraries."""
    return _current[-1].import_module(name, names, local, fromlist, level)


class Libraries:
    """The libraries of one run."""

    def __init__(self, run):
        self._run = run
        self._modules = {}
        _current[:] = [self]

    def import_module(self, name, names=None, local=None, fromlist=(), level=0):
        """The module to bind: of Python itself, a library, or an installed package, in that order."""
        top = name.partition(".")[0]
        if level or top in SYSTEM_MODULES:
            return import_system(name, names, local, fromlist, level)
        module = self._find(name)
        if module is None and fromlist:
            module = self._package_of(name, fromlist)
        if module is None:
            # An installed package, or nothing.
            self._run.escapes()
            return import_system(name, names, local, fromlist, level)
        return module if fromlist else self._top(name, module)

    def _package_of(self, name, fromlist):
        """For `from billing import tax` when only `billing.tax` is there."""
        found = {part: module for part in fromlist if (module := self._find(f"{name}.{part}"))}
        return self._named(name, found) if found else None

    def _top(self, name, module):
        """For `import billing.tax`, which binds `billing`."""
        while "." in name:
            name, _, last = name.rpartition(".")
            module = self._named(name, {last: module})
        return module

    def _named(self, name, members):
        module = self._modules.get(name) or self._new(name)
        ModuleType.__getattribute__(module, "__dict__").update(members)
        return module

    def _new(self, name):
        module = self._modules[name] = Library(name)
        members = ModuleType.__getattribute__(module, "__dict__")
        members["<escapes>"] = self._run.escapes
        return module

    def _find(self, name):
        """The module of a stored library; None when there is none."""
        if name in self._modules:
            return self._modules[name]
        text = self._run.library(name)
        if text is None:
            self._modules[name] = None
            return None
        if not text.contained:
            self._run.escapes()
        module = self._new(name)
        members = ModuleType.__getattribute__(module, "__dict__")
        members.update(self._run.names(name))
        try:
            exec(text.code, members)
        except BaseException:
            del self._modules[name]
            raise
        return module
