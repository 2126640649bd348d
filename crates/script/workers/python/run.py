"""One run of one script."""

import builtins
import json
import sys
from types import FunctionType, SimpleNamespace

from changes import Given
from channel import Unsendable
from contained import WATCH, WATCH_FORMAT, reads_attribute
from failures import from_exception, thrown
from libraries import Libraries, Library, import_module
from lookups import FILLED, fill
from munch import Munch, munchify, unmunchify
from platform_api import Api, Headers, Response, call_frame, failed_outside, response_of
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


#: The built-in names of scripts.
BUILTINS = {**vars(builtins), "__import__": import_module, "exit": _leave, "quit": _leave}
#: The modules of this program. A library of the same name is not taken for the script's own.
INTERNAL_MODULES = frozenset(sys.modules)
UNCLEAN = b'{"t":"unclean"}'
#: Kinds of values that every run gets anew.
FRESH = frozenset({Munch, Headers, Response, SimpleNamespace, Library})
#: What every script finds without importing it (reference 3.5).
PRELOADED = {
    "__builtins__": BUILTINS,
    "__name__": "__main__",
    "__doc__": None,
    "json": json,
    "http": _Lazy("http"),
    "httplib": _Lazy("http.client"),
    "munchify": munchify,
    "unmunchify": unmunchify,
    "bunchify": munchify,
    "unbunchify": unmunchify,
}


class Run:
    """From the server's frame to the frames of the outcome."""

    def __init__(self, worker, frame, text):
        self.worker = worker
        self.frame = frame
        self.text = text
        self.ended = False
        #: False as soon as something may be left behind.
        self.clean = True
        #: The names of modules whose classes and functions are this run's own.
        self.own_modules = {"__main__"}
        self.event = frame["event"]
        self.given = Given(self.event, text.touched)
        self.calls = 0
        self.spaces = []
        session = frame.get("session") or Munch()
        self.platform = Munch(api=Api(self), config=None, session=session, store=Munch())
        if text.reads_config:
            self.platform["config"] = worker.config()

    def outcome(self):
        """Runs the script; gives the encoded frames of its outcome."""
        try:
            if self.text.escape is not None:
                self.worker.forget_earlier_runs()
                self.escapes()
            returned = self._run()
            if not self.clean:
                self.worker.wait_for_threads()
            last = self._done(returned)
        except MemoryError as error:
            # What ran out of memory half way may be anything.
            self.escapes()
            last = self._threw(error)
        except BaseException as error:
            last = self._threw(error)
        self.ended = True
        return self.worker.output.pending() + last

    def _run(self):
        text = self.text
        names = self.names("__main__")
        names[CAPTURE] = self._capture
        if text.templates:
            names[FILLED] = fill(text.templates, self.frame["lookups"])
        self.libraries = Libraries(self)
        try:
            return FunctionType(text.code, names)(names["event"], names["platform"])
        except SystemExit as ending:
            if thrown(ending, "") is not None:
                raise
            return None

    def forget(self):
        """Lets go of everything, so that its memory is free at once and not when garbage is next looked for."""
        for names in self.spaces:
            names.clear()
        self.platform.clear()
        self.__dict__.clear()
        self.ended = True

    def names(self, module):
        """The global names of the script, or of a library that it imports."""
        names = PRELOADED.copy()
        self.spaces.append(names)
        names["__name__"] = module
        names["event"] = names["_event"] = self.event
        names["platform"] = names["_platform"] = self.platform
        names[WATCH] = self.watch
        names[WATCH_FORMAT] = self.watch_format
        names[IMPORT_ALL] = lambda name: self._import_all(names, name)
        return names

    def escapes(self):
        """Something may be left behind: the process must end with this run. The server is told before it happens, so that
        nothing that the script does can take it back."""
        if self.clean:
            self.clean = False
            self.worker.channel.write(len(UNCLEAN).to_bytes(4, "little") + UNCLEAN)

    def watch(self, value):
        """Sees an object before an attribute of it is set, deleted, or read by a name with an underscore."""
        kind = type(value)
        if kind in FRESH or kind.__module__ in self.own_modules or isinstance(value, BaseException):
            return value
        if kind in (type, FunctionType) and value.__module__ in self.own_modules:
            return value
        self.escapes()
        return value

    def watch_format(self, value):
        """Sees what may be the text of a format."""
        if reads_attribute(value):
            self.escapes()
        return value

    def library(self, name):
        """The compiled text of a stored library, or None."""
        channel = self.worker.channel
        with channel.turn:
            self.calls += 1
            channel.write(channel.encode({"t": "library", "id": self.calls, "name": name}))
            answer = self.worker.answer()
        source = answer.get("source")
        if source is None:
            return None
        if name not in INTERNAL_MODULES:
            self.own_modules.add(name)
        self.platform["config"] = self.platform["config"] or self.worker.config()
        return self.worker.library_text(name, source)

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
        done = {"t": "done"}
        if returned is not None and returned is not event:
            done["returned"] = returned
        if self.frame.get("may_modify"):
            done["event"] = self.given.changed(event)
        else:
            done["event"] = {
                "stop_propagation": bool(event.get("stop_propagation")),
                "response_set": bool(event.get("response")) and not self.given.had_response,
            }
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
        if failed_outside(path, answer):
            raise ConnectionError(answer["content"]["error"].get("message", "The call failed."))
        return response_of(answer)
