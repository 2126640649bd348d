"""What one run does, the next one can't tell. Every pair runs in one worker, the second script right after the first."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from scripts import ORDINARY  # noqa: E402
from server import PROGRAMS, Worker, event  # noqa: E402

#: What a script does, and what the next one must find.
PAIRS = [
    ("x = 1", "try:\n    return x\nexcept NameError:\n    return 'fresh'"),
    ("def f():\n    global x\n    x = 1\nf()", "try:\n    return x\nexcept NameError:\n    return 'fresh'"),
    ("event.request.parameters.left = 1", "return event.request.parameters.get('left', 'fresh')"),
    ("platform.config.left = 1", "return platform.config.get('left', 'fresh')"),
    ("platform.config.df['left'] = 1", "return platform.config.df.get('left', 'fresh')"),
    ("platform.session.left = 1\nplatform.store.left = 1", "return platform.session.get('left') or platform.store.get('left', 'fresh')"),
    ("platform.left = 1", "return platform.get('left', 'fresh')"),
    ("class A:\n    left = 1", "try:\n    return A\nexcept NameError:\n    return 'fresh'"),
    ("from decimal import Decimal\nDecimal(1) / Decimal(3)", "from decimal import Decimal\nreturn 'fresh' if str(Decimal(1) / Decimal(4)) == '0.25' else 0"),
    ("print('left')", "return 'fresh'"),
    ("def g():\n    yield 1\nleft = g()\nnext(left)\nleft2 = [left]\nleft2.append(left2)", "return 'fresh'"),
    ("raise ValueError('left')", "return 'fresh'"),
    ("import tax\ntax.left = 1", "import tax\nreturn getattr(tax, 'left', 'fresh')"),
    ("import tax\ntax.RATES.append(1)", "import tax\nreturn 'fresh' if tax.RATES == [] else tax.RATES"),
]  # fmt: skip

#: What changes the world ends the process, whatever the script says afterwards.
CHANGES = [
    "import collections\ncollections.Counter.most_common = None",
    "import collections\ncounter = collections.Counter\ncounter.left = 1",
    "api = platform.api\nx = api._run",
    "import string\nt = string.Template\nt.delimiter = '%'",
    "import tax\nx = tax.json",
    "from tax import json as j",
    "import os\nos.environ['LEFT'] = '1'",
    "import urllib.parse as p\nf = p.quote\nf.left = 1",
    "def f(a):\n    a.left = 1\nf(munchify)",
    "import sys\nsys.stdout._limit = 0",
    "import re\nre.I.left = 1",
    "import nosuch_package",
    "str.format('{0.__class__}', event)",
    "('{0' + '.__class__}').format(event)",
    "template = '{0.api._run}'\nf = template.format\nf(platform)",
    "f = str\ng = f.format\ng('{0.__class__}', event)",
]

#: The server is told before the script can do anything, so a forged end is of no use.
FORGED = """
import os
for descriptor in range(3, 10):
    try:
        frame = b'{"t":"done","clean":true,"event":{}}'
        os.write(descriptor, len(frame).to_bytes(4, 'little') + frame)
    except OSError:
        pass
"""
LIBRARIES = {"tax": "import json\nRATES = []\ndef of(x):\n    return json.dumps(x)"}


class Fresh(unittest.TestCase):
    def test_no_run_sees_the_one_before(self):
        with Worker() as worker:
            for first, second in PAIRS:
                with self.subTest(first):
                    self.assertTrue(worker.run(first, libraries=LIBRARIES)["clean"])
                    after = worker.run(second, libraries=LIBRARIES)
                    self.assertEqual(after.get("returned"), "fresh", after)
                    self.assertTrue(after["clean"])
                    self.assertEqual(after["output"], "")

    def test_a_run_that_changes_the_world_says_so(self):
        for source in CHANGES:
            with self.subTest(source), Worker() as worker:
                self.assertFalse(worker.run(source, libraries=LIBRARIES)["clean"])

    def test_the_server_knows_before_the_script_can_forge_an_end(self):
        with Worker() as worker:
            self.assertFalse(worker.run(FORGED)["clean"])

    def test_a_script_that_looks_around_finds_nothing_of_earlier_runs(self):
        secret = "secret-of-an-earlier-run"
        leave = f"""
