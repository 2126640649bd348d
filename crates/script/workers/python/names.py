"""Names in a text: which ones its statements bind, and where."""

import ast

SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def kinds(names):
    """The kinds of nodes of these names that this Python has."""
    return tuple(getattr(ast, name) for name in names.split() if hasattr(ast, name))


DEFINITIONS = kinds("FunctionDef AsyncFunctionDef ClassDef ExceptHandler MatchAs MatchStar")
REST_PATTERN = kinds("MatchMapping")


def special(name):
    return name.startswith("__") and name.endswith("__")


def calls(node, names):
    """Whether a node calls a function by one of these names."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def binds(node):
    """The names that a node binds, its parts and imports aside."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, DEFINITIONS) and node.name:
        yield node.name
    elif isinstance(node, REST_PATTERN) and node.rest:
        yield node.rest


def parameters(function):
    return {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}


def bound_in(body):
    """The names that statements bind in their own scope."""
    names, pending = set(), list(body)
    while pending:
        node = pending.pop()
        names.update(binds(node))
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
        if not isinstance(node, SCOPES):
            pending.extend(ast.iter_child_nodes(node))
    return names
