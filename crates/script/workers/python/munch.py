"""Dictionaries whose items are attributes, too: `event.request.payload['name']` and `event.request.payload.name`.

Scripts know them under the names of two packages, `munch` and `bunch`; these stand in for both.
"""


class Munch(dict):
    """A dictionary with attribute access. Lists inside stay lists."""

    # No dictionary of its own: an attribute that is set is an item, whatever its name.
    __slots__ = ()

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'") from None

    def __setattr__(self, name, value):
        self[name] = value

    def __delattr__(self, name):
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'") from None

    def __repr__(self):
        return f"{type(self).__name__}({dict.__repr__(self)})"

    def __dir__(self):
        return [*dict.__dir__(self), *(name for name in self if isinstance(name, str))]

    def copy(self):
        return type(self).fromDict(self)

    def toDict(self):
        return unmunchify(self)

    @classmethod
    def fromDict(cls, value):
        return munchify(value, cls)


def munchify(value, factory=Munch):
    """A copy in which every dictionary is a Munch."""
    if isinstance(value, dict):
        return factory((name, munchify(item, factory)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return type(value)([munchify(item, factory) for item in value])
    return value


def unmunchify(value):
    """A copy in which every Munch is a plain dictionary."""
    if isinstance(value, dict):
        return {name: unmunchify(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([unmunchify(item) for item in value])
    return value


Bunch = Munch
bunchify = munchify
unbunchify = unmunchify
