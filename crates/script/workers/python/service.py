"""The worker's side of the protocol: frames in, runs, frames out."""

import sys
import warnings

from channel import Channel
from failures import syntax
from munch import Munch, munchify
from output import Output
from run import Run
from texts import Text

#: Modules of this program that scripts have no business with. They are forgotten once loaded, so that a script's library may
#: bear any of their names.
OWN_MODULES = ("service", "channel", "failures", "lookups", "output", "platform_api", "run", "texts")


class Gone(BaseException):
    """The server closed the channel."""


class Worker:
    """Serves runs until the channel closes."""

    def __init__(self, descriptor):
        self.channel = Channel(descriptor)
        self._texts = {}
        self._config = Munch()
        self.output = None

    def serve(self):
        """Answers frames until the server goes."""
        hello = self.channel.read()
        if hello is None:
            return
        self._begin(hello)
        self.channel.write(self.channel.encode({"t": "ready", "version": sys.version.split()[0]}))
        while (frame := self.channel.read()) is not None:
            try:
                self.channel.write(self._answer(frame))
            except Gone:
                return

    def _begin(self, hello):
        self._config = hello.get("config") or Munch()
        packages = hello.get("packages")
        if packages:
            sys.path.append(packages)
        self.output = sys.stdout = sys.stderr = Output(self.channel, hello.get("output_limit", 1 << 20))
        sys.argv = ["-c"]
        warnings.filterwarnings("ignore", category=SyntaxWarning)
        for name in OWN_MODULES:
            sys.modules.pop(name, None)

    def _answer(self, frame):
        if frame["t"] == "check":
            try:
                Text(frame["source"])
            except SyntaxError as error:
                return self.channel.encode(syntax(error))
            return self.channel.encode({"t": "checked"})
        for name in frame.get("forget", ()):
            self._texts.pop(name, None)
        try:
            text = self._text(frame)
        except SyntaxError as error:
            return self.channel.encode(syntax(error))
        self.output.begin()
        return Run(self, frame, text).outcome()

    def _text(self, frame):
        """The compiled text. Which lookups it holds may differ between callers, so a text has a version for each set."""
        kept = self._texts.get(frame["text"])
        if kept is None:
            kept = self._texts[frame["text"]] = (frame["source"], {})
        source, versions = kept
        keys = tuple(sorted(frame.get("lookups") or ()))
        text = versions.get(keys)
        if text is None:
            if len(versions) >= 16:
                versions.clear()
            text = versions[keys] = Text(source, keys)
        return text

    def config(self):
        """`platform.config`, a copy that a script may change."""
        return munchify(self._config)

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
