"""Frames: four bytes of length, little endian, then as many bytes of UTF-8 JSON, one object each."""

import os
from _thread import allocate_lock
from json import JSONDecoder, JSONEncoder
from json.encoder import c_make_encoder, encode_basestring

from munch import Munch

READ_SIZE = 256 * 1024


class Unsendable(Exception):
    """A value of the script that JSON can't hold; the text says which, and what to do."""


HINTS = {
    "bytes": "decode() it to text",
    "bytearray": "decode() it to text",
    "datetime": "write isoformat() or str() of it",
    "date": "write isoformat() or str() of it",
    "time": "write isoformat() or str() of it",
    "Decimal": "write str() or float() of it",
    "UUID": "write str() of it",
    "set": "write list() of it",
    "frozenset": "write list() of it",
    "generator": "write list() of it",
    "map": "write list() of it",
    "filter": "write list() of it",
    "dict_keys": "write list() of it",
    "dict_values": "write list() of it",
    "dict_items": "write list() of it",
}


def _refuse(value):
    kind = type(value).__name__
    hint = HINTS.get(kind, "turn it into text, a number, a list or a dictionary")
    raise Unsendable(f"A value of type {kind} can't be part of a result or of a call: {hint}.")


def _encoder():
    """A function from a value to the texts of its JSON, with neither blanks nor NaN."""
    if c_make_encoder is None:
        return JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_refuse).iterencode
    # Made once: `JSONEncoder` makes one for each value. Circles end at the limit of recursion.
    encode = c_make_encoder(None, _refuse, encode_basestring, None, ":", ",", False, False, False)
    return lambda value: encode(value, 0)


class Channel:
    """One end of the socket to the server."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self._buffer = b""
        self._decode = JSONDecoder(object_hook=Munch).scan_once
        self._encode = _encoder()
        #: Held from a call to its answer: a script's threads may call at once.
        self.turn = allocate_lock()

    def read(self):
        """The next frame; None when the server has gone."""
        buffer = self._buffer
        while len(buffer) < 4:
            more = os.read(self._descriptor, READ_SIZE)
            if not more:
                return None
            buffer += more
        end = 4 + int.from_bytes(buffer[:4], "little")
        if len(buffer) < end:
            parts, missing = [buffer], end - len(buffer)
            while missing > 0:
                more = os.read(self._descriptor, max(READ_SIZE, missing))
                if not more:
                    return None
                parts.append(more)
                missing -= len(more)
            buffer = b"".join(parts)
        self._buffer = buffer[end:]
        return self._decode(str(memoryview(buffer)[4:end], "utf-8"), 0)[0]

    def encode(self, frame):
        """The bytes of a frame. Raises Unsendable for what JSON can't hold."""
        try:
            body = "".join(self._encode(frame)).encode("utf-8")
        except UnicodeEncodeError:
            raise Unsendable("A text is no valid Unicode: it has half of a surrogate pair.") from None
        except RecursionError:
            raise Unsendable("A value contains itself, or is nested too deeply to be written as JSON.") from None
        except ValueError:
            raise Unsendable("JSON has neither NaN nor infinity: write None, or text.") from None
        except TypeError as error:
            raise Unsendable(f"A value can't be written as JSON: {error}.") from None
        return len(body).to_bytes(4, "little") + body

    def write(self, data):
        """Sends encoded frames."""
        sent = os.write(self._descriptor, data)
        while sent < len(data):
            data = data[sent:]
            sent = os.write(self._descriptor, data)
