"""What a script prints, on its way to the server."""

BATCH = 4096


class Output:
    """Stands for `sys.stdout` and `sys.stderr`. What is printed travels in frames, and can never be taken for a result."""

    encoding = "utf-8"
    errors = "replace"
    name = "<output>"
    mode = "w"
    closed = False
    newlines = None
    __slots__ = ("_channel", "_limit", "_parts", "_waiting", "_sent")

    def __init__(self, channel, limit):
        self._channel = channel
        self._limit = limit
        self.begin()

    def begin(self):
        """Before a run."""
        self._parts = []
        self._waiting = 0
        self._sent = 0

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        # One character more than the limit tells the server that there was more.
        if self._sent + self._waiting <= self._limit:
            self._parts.append(text[: self._limit + 1])
            self._waiting += len(text)
            if self._waiting >= BATCH:
                self.flush()
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def pending(self):
        """The frame of what was printed since the last one, as bytes."""
        if not self._parts:
            return b""
        text, self._parts = "".join(self._parts), []
        self._sent += self._waiting
        self._waiting = 0
        text = text.encode("utf-8", "replace").decode("utf-8")
        return self._channel.encode({"t": "print", "text": text})

    def flush(self):
        frame = self.pending()
        if frame:
            self._channel.write(frame)

    def fileno(self):
        return 1

    def isatty(self):
        return False

    def readable(self):
        return False

    def writable(self):
        return True

    def seekable(self):
        return False
