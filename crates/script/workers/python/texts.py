"""From a script's text to code.

The text is the body of a function `(event, platform)` and keeps its own indentation: it is parsed as it stands, and the
function is put around the parsed statements, so lines, columns and triple-quoted texts stay the author's.
"""

import ast

from contained import Escapes, contain
from failures import SCRIPT
from libraries import SYSTEM_MODULES
from lookups import put_in_place
from touched import touched

FUNCTION = "<run>"
#: Called in scripts that give `event` itself a new value, with that value.
CAPTURE = "<event>"
#: Called for `from x import *`, which a function may not have.
IMPORT_ALL = "<import all>"
GENERATOR = 0x20


class Text:
    """A compiled script."""

    __slots__ = ("code", "escape", "reads_config", "templates", "touched")

    def __init__(self, source, keys=()):
        """Raises SyntaxError, with the author's positions."""
        try:
            self._prepare(parse(source), keys)
        except (RecursionError, MemoryError):
            raise SyntaxError("the text is nested too deeply") from None

    def _prepare(self, body, keys):
        future = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
        body = [node for node in body if node not in future]
        self.templates = put_in_place(body, keys)
        #: Why the script is not contained; None when it is.
        self.escape = None
        self.reads_config = _reads_config(body)
        #: The members of the event that it can have changed; None for any.
        self.touched = None if _gives_event(body) or _imports_libraries(body) else touched(body)
        try:
            for module in contain(body):
                __import__(module)
        except Escapes as reason:
            self.escape = str(reason)
            self.reads_config = True
            self.touched = None
        self.code = _compile(future, body)


def parse(source):
    """The statements of a text. One that is indented as a whole is taken as if it were not."""
    source = source.removeprefix("\ufeff")
    try:
        return ast.parse(source, SCRIPT).body
    except IndentationError as error:
        lines = source.splitlines()
        first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
        if not first[:1].isspace():
            raise
        try:
            body = ast.parse("if True:\n" + source, SCRIPT).body
        except SyntaxError:
            raise error from None
        if len(body) != 1:
            raise error from None
        return [ast.increment_lineno(node, -1) for node in body[0].body]
    except ValueError as error:
        raise SyntaxError(str(error)) from None


def _compile(future, body):
    nodes = (node for statement in body for node in ast.walk(statement))
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes):
        body = [_Stars().visit(node) for node in body]
    if _gives_event(body):
        capture = ast.Call(ast.Name(CAPTURE, ast.Load()), [ast.Name("event", ast.Load())], [])
        body = [ast.Try(body, [], [], [ast.Expr(capture)])]
    parameters = [ast.arg("event"), ast.arg("platform")]
    arguments = ast.arguments([], parameters, None, [], [], None, [])
    function = ast.FunctionDef(FUNCTION, arguments, body or [ast.Pass()], [])
    module = ast.fix_missing_locations(ast.Module([*future, function], []))
    try:
        code = compile(module, SCRIPT, "exec", dont_inherit=True)
    except ValueError as error:
        raise SyntaxError(str(error)) from None
    code = next(part for part in code.co_consts if getattr(part, "co_name", None) == FUNCTION)
    if code.co_flags & GENERATOR:
        raise SyntaxError("'yield' outside function")
    return code


def _reads_config(body):
    """Whether `platform.config` may be read: `platform` appears as more than what its other members are taken from."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    uses = [node for node in nodes if isinstance(node, ast.Name) and node.id in {"platform", "_platform"}]
    others = {
        node.value
        for node in nodes
        if isinstance(node, ast.Attribute) and node.attr in {"api", "session", "store"} and node.value in uses
    }
    return len(others) < len(uses)


def _imports_libraries(body):
    """Whether code of somebody else may see the event."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    named = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    named += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return any(name.partition(".")[0] not in SYSTEM_MODULES for name in named)


class _Stars(ast.NodeTransformer):
    """Turns `from x import *` at the script's top level into a call."""

    def visit_ImportFrom(self, node):
        if [name.name for name in node.names] != ["*"] or node.level:
            return node
        call = ast.Call(ast.Name(IMPORT_ALL, ast.Load()), [ast.Constant(node.module)], [])
        return ast.copy_location(ast.Expr(ast.copy_location(call, node)), node)

    def _leave(self, node):
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _leave


def _gives_event(body):
    """Whether a statement of the script itself assigns to `event`. A loop's variable of that name is another thing."""
    pending = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        targets = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
            targets = [node.target]
        if any(isinstance(target, ast.Name) and target.id == "event" for target in targets):
            return True
        pending.extend(ast.iter_child_nodes(node))
    return False
