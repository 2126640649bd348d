"""The worker's side of the protocol: frames in, runs, frames out."""

import gc
import os
import re
import sys
import warnings

from channel import Channel
from failures import syntax
from libraries import LibraryText
from munch import Munch, munchify
from output import Output
from run import Run
from texts import Text

#: Modules of this program that are for scripts, too. The others are forgotten once loaded: a script's library may bear any of
#: their names.
FOR_SCRIPTS = ("munch", "bunch", "httplib")
FOLDER = os.path.dirname(os.path.abspath(__file__))
#: Objects after which Python looks for garbage.
GARBAGE_AFTER = 20_000
#: Compiled libraries that a worker keeps. Scripts may use different versions of one.
KEPT_LIBRARIES = 64
#: Versions of a text, one for each set of lookups that callers have.
KEPT_VERSIONS = 16
#: Caches of the standard library that keep what they were asked for.
CACHES = (
    ("urllib.parse", lambda module: module.clear_cache()),
    ("_strptime", lambda module: module._regex_cache.clear()),
    ("struct", lambda module: module._clearcache()),
    ("typing", lambda module: [clear() for clear in module._cleanups]),
    ("decimal", lambda module: module.setcontext(module.Context())),
)


class Gone(BaseException):
    """The server closed the channel."""


class Worker:
    """Serves runs until the channel closes."""

    def __init__(self, descriptor):
        self.channel = Channel(descriptor)
        self._texts = {}
        self._libraries = {}
        self._config = Munch()
        self.output = None

    def serve(self):
        """Answers frames until the server goes."""
        hello = self.channel.read()
        if hello is None:
            return
        self._begin(hello)
        self._send({"t": "ready", "version": sys.version.split()[0]})
        while (frame := self.channel.read()) is not None:
            try:
                self._answer(frame)
            except Gone:
                return
            del frame

    def _begin(self, hello):
        self._config = hello.get("config") or Munch()
        packages = hello.get("packages")
        if packages:
            sys.path.append(packages)
        self.output = sys.stdout = sys.stderr = Output(self.channel, hello.get("output_limit", 1 << 20))
        sys.argv = ["-c"]
        warnings.filterwarnings("ignore", category=SyntaxWarning)
        for name, module in list(sys.modules.items()):
            if name not in FOR_SCRIPTS and os.path.dirname(getattr(module, "__file__", None) or "") == FOLDER:
                del sys.modules[name]
        # What is loaded stays. Events are many small objects, none of them garbage before the run's end.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_AFTER)

    def _answer(self, frame):
        if frame["t"] == "check":
            self._send(self._check(frame["source"]))
            return
        for name in frame.get("forget", ()):
            self._texts.pop(name, None)
        try:
            text = self._text(frame)
        except SyntaxError as error:
            self._send(syntax(error))
            return
        self.output.begin()
        run = Run(self, frame, text)
        self.channel.write(run.outcome())
        run.forget()

    def _send(self, frame):
        self.channel.write(self.channel.encode(frame))

    def _check(self, source):
        try:
            Text(source)
        except SyntaxError as error:
            return syntax(error)
        return {"t": "checked"}

    def library_text(self, name, source):
        """The compiled text of a library."""
        text = self._libraries.get((name, source))
        if text is None:
            if len(self._libraries) >= KEPT_LIBRARIES:
                self._libraries.clear()
            text = self._libraries[name, source] = LibraryText(name, source)
        return text

    def forget_earlier_runs(self):
        """Before a script that may look around: what contained ones left in caches and garbage is nobody's business."""
        gc.collect()
        re.purge()
        for module, clear in CACHES:
            if module in sys.modules:
                clear(sys.modules[module])

    def _text(self, frame):
        """The compiled text. Which lookups it holds may differ between callers, so a text has a version for each set."""
        kept = self._texts.get(frame["text"])
        if kept is None:
            kept = self._texts[frame["text"]] = (frame["source"], {})
        source, versions = kept
        keys = tuple(sorted(frame.get("lookups") or ()))
        text = versions.get(keys)
        if text is None:
            if len(versions) >= KEPT_VERSIONS:
                versions.clear()
            text = versions[keys] = Text(source, keys)
        return text

    def config(self):
        """`platform.config`, a copy that a script may change. It has a second name: `platform.config.df`."""
        return munchify({**self._config, "df": self._config})

    def answer(self):
        """The server's answer to a call."""
        frame = self.channel.read()
        if frame is None:
            raise Gone
        return frame

    def wait_for_threads(self):
        """Threads that the script started are part of it, unless they are daemons."""
        threading = sys.modules.get("threading")
        if threading is None:
            return
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()
