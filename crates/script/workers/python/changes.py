"""What goes back to the server of an event: the members that a script may have changed.

The server tells what did change by comparing; a member that is left out counts as untouched. So texts that are still the same
object, and parameters and headers that are still equal, need not travel.
"""

#: Members that are dictionaries of texts: a copy tells whether they changed.
FLAT = ("parameters", "headers")
SCALARS = frozenset({str, int, float, bool, type(None)})
#: What says how a response's content is to be read. It goes with the content.
READING = ("content_type", "format")
MISSING = object()


class Given:
    """An event's members as they were given."""

    __slots__ = ("_request", "_response", "_members", "_copies")

    def __init__(self, event):
        self._request = event.get("request")
        self._response = event.get("response")
        self._members = [dict(part) if part else {} for part in (self._request, self._response)]
        self._copies = [
            {name: dict(part[name]) for name in FLAT if name in part and isinstance(part[name], dict)}
            for part in self._members
        ]

    def had_response(self):
        return self._response is not None

    def changed(self, event):
        """The event as the server wants it back."""
        changed = {"stop_propagation": bool(event.get("stop_propagation"))}
        request = event.get("request")
        changed["request"] = self._part(request, 0) if isinstance(request, dict) else request
        if "response" in event:
            response = event["response"]
            if response is not self._response:
                changed["response"] = response
            elif members := self._part(response, 1):
                if "content" in members:
                    members.update((name, response[name]) for name in READING if name in response)
                changed["response"] = members
        return changed

    def _part(self, now, which):
        given, copies = self._members[which], self._copies[which]
        return {
            name: value
            for name, value in now.items()
            if given.get(name, MISSING) is not value
            or (type(value) not in SCALARS and not _same(value, copies.get(name)))
        }


def _same(value, copy):
    """Whether a dictionary of texts is as it was. What holds more than texts may have changed inside."""
    return copy is not None and value == copy and all(type(item) is str for item in copy.values())
