"""Whether a script provably leaves nothing behind.

A contained script may run in the worker's own world, in names of its own: when it has ended, no later run can tell that it
was there. Everything is on a list (`allowed.py`) or not contained; what is not contained runs as well, but its process ends
with it. Four things can't be told from the text alone, so they are watched while the script runs, by a function that the
script can't name (`WATCH`): setting or deleting an attribute, reading an attribute whose name begins with an underscore, the
fields of a format text, and what libraries hand out. The function says when the object is not the script's own, and the run then counts as not contained.

What must hold, and how it does:

* No module as a value. Modules appear only as `module.name`, with the name on the module's list.
* No way from a value to its surroundings: no special attribute, none of frames, generators and tracebacks, none by name.
* No state of the process is set: not on the lists. No shared object is changed: none of the lists' values can be, but through
  attributes, which are watched.
* Nothing runs later: no `__del__`, no thread, no generator that could have something to do when it is dropped (a `yield`
  inside `try` or `with`).
* Nothing of the script lives on in a cache of the standard library in a form that could act: see `BASES` and `METHODS`.
"""

import ast
import builtins
import re
import sys
import types

from allowed import ATTRIBUTES, BASES, BUILTINS, DESCRIBING, GIVEN, METHODS, MODULES
from lookups import FILLED
from names import binds, bound_in, calls, kinds, parameters, special

#: Called with the object whose attribute is touched; gives it back.
WATCH = "<watch>"
#: Called with what may be the text of a format; gives it back.
WATCH_FORMAT = "<watch format>"

EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)
SAFE_NAMES = BUILTINS | EXCEPTIONS | GIVEN
#: Names that mean something without being bound in the text, and must not be used.
UNSAFE_NAMES = (frozenset(vars(builtins)) | {"help", "http", "httplib"}) - SAFE_NAMES
#: Modules that are no libraries of scripts; without the list of them, none is taken for a library.
SYSTEM_MODULES = getattr(sys, "stdlib_module_names", None)
#: Functions that are safe in one form of call only.
SPECIAL_CALLS = frozenset({"getattr", "hasattr", "type", "super"})
INNER_ATTRIBUTES = ATTRIBUTES | frozenset(
    name
    for kind in (
        types.FrameType,
        types.TracebackType,
        types.GeneratorType,
        types.CoroutineType,
        types.AsyncGeneratorType,
        types.CodeType,
    )
    for name in dir(kind)
    # Those that lead on have a prefix: `f_globals`, `gi_frame`. Others (`close`, `replace`) only look alike.
    if "_" in name and not name.startswith("__")
)
#: A field of a format text that reads an attribute, `{0.name}`, or may after an index, `{0[a:b].name}`.
READS_ATTRIBUTE = re.compile(r"\{[^{}:!]*[.\[]")
#: Functions that see a class, but hand it to nobody.
SHOWING = frozenset({"str", "repr", "print", "isinstance", "issubclass"})
#: Kinds of nodes that are as safe as their parts.
PLAIN = kinds(
    "Return Delete Assign AugAssign AnnAssign For While If Raise Assert Expr Pass Break Continue Global Nonlocal ExceptHandler "
    "BoolOp BinOp UnaryOp IfExp Dict Set Constant JoinedStr Subscript Starred List Tuple Slice NamedExpr comprehension keyword "
    "arguments withitem Match match_case MatchValue MatchSingleton MatchSequence MatchMapping MatchStar MatchAs MatchOr"
)
OPERATORS = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)


def reads_attribute(value):
    """Whether a value's `format` may read an attribute: a text with such a field, or the type of texts itself."""
    return isinstance(value, type) or isinstance(value, str) and READS_ATTRIBUTE.search(value) is not None


class Escapes(Exception):
    """Why a script is not contained."""


def contain(body, function_scope=True):
    """Puts the watch into the statements of a contained text. Raises Escapes, leaving them as they are, for others.
    Gives the modules that the text imports: they are to be loaded before it runs, so that it can't disturb their loading.

    `function_scope`: whether the statements are a function's body, whose assigned names hide built-in ones.
    """
    try:
        reader = _Reader(body, function_scope)
        for node in body:
            reader.visit(node)
    except RecursionError:
        raise Escapes("nested too deeply") from None
    for node, watch in reader.watched:
        call = ast.Call(ast.Name(watch, ast.Load()), [node.value], [])
        ast.copy_location(call.func, node.value)
        node.value = ast.copy_location(call, node.value)
    return set(reader.modules.values())


