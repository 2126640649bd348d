"""Which members of `event` a contained script can have touched, told from its text.

A member that the text never names is as it was given and need not be looked at after the run. Aliases are no way around: what
`rows = event.response.content` gives a name to is named here.
"""

import ast

from munch import Munch

EVENT = frozenset({"event", "_event"})


def touched(body):
    """Part of the event → names of its members, or None for all of them; None when it may be anything."""
    parents = {}
    uses = []
    for node in (inner for statement in body for inner in ast.walk(statement)):
        parents.update((child, node) for child in ast.iter_child_nodes(node))
        if isinstance(node, ast.Name) and node.id in EVENT:
            uses.append(node)
    parts = {}
    for use in uses:
        part = _member(parents.get(use), use)
        if part is None:
            return None
        above = parents[use]
        member = _member(parents.get(above), above)
        if member is None:
            parts[part] = None
        elif parts.setdefault(part, set()) is not None:
            parts[part].add(member)
    return parts


def _member(node, of):
    """The name of the member that a node takes from `of`; None when it is something else, or a method."""
    name = None
    if isinstance(node, ast.Attribute) and node.value is of:
        name = None if hasattr(Munch, node.attr) else node.attr
    elif isinstance(node, ast.Subscript) and node.value is of and isinstance(node.slice, ast.Constant):
        name = node.slice.value
    return name if isinstance(name, str) else None
