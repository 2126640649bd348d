"""One run of one script."""

import builtins
import json
import sys
from types import FunctionType

from channel import Unsendable
from failures import from_exception, thrown
from lookups import FILLED, fill
from munch import Munch, munchify, unmunchify
from platform_api import Api, call_frame, response_of
from texts import CAPTURE, IMPORT_ALL


class Refused(Exception):
    """A call that the server could not make sense of."""


class Ended(Exception):
    """A call from something that outlived its run."""


class _Lazy:
    """A module that is imported when it is first used."""

    __slots__ = ("_name",)

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        __import__("http.client")
        module = sys.modules[self._name]
        return getattr(module, attribute)


def _leave(code=None):
    raise SystemExit(code)


#: What every script finds without importing it (reference 3.5).
PRELOADED = {
    "__builtins__": builtins,
    "__name__": "__main__",
    "__doc__": None,
    "json": json,
    "http": _Lazy("http"),
    "httplib": _Lazy("http.client"),
    "munchify": munchify,
    "unmunchify": unmunchify,
    "bunchify": munchify,
    "unbunchify": unmunchify,
    "exit": _leave,
    "quit": _leave,
}


class Run:
    """From the server's frame to the frames of the outcome."""

    def __init__(self, worker, frame, text):
        self.worker = worker
        self.frame = frame
        self.text = text
        self.ended = False
        #: False as soon as something may be left behind.
        self.clean = False
        self.event = frame["event"]
        self.had_response = "response" in self.event
        self.calls = 0

    def outcome(self):
        """Runs the script; gives the encoded frames of its outcome."""
        try:
            returned = self._run()
            self.worker.wait_for_threads()
            last = self._done(returned)
        except BaseException as error:
            last = self._threw(error)
        self.ended = True
        return self.worker.output.pending() + last

    def _run(self):
        event = self.event
        platform = Munch(
            api=Api(self), config=self.worker.config(), session=self.frame.get("session") or Munch(), store=Munch()
        )
        names = PRELOADED.copy()
        names["event"] = names["_event"] = event
        names["platform"] = names["_platform"] = platform
        names[CAPTURE] = self._capture
        names[IMPORT_ALL] = lambda module: self._import_all(names, module)
        if self.text.templates:
            names[FILLED] = fill(self.text.templates, self.frame["lookups"])
        try:
            return FunctionType(self.text.code, names)(event, platform)
        except SystemExit as ending:
            if thrown(ending, "") is not None:
                raise
            return None

    def _capture(self, event):
        if isinstance(event, dict):
            self.event = event

    def _import_all(self, names, module):
        module = __import__(module, names, names, ["*"])
        public = getattr(module, "__all__", None) or [name for name in dir(module) if name[0] != "_"]
        names.update((name, getattr(module, name)) for name in public)

    def _done(self, returned):
        event = self.event
        exception = event.get("exception")
        if exception:
            return self._encode(from_exception(exception))
        done = {"t": "done", "clean": self.clean}
        if returned is not None and returned is not event:
            done["returned"] = returned
        stop = bool(event.get("stop_propagation"))
        if self.frame.get("may_modify"):
            done["event"] = {"request": event.get("request"), "stop_propagation": stop}
            if "response" in event:
                done["event"]["response"] = event["response"]
        else:
            set_now = bool(event.get("response")) and not self.had_response
            done["event"] = {"stop_propagation": stop, "response_set": set_now}
        return self._encode(done)

    def _threw(self, error):
        frame = thrown(error, self.frame["script"])
        error.__traceback__ = None
        if frame is None:
            return self._done(None)
        try:
            return self._encode(frame)
        except Unsendable:
            frame.pop("context", None)
            frame.pop("code", None)
            return self._encode(frame)

    def _encode(self, frame):
        frame["clean"] = self.clean
        return self.worker.channel.encode(frame)

    def call(self, verb, path, payload, options):
        """Makes a call of `platform.api` and waits for its answer."""
        if self.ended:
            raise Ended("platform.api: the script that this belongs to has ended.")
        channel = self.worker.channel
        with channel.turn:
            self.calls += 1
            frame = call_frame(self.calls, verb, path, payload, options)
            channel.write(self.worker.output.pending() + channel.encode(frame))
            answer = self.worker.answer()
        if answer["t"] == "refused":
            raise Refused(answer["message"])
        return response_of(answer)
