"""`platform.api`: calls to the server, which makes them with the rights of the caller's session (reference 3.4)."""

from munch import Munch

REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved Permanently", 302: "Found",
    304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 413: "Request Entity Too Large", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout",
}  # fmt: skip


class Headers(Munch):
    """Header fields; names match in any case."""

    __slots__ = ()

    def __getitem__(self, name):
        return dict.__getitem__(self, name.lower())

    def __contains__(self, name):
        return dict.__contains__(self, name.lower())

    def get(self, name, default=None):
        return dict.get(self, name.lower(), default)


class Response(Munch):
    """An answer: a mapping of `status_code`, `content` (parsed), `content_type` and `headers`, and an HTTP response to
    `read()`. Returning it from a script passes it on."""

    __slots__ = ("_body",)

    @property
    def status(self):
        return self["status_code"]

    code = status

    @property
    def reason(self):
        return REASONS.get(self["status_code"], "")

    @property
    def msg(self):
        return self["headers"]

    @property
    def closed(self):
        return not _rest(self)

    def read(self, size=None):
        """The body as bytes: all that was not read yet, or as many."""
        rest = _rest(self)
        size = len(rest) if size is None or size < 0 else size
        object.__setattr__(self, "_body", rest[size:])
        return rest[:size]

    def readline(self):
        rest = _rest(self)
        return self.read(rest.find(b"\n") + 1 or None)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def close(self):
        object.__setattr__(self, "_body", b"")

    def isclosed(self):
        return self.closed

    def getheader(self, name, default=None):
        value = self["headers"].get(name)
        if value is None and name.lower() == "content-type":
            value = self["content_type"] or "application/json"
        return default if value is None else value

    def getheaders(self):
        return [*self["headers"].items()]

    def getcode(self):
        return self["status_code"]

    def info(self):
        return self["headers"]


def _rest(response):
    try:
        return object.__getattribute__(response, "_body")
    except AttributeError:
        return _body(response.get("content"))


def _body(content):
    if content is None:
        return b""
    if isinstance(content, str):
        return content.encode("utf-8", "replace")
    import json

    return json.dumps(content).encode()


class Api:
    """The functions of `platform.api` for one run."""

    __slots__ = ("_run",)

    def __init__(self, run):
        self._run = run

    def get(self, path, options=""):
        return self._run.call("GET", path, None, options)

    def post(self, path, payload="", options=""):
        return self._run.call("POST", path, payload, options)

    def put(self, path, payload="", options=""):
        return self._run.call("PUT", path, payload, options)

    def patch(self, path, payload="", options=""):
        return self._run.call("PATCH", path, payload, options)

    def delete(self, path, payload="", options=""):
        return self._run.call("DELETE", path, payload, options)

    def call(self, verb, path, payload="", options=""):
        return self._run.call(str(verb).upper(), path, payload, options)


def call_frame(number, verb, path, payload, options):
    """The frame of a call, from what a script may give."""
    if not isinstance(path, str):
        raise TypeError(f"platform.api: the path must be text, not {type(path).__name__}")
    if isinstance(payload, (bytes, bytearray)):
        payload = payload.decode("utf-8")
    if options is None or options == "":
        options = {}
    elif not isinstance(options, dict):
        raise TypeError(f"platform.api: options must be a dictionary, not {type(options).__name__}")
    elif options and "headers" not in options and "parameters" not in options:
        # As it always was: options without either name are header fields.
        options = {"headers": options}
    payload = None if isinstance(payload, str) and payload == "" else payload
    return {"t": "call", "id": number, "verb": verb, "path": path, "payload": payload, "options": options}


def failed_outside(path, frame):
    """Whether a call to another server never got an answer from it. Python scripts expect an exception then."""
    outside = path.lstrip().lower().startswith(("http://", "https://"))
    content = frame.get("content")
    return outside and not frame.get("headers") and isinstance(content, dict) and isinstance(content.get("error"), dict)


def response_of(frame):
    """The response from the frame of its answer."""
    return Response(
        status_code=frame["status_code"],
        content=frame.get("content"),
        content_type=frame.get("content_type"),
        format=frame.get("format", 201),
        headers=Headers(frame.get("headers") or {}),
    )