class _Reader:
    def __init__(self, body, function_scope):
        self.watched = []
        #: Name → module, as the text's imports have it.
        self.modules = {"json": "json"}
        #: Modules that are imported by their whole names.
        self.imported = set()
        #: Names that the text binds to anything but modules.
        self.bound = set()
        #: Names of the classes that the text defines, bound to nothing else.
        self.classes = set()
        #: Names that a function declares global: no function's name hides those.
        self.globals = set()
        #: Calls of `type` whose result is only shown or compared: as a value it could be `type` itself.
        self.shown = set()
        #: Names bound in the functions around the current place.
        self.scopes = []
        #: Depth of `try` and `with` in the current function.
        self.guarded = 0
        self._bindings(body)
        if function_scope:
            self.scopes.append(bound_in(body) | {"event", "platform"})

    def _bindings(self, body):
        values, classes = set(), []
        for node in (inner for statement in body for inner in ast.walk(statement)):
            if isinstance(node, ast.ClassDef):
                classes.append(node.name)
            elif isinstance(node, ast.Import):
                self._import(node, values)
            elif isinstance(node, ast.ImportFrom):
                self._import_from(node, values)
            elif isinstance(node, ast.Global):
                self.globals.update(node.names)
            else:
                values.update(binds(node))
        self.bound = values.union(classes)
        reserved = {name for name in self.bound | set(self.modules) if special(name)} - METHODS - DESCRIBING
        if reserved:
            raise Escapes(f"the name {min(reserved)}")
        clash = self.bound & set(self.modules)
        if clash:
            raise Escapes(f"'{min(clash)}' is a module and something else")
        self.classes = {name for name in classes if classes.count(name) == 1} - values - vars(builtins).keys()

    def _import(self, node, values):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            if alias.name in MODULES:
                self._module(alias.asname or top, alias.name if alias.asname else top)
                self.imported.add(alias.name)
            elif _is_system(top):
                raise Escapes(f"module {alias.name} is not on the list")
            else:
                values.add(alias.asname or top)

    def _import_from(self, node, values):
        if node.level:
            raise Escapes("a relative import")
        for alias in node.names:
            name, whole = alias.asname or alias.name, f"{node.module}.{alias.name}"
            if whole in MODULES:
                self._module(name, whole)
            elif alias.name in MODULES.get(node.module, ()):
                values.add(name)
            elif _is_system(node.module.partition(".")[0]) or alias.name == "*":
                raise Escapes(f"{whole} is not on the list")
            else:
                values.add(name)

    def _module(self, name, module):
        if self.modules.setdefault(name, module) != module:
            raise Escapes(f"'{name}' is two modules")

    def visit(self, node):
        kind = type(node)
        if kind in PLAIN or isinstance(node, OPERATORS):
            self._children(node)
            return
        method = getattr(self, f"_{kind.__name__}", None)
        if method is None:
            raise Escapes(f"{kind.__name__} at line {getattr(node, 'lineno', '?')}")
        method(node)

    def _children(self, node):
        for child in ast.iter_child_nodes(node):
            self.visit(child)

    def _inside(self, names, parts):
        """Visits what is inside a function or comprehension that binds these names."""
        guarded, self.guarded = self.guarded, 0
        self.scopes.append(names)
        for part in parts:
            self.visit(part)
        self.scopes.pop()
        self.guarded = guarded

    def _comprehension(self, node):
        # The first iterable belongs to what is around.
        first, *others = node.generators
        self.visit(first.iter)
        names = {name for part in node.generators for inner in ast.walk(part.target) for name in binds(inner)}
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._inside(names, [first.target, *first.ifs, *others, *parts])

    _ListComp = _SetComp = _DictComp = _GeneratorExp = _comprehension

    def _Lambda(self, node):
        self.visit(node.args)
        self._inside(parameters(node), [node.body])

    def _FunctionDef(self, node):
        self._defined(node)
        # Decorators, defaults and annotations belong to what is around.
        for part in (*node.decorator_list, node.args, node.returns):
            if part is not None:
                self.visit(part)
        self._inside(parameters(node) | bound_in(node.body), node.body)

    def _defined(self, node):
        if special(node.name) and node.name not in METHODS:
            raise Escapes(f"the name {node.name}")
        if getattr(node, "type_params", None):
            raise Escapes("type parameters")

    def _arg(self, node):
        if special(node.arg):
            raise Escapes(f"the name {node.arg}")
        self._children(node)

    def _ClassDef(self, node):
        self._defined(node)
        if node.keywords:
            raise Escapes("a class with keywords")
        for base in node.bases:
            if not isinstance(base, ast.Name) or base.id not in self.classes | ((BASES | EXCEPTIONS) - self.bound):
                raise Escapes(f"class {node.name} extends something else")
        # A name that a class binds does not hide a built-in one: before it is bound, the built-in one is read.
        hidden = bound_in(node.body) & (UNSAFE_NAMES | SPECIAL_CALLS)
        if hidden:
            raise Escapes(f"a class with the name {min(hidden)}")
        for part in (*node.decorator_list, *node.body):
            self.visit(part)

    def _guarded(self, node):
        self.guarded += 1
        self._children(node)
        self.guarded -= 1

    _Try = _TryStar = _With = _guarded

    def _Yield(self, node):
        if self.guarded:
            raise Escapes("a yield inside try or with")
        self._children(node)

    def _Import(self, node):
        """Was read with the names that the text binds."""

    _ImportFrom = _Import

    def _hidden(self, name):
        """Whether a function around binds the name, so that it can't mean the built-in one."""
        return name not in self.globals and any(name in scope for scope in self.scopes)

    def _Name(self, node):
        name, loads = node.id, isinstance(node.ctx, ast.Load)
        if name in self.modules:
            raise Escapes(f"module {name} as a value")
        if name == FILLED:
            return
        if special(name) and not (name in DESCRIBING or (name == "__name__" and loads)):
            raise Escapes(f"the name {name}")
        if loads and name in UNSAFE_NAMES and not self._hidden(name):
            raise Escapes(f"{name} is not on the list")

    def _module_of(self, node):
        """The module that a name or `package.module` stands for."""
        if isinstance(node, ast.Name):
            return self.modules.get(node.id)
        if isinstance(node, ast.Attribute):
            above = self._module_of(node.value)
            if above is not None and f"{above}.{node.attr}" in self.imported:
                return f"{above}.{node.attr}"
        return None

    def _Attribute(self, node):
        loads = isinstance(node.ctx, ast.Load)
        if self._module_of(node) is not None:
            raise Escapes(f"module {node.attr} as a value")
        module = self._module_of(node.value)
        if module is not None:
            if node.attr not in MODULES[module] or not loads:
                raise Escapes(f"{module}.{node.attr} is not on the list")
            return
        if loads and node.attr == "__name__":
            # The class itself is no value here, only its name is.
            inner = node.value
            if isinstance(inner, ast.Attribute) and inner.attr == "__class__":
                self.visit(inner.value)
                return
            self.shown.add(inner)
        if node.attr == "format" and loads:
            self._format(node)
        else:
            self._attribute_name(node.attr, node.value)
        if not loads or node.attr.startswith("_"):
            self.watched.append((node, WATCH))
        self.visit(node.value)

    def _format(self, node):
        """`text.format`, or an attribute of that name."""
        if not isinstance(node.value, ast.Constant):
            self.watched.append((node, WATCH_FORMAT))
        elif reads_attribute(node.value.value):
            raise Escapes("a format that reads attributes")

    def _attribute_name(self, name, value=None):
        if name in INNER_ATTRIBUTES:
            raise Escapes(f"attribute {name}")
        if special(name) and name != "__name__" and not (name == "__init__" and calls(value, {"super"})):
            raise Escapes(f"attribute {name}")

    def _Call(self, node):
        function = node.func
        if isinstance(function, ast.Name) and function.id in SPECIAL_CALLS and not self._hidden(function.id):
            self._special_call(node)
            parts = [*node.args, *node.keywords]
        else:
            if calls(node, SHOWING - self.bound):
                self.shown.update(node.args)
            parts = [function, *node.args, *node.keywords]
        for part in parts:
            self.visit(part)

    def _special_call(self, node):
        name, arguments = node.func.id, node.args
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in arguments):
            raise Escapes(f"{name} in another form")
        if name == "type" and len(arguments) == 1 and node in self.shown:
            return
        if name == "super" and not arguments:
            return
        if name in {"getattr", "hasattr"} and len(arguments) >= 2:
            attribute = arguments[1].value if isinstance(arguments[1], ast.Constant) else None
            if isinstance(attribute, str) and not attribute.startswith("_") and attribute != "format":
                self._attribute_name(attribute)
                return
        raise Escapes(f"{name} in another form")

    def _FormattedValue(self, node):
        self.shown.add(node.value)
        self._children(node)

    def _Compare(self, node):
        # `type(a) is …` shows no class to anybody; `type(a) == …` does not when the others are built-in types.
        operands = [node.left, *node.comparators]
        identity = all(isinstance(operator, (ast.Is, ast.IsNot)) for operator in node.ops)
        if identity or all(self._is_plain_type(operand) for operand in operands):
            self.shown.update(operands)
        self._children(node)

    def _is_plain_type(self, node):
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return all(self._is_plain_type(element) for element in node.elts)
        if isinstance(node, ast.Name):
            return node.id in BUILTINS and node.id not in self.bound
        return calls(node, {"type"})

    def _MatchClass(self, node):
        for name in node.kwd_attrs:
            if name.startswith("_") or name == "format":
                raise Escapes(f"attribute {name}")
            self._attribute_name(name)
        self._children(node)


def _is_system(module):
    return SYSTEM_MODULES is None or module in SYSTEM_MODULES or module == "httplib"