import re, urllib.parse
class A: pass
a = A()
a.me = a
a.secret = event.request.payload.resource[0].name + {secret!r}
re.search(a.secret, 'x')
urllib.parse.urlsplit('http://' + a.secret)
"""
        look = """
import gc, re, sys, urllib.parse
found = [o for o in gc.get_objects() if isinstance(o, dict) and 'secret' in o and 'me' in o]
return [len(found), len(re._cache), urllib.parse.urlsplit.cache_info().currsize]
"""
        with Worker() as worker:
            self.assertTrue(worker.run(leave)["clean"])
            self.assertEqual(worker.run(look)["returned"], [0, 0, 0])

    def test_what_outlives_its_run_can_make_no_calls(self):
        # Not contained, and so never followed by another run in the server; here it is, to show what would come of it.
        left = "import builtins\nbuiltins.left = platform.api"
        with Worker() as worker:
            worker.run(left)
            after = worker.run("import builtins\nbuiltins.left.get('db')")
            self.assertEqual(after["t"], "threw")
            self.assertEqual(after["calls"], [])


def world():
    """Everything that the modules and classes of this process hold, by identity."""
    held = {}
    for name, module in list(sys.modules.items()):
        for member, value in list(getattr(module, "__dict__", {}).items()):
            held[name, member] = id(value)
            if isinstance(value, type):
                held.update(((name, member, part), id(inner)) for part, inner in list(vars(value).items()))
            elif isinstance(value, (dict, list, set)) and (name, member) not in GROWING:
                held[name, member, "size"] = len(value)
    return held


#: Caches, which hold nothing that a contained script could tell from a fresh one.
GROWING = {("re", "_cache"), ("re", "_cache2"), ("sys", "modules"), ("sys", "path_importer_cache"), ("_strptime", "_regex_cache")}
#: Notes that classes keep for themselves.
NOTES = ("_abc_impl", "__abstractmethods__", "__annotations__", "__static_attributes__")


class Unchanged(unittest.TestCase):
    def test_after_every_ordinary_script_the_world_is_as_it_was(self):
        sys.path.insert(0, PROGRAMS)
        import service
        from munch import munchify
        from output import Output

        worker = service.Worker(0)
        worker.channel.write = lambda data: None
        answers = {"t": "answer", "status_code": 200, "content": {"resource": []}, "headers": {}}
        library = {"t": "library", "source": "RATE = 2\nrate = 3\ndef of(x):\n    return x"}
        worker.output = Output(worker.channel, 100)
        response = {"status_code": 200, "content": {"resource": [{"id": 1, "name": "a"}]}, "headers": {}}
        output = sys.stdout, sys.stderr

        def run(source):
            names = []
            worker.answer = lambda: munchify(library if names.pop() == "library" else answers)
            encode = type(worker.channel).encode
            worker.channel.encode = lambda frame: (names.append(frame["t"]), encode(worker.channel, frame))[1]
            sys.stdout = sys.stderr = worker.output
            try:
                frame = {"t": "run", "script": "s", "text": source, "source": source, "event": event(response), "session": {}}
                worker._answer(munchify({**frame, "may_modify": True}))
            finally:
                sys.stdout, sys.stderr = output
            return set(names)

        for source in ORDINARY:
            run(source)  # loads what is loaded once
            before = world()
            with self.subTest(source):
                self.assertTrue(run(source) & {"done", "threw"})
                after = world()
                changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
                # What this test and the worker themselves hold is not the world.
                ours = ("__main__", "libraries", "service")
                self.assertEqual([key for key in changed if key[0] not in ours and key[-1] not in NOTES], [])


if __name__ == "__main__":
    unittest.main()
