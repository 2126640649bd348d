"""What goes back to the server of an event: the members that a script may have changed.

The server tells what did change by comparing; a member that is left out counts as untouched. So what the script's text does not
touch, texts that are still the same object, and parameters and headers that are still equal, need not travel.
"""

#: Members that are dictionaries of texts: a copy tells whether they changed.
FLAT = ("parameters", "headers")
SCALARS = frozenset({str, int, float, bool, type(None)})
#: What says how a response's content is to be read. It goes with the content.
READING = ("content_type", "format")
MISSING = object()


class Given:
    """An event's members as they were given."""

    __slots__ = ("_parts", "_touched", "had_response")

    def __init__(self, event, touched):
        self.had_response = event.get("response") is not None
        self._touched = {"request": None, "response": None} if touched is None else touched
        self._parts = {}
        for name in self._touched:
            part = event.get(name)
            if isinstance(part, dict):
                copies = {flat: dict(part[flat]) for flat in FLAT if isinstance(part.get(flat), dict)}
                self._parts[name] = (part, dict(part), copies)

    def changed(self, event):
        """The event as the server wants it back."""
        changed = {"stop_propagation": bool(event.get("stop_propagation"))}
        if "request" in self._touched:
            request = event.get("request")
            changed["request"] = self._part("request", request) if isinstance(request, dict) else request
        if "response" in self._touched and "response" in event:
            response = event["response"]
            if "response" not in self._parts or response is not self._parts["response"][0]:
                changed["response"] = response
            elif members := self._part("response", response):
                if "content" in members:
                    members.update((name, response[name]) for name in READING if name in response)
                changed["response"] = members
        return changed

    def _part(self, name, now):
        names = self._touched[name]
        _, given, copies = self._parts.get(name, (None, {}, {}))
        return {
            member: now[member]
            for member in (now if names is None else names)
            if member in now and not _same(now[member], given.get(member, MISSING), copies.get(member))
        }


def _same(value, given, copy):
    """Whether a member is as it was. What holds more than texts may have changed inside."""
    if value is not given:
        return False
    if type(value) in SCALARS:
        return True
    return copy is not None and value == copy and all(type(item) is str for item in copy.values())
