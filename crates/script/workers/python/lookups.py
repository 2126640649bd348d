"""Lookups inside string literals: `'{my_key}'` stands for a stored value (reference 4.6, safe mode).

A literal with a known lookup becomes a read of a text that each run fills anew; a value is always a value, never code.
"""

import ast
import re

TOKEN = re.compile(r"\{([A-Za-z0-9_.()\-]{1,255})\}")
#: The list of the run's filled texts, in the script's globals. No script can spell it.
FILLED = "<texts>"


def put_in_place(body, keys):
    """Changes the literals that hold one of these lookups; gives their texts, in the order of the list to fill."""
    if not keys:
        return []
    placing = _Placing(keys)
    body[:] = [placing.visit(node) for node in body]
    return placing.templates


def fill(templates, values):
    """The texts of one run."""

    def value(match):
        found = values.get(match[1])
        return match[0] if found is None else found

    return [TOKEN.sub(value, template) for template in templates]


class _Placing(ast.NodeTransformer):
    def __init__(self, keys):
        self.keys = keys
        self.templates = []

    def visit_Constant(self, node):
        if not isinstance(node.value, str) or not any(match[1] in self.keys for match in TOKEN.finditer(node.value)):
            return node
        self.templates.append(node.value)
        index = ast.Constant(len(self.templates) - 1)
        read = ast.Subscript(ast.Name(FILLED, ast.Load()), index, ast.Load())
        for part in (read, read.value, read.slice):
            ast.copy_location(part, node)
        return read

    def visit_Expr(self, node):
        # A text that stands alone is documentation.
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_JoinedStr(self, node):
        # The plain parts of an f-string must stay literals; the code in its braces may hold literals of its own.
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                part.value = self.visit(part.value)
        return node

    def visit_match_case(self, node):
        # Patterns must stay literals.
        if node.guard is not None:
            node.guard = self.visit(node.guard)
        node.body = [self.visit(part) for part in node.body]
        return node
