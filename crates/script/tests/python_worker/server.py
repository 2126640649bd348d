"""The server's side of the channel, for the tests beside this file."""

import json
import os
import socket
import subprocess
import sys
import tempfile

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../workers/python")
OK = {"status_code": 200, "content": {"resource": [{"id": 1}]}, "content_type": None, "format": 201, "headers": {"x-a": "1"}}
CONFIG = {"version": "0.1.0", "df": {"version": "0.1.0"}}


class Worker:
    """A worker, started as the server starts it."""

    def __init__(self, packages=None):
        ours, theirs = socket.socketpair()
        self.output = tempfile.TemporaryFile()
        arguments = [sys.executable, "-I", "-S", "-B", os.path.join(PROGRAMS, "worker.py")]
        streams = {"stdin": theirs, "stdout": self.output, "stderr": self.output}
        self.process = subprocess.Popen(arguments, env={}, cwd=tempfile.gettempdir(), **streams)
        theirs.close()
        self.channel = ours
        self.channel.settimeout(60)
        self.texts = {}
        hello = {"t": "hello", "version": 1, "config": CONFIG, "packages": packages, "output_limit": 10_000}
        self.send({**hello, "memory_limit": 1 << 30})
        self.ready = self.receive()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()
        self.process.wait(60)
        self.output.close()

    def send(self, frame):
        data = json.dumps(frame).encode()
        self.channel.sendall(len(data).to_bytes(4, "little") + data)

    def receive(self):
        length = int.from_bytes(self._bytes(4), "little")
        return json.loads(self._bytes(length))

    def _bytes(self, count):
        data = b""
        while len(data) < count:
            more = self.channel.recv(count - len(data))
            if not more:
                raise EOFError("the worker closed its channel")
            data += more
        return data

    def run(self, source, answers=(), libraries=None, response=None, **members):
        """Runs a script; gives what it said at its end, with its calls, output and whether it kept the process clean."""
        known = source in self.texts
        frame = {"t": "run", "script": "db.get", "kind": "python3", "text": self.texts.setdefault(source, len(self.texts))}
        if not known:
            frame["source"] = source
        frame["event"] = event(response)
        frame["session"] = {"user": {"email": "ada@example.com"}}
        self.send({**frame, "may_modify": True, **members})
        return self.until_the_end(list(answers), libraries or {})

    def until_the_end(self, answers, libraries):
        calls, output, unclean = [], "", False
        while True:
            frame = self.receive()
            kind = frame["t"]
            if kind == "call":
                calls.append(frame)
                self.send({"t": "answer", "id": frame["id"], **(answers.pop(0) if answers else OK)})
            elif kind == "library":
                source = libraries.get(frame["name"])
                self.send({"t": "library", "id": frame["id"], "name": frame["name"], "version": 1, "source": source})
            elif kind == "print":
                output += frame["text"]
            elif kind == "unclean":
                unclean = True
            else:
                frame["clean"] = frame["clean"] and not unclean
                return {**frame, "calls": calls, "output": output}


def event(response=None):
    """An event like the server's."""
    request = {
        "api_version": "2.0",
        "method": "POST",
        "parameters": {"fields": "*"},
        "headers": {"host": "localhost"},
        "payload": {"resource": [{"name": "milk", "flags": [True, None], "note": "x:true"}]},
        "content": "{}",
        "content_type": "application/json",
        "uri": "/api/v2/db/_table/todo",
        "service": "db",
        "resource": "_table/todo",
    }
    given = {"request": request, "resource": "todo", "stop_propagation": False, "__tag__": "exposed_event"}
    given["_event"] = {"name": "db._table.todo.post", "stage": "pre_process", "script_name": "db._table.todo.post"}
    if response is not None:
        given["response"] = response
    return given
