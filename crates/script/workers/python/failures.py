"""What the server is told of an error: the author's message and the positions in the author's own texts."""

import sys
from itertools import islice

#: The file name of a script's text. Libraries have `<library NAME>`.
SCRIPT = "<script>"
LIBRARY = "<library "
FRAME_LIMIT = 20


def thrown(error, script):
    """The frame of an error that a script raised; None when it only ended itself."""
    if isinstance(error, SystemExit):
        if error.code is None or error.code == 0:
            return None
        number = isinstance(error.code, int)
        message = f"The script ended with exit code {error.code}." if number else _text(error.code)
        return _frame(error, message, script)
    if isinstance(error, SyntaxError) and error.filename == SCRIPT:
        return syntax(error)
    message = _text(error) or type(error).__name__
    if isinstance(error, (RecursionError, MemoryError)):
        message = _text(error) or "The script needs more memory than it may use."
    frame = _frame(error, message, script)
    code = _attribute(error, "code")
    if isinstance(code, (int, str)) and not isinstance(code, bool):
        frame["code"] = code
    status = _attribute(error, "status_code", "statusCode")
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if isinstance(status, int) and 100 <= status <= 999:
        frame["status_code"] = status
    context = _attribute(error, "context")
    if isinstance(context, (dict, list, str)):
        frame["context"] = context
    return frame


def syntax(error, before=0):
    """The frame of a text that is no Python; `before` lines were put before it."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    frame = {"t": "threw", "clean": True, "message": message, "syntax": True}
    line = getattr(error, "lineno", None)
    if line:
        frame["line"] = max(line - before, 1)
        frame["column"] = max(error.offset or 1, 1)
    return frame


def from_exception(value):
    """The frame for `event.exception`: an exception, an object of message, code and status_code, or any text."""
    if isinstance(value, BaseException):
        return thrown(value, "")
    if not isinstance(value, dict):
        return {"t": "threw", "message": _text(value), "syntax": False}
    frame = {"t": "threw", "message": _text(value.get("message") or "Unknown scripting error."), "syntax": False}
    for name in ("code", "status_code", "context"):
        if value.get(name):
            frame[name] = value[name]
    return frame


def _frame(error, message, script):
    frame = {"t": "threw", "message": message, "syntax": False}
    own = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == SCRIPT or code.co_filename.startswith(LIBRARY):
            own.append((code, trace.tb_lineno, _column(code, trace.tb_lasti)))
        trace = trace.tb_next
    own.reverse()
    for code, line, column in own:
        if code.co_filename == SCRIPT:
            frame["line"], frame["column"] = line, column
            break
    if own:
        frame["stack"] = "".join(_line(*place, script) for place in own[:FRAME_LIMIT])
    return frame


def _line(code, line, column, script):
    name = script if code.co_filename == SCRIPT else code.co_filename[len(LIBRARY) : -1]
    function = "" if code.co_name.startswith("<") else f"{code.co_name} "
    return f"at {function}{name}:{line}:{column}\n"


def _column(code, instruction):
    if sys.version_info < (3, 11):
        return 1
    place = next(islice(code.co_positions(), instruction // 2, None), None)
    return 1 if place is None or place[2] is None else place[2] + 1


def _text(value):
    try:
        return str(value)
    except BaseException:
        return f"An error of type {type(value).__name__} that can't be shown as text."


def _attribute(error, *names):
    for name in names:
        try:
            value = getattr(error, name, None)
        except BaseException:
            continue
        if value is not None:
            return value
    return None
