"""Which scripts are contained: the tables, and the program that checks them."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from server import PROGRAMS  # noqa: E402

sys.path.insert(0, PROGRAMS)

from libraries import LibraryText  # noqa: E402
from texts import Text  # noqa: E402

#: What event scripts do. Each must run in place.
ORDINARY = [
    "",
    "# nothing",
    "event.request.parameters.limit = 1",
    "event['request']['parameters']['limit'] = 1",
    "for row in event.response.content.resource:\n    row['tag'] = 'x'\n    row.label = row.name.upper()",
    "for row in event.request.payload.resource:\n    if not row.get('name'):\n        raise ValueError('A name is needed.')",
    "event.response = {'content': {'type': str(type(event))}, 'status_code': 203, 'headers': {'X-A': '1'}}",
    "class Refused(Exception):\n    def __init__(self, message, status_code):\n        super().__init__(message)\n"
    "        self.status_code = status_code\nraise Refused('no', 403)",
    "error = Exception('no')\nerror.status_code = 403\nraise error",
    "r = platform.api.get('db/_table/contact?limit=1')\nevent.response = {'content': json.loads(r.read()), 'status_code': r.status}",
    "import json, re, datetime, math\nreturn json.dumps({'x': math.floor(1.5), 'd': datetime.datetime.now().isoformat()})",
    "import datetime as dt\nreturn (dt.date.today() - dt.timedelta(days=1)).strftime('%d')",
    "from datetime import datetime, timedelta\nreturn str(datetime(2026, 1, 1) + timedelta(1))",
    "import hashlib, base64, hmac\nreturn base64.b64encode(hmac.new(b'k', b'm', hashlib.sha256).digest()).decode()",
    "import urllib.parse\nreturn urllib.parse.urlencode({'a': 'b c'})",
    "from urllib.parse import quote\nreturn quote('a b')",
    "from urllib import parse\nreturn parse.unquote('a%20b')",
    "import uuid, random, time\nreturn [str(uuid.uuid4()), random.randint(1, 6), time.time()]",
    "from decimal import Decimal, ROUND_HALF_UP\nreturn str(Decimal('1.005').quantize(Decimal('0.01'), rounding=ROUND_HALF_UP))",
    "from collections import Counter, defaultdict, OrderedDict, namedtuple\nPoint = namedtuple('Point', 'x y')\nreturn Point(1, 2).x",
    "import itertools, functools\nreturn functools.reduce(lambda a, b: a + b, itertools.chain([1], [2]))",
    "import re\nmatch = re.match(r'^(\\w+)@(\\w+)$', 'a@b')\nreturn match.group(1) if match else None",
    "try:\n    n = int(event.request.parameters.get('n', 'x'))\nexcept (ValueError, TypeError) as error:\n"
    "    print(type(error).__name__, error.__class__.__name__)\nfinally:\n    n = 0",
    "def total(rows):\n    return sum(row['price'] for row in rows)\nreturn total([{'price': 1}])",
    "input = event.request.payload\nid = 5\ntype_ = 'x'\nreturn input.resource[id - 5].name",
    "def numbers():\n    for n in range(3):\n        yield n\nreturn list(numbers())",
    "class Cart:\n    def __init__(self):\n        self._items = []\n        self.total = 0\n    def add(self, item):\n"
    "        self._items.append(item)\n        return self\n    @property\n    def count(self):\n        return len(self._items)\n"
    "return Cart().add(1).count",
    "class Base:\n    pass\nclass Child(Base):\n    def __str__(self):\n        return 'c'\nreturn str(Child())",
    "return '{} is {:.2f} of {name}'.format(1, 2.5, name='x') + f'{event.resource!r:>10}' + '%s' % 1",
    "import sys\nprint('x', file=sys.stderr)\nsys.stdout.write('y')\nsys.exit(0)",
    "rows = sorted(event.response.content.resource, key=lambda row: row['id'], reverse=True)\nevent.response.content.resource = rows",
    "total = 0\ndef add(n):\n    nonlocal total\n    total += n\nadd(1)\nreturn total",
    "if getattr(event, 'response', None) is None and hasattr(event, 'request'):\n    return True",
    "value = 5\nif isinstance(value, int) and type(value) == int and type(value) is not str:\n    return value",
    "return [x for x in range(3) if (y := x) > 1], {k: v for k, v in {'a': 1}.items()}, {1, 2}",
    "import tax\nfrom billing.rates import rate\nreturn tax.of(rate)",
    "import copy\nbefore = copy.deepcopy(event.request.payload)\nevent.request.payload.clear()\nevent.request.payload.update(before)",
    "with_tax = 1\nexit()",
    "import csv, io\nout = io.StringIO()\ncsv.writer(out).writerow([1, 2])\nreturn out.getvalue().replace('1', '3')",
    "from __future__ import annotations\nx: list[int] = []\nreturn x",
    "assert event.resource, 'no resource'",
    "while True:\n    break\nelse:\n    pass\ndel event.request.parameters['fields']",
    "a, *b = [1, 2, 3]\nprint(a, b, sep='', end='')",
    "return munchify({'a': {'b': 1}}).a.b",
    "return __name__",
]

#: Each of these could leave something behind, look around, or act later. None must run in place.
ESCAPING = [
    # Modules off the list, and ways to get at modules.
    "import os",
    "import sys\nsys.path.append('x')",
    "import sys\nsys.modules.clear()",
    "import sys\nreturn sys._getframe()",
    "import subprocess",
    "import threading",
    "import logging",
    "import gc\ngc.get_objects()",
    "import builtins\nbuiltins.len = None",
    "import importlib",
    "import ctypes",
    "import atexit",
    "import weakref",
    "import contextlib",
    "import dataclasses",
    "import http.client",
    "import httplib",
    "import munch as m\nm.Munch.get = None\nx = m",
    "x = json",
    "json.loads = None",
    "return [json]",
    "return json.decoder.scanner",
    "return json.codecs.open('/etc/passwd')",
    "import re\nre.sys.exit = None",
    "import random\nrandom.seed(1)",
    "import random\nreturn random._inst",
    "import decimal\ndecimal.getcontext().prec = 2",
    "from decimal import getcontext",
    "import calendar\ncalendar.setfirstweekday(0)",
    "import json as j\nx = [j]",
    "import json\ndel json",
    "import re as json\njson.purge()",
    "from re import *",
    "from tax import *",
    "from . import x",
    "import urllib\nreturn urllib.parse.quote('x')",
    "import urllib.request",
    "import collections.abc",
    "import os as json",
    "json = None",
    "def f(json): return json",
    "import math as json\nreturn json.floor(1)",
    "return http.client",
    "return httplib.sys",
    # Built-in functions off the list.
    "eval('1')",
    "exec('1')",
    "compile('1', 'x', 'eval')",
    "open('/etc/passwd')",
    "globals()['x'] = 1",
    "locals()",
    "vars(event)",
    "dir(event)",
    "setattr(event, 'x', 1)",
    "delattr(event, 'x')",
    "__import__('os')",
    "__builtins__['len'] = None",
    "__builtins__",
    "__loader__",
    "input()",
    "breakpoint()",
    "memoryview(b'')",
    "help()",
    "f = open",
    "x = [eval]",
    "type('X', (), {})",
    "t = type\nt('X', (str,), {})",
    "t = type(event)",
    "x = [type(1)]",
    "return (lambda t: t)(type(1))",
    "T = type(type(1))\nT('X', (str,), {'__hash__': None})",
    "class Catch:\n    def __eq__(self, other):\n        self.t = other\n        return True\nc = Catch()\nc == type(type(1))",
    "str = lambda x: x\nt = str(type(type(1)))",
    "def repr(x): return x\nt = repr(type(type(1)))",
    "getattr(event, '__class__')",
    "getattr(event, name)",
    "getattr(*[event, '__class__'])",
    "g = getattr",
    "getattr(event, '_x')",
    "hasattr(event, event.x)",
    "super(type, event)",
    "map(getattr, [event], ['__class__'])",
    # Hiding a built-in name where it is not hidden.
    "if False:\n    global open\n    open = 1\nreturn open('/etc/passwd')",
    "def f():\n    global open\n    open = 1\nopen('/etc/passwd')",
    "def f(open):\n    def g():\n        global open\n        return open\n    return g()\nreturn f(1)",
    "class A:\n    x = open\n    open = 2",
    "def f():\n    open = 1\n    class A:\n        x = open\n        open = 2\n    return A.x",
    "return [open for x in [open]]",
    "return [open for open in [open]]",
    "return (lambda open=open: open)()",
    "def f(open=open): return open",
    "def f(x: open): pass",
    "@eval\ndef f(): pass",
    "class A:\n    type = 1\n    t = type",
    "class A:\n    def open(self): pass\n    x = open",
    "return [y for x in [1] for y in [open]]",
    "except_ = 1\ntry:\n    pass\nexcept open:\n    pass",
    # Ways from a value to its surroundings.
    "event.__class__",
    "().__class__.__base__.__subclasses__()",
    "event.__class__.__name__ = 'x'",
    "''.__class__.__name__.__class__",
    "(lambda: 1).__globals__",
    "(lambda: 1).__code__",
    "f = lambda: 1\nf.__code__ = None",
    "platform.api.get.__func__",
    "platform.api.__class__.get = None",
    "Exception.__init__.__globals__",
    "try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__",
    "try:\n    1 / 0\nexcept Exception as e:\n    e.with_traceback(None).tb_frame",
    "g = (x for x in [1])\ng.gi_frame.f_globals",
    "g = (x for x in [1])\ng.gi_code",
    "x.f_back",
    "x.f_builtins",
    "x.tb_frame",
    "x.cr_frame",
    "try:\n    event.x\nexcept AttributeError as e:\n    e.obj",
    "int.mro()",
    "'{0.__class__}'.format(event)",
    "'{0.a}'.format(event)",
    "'{:{0.__class__}}'.format(event)",
    "event.resource.format(event)",
    "str.format('{0.__class__}', event)",
    "('{0' + '.__class__}').format(event)",
    "f = '{0.__class__}'.format",
    "'{x}'.format_map(event)",
    "getattr('', 'format')",
    "f'{event.__class__}'",
    "f'{event:{event.__class__}}'",
    "import operator\noperator.attrgetter('__class__')(event)",
    "import operator\noperator.methodcaller('x')",
    "import string\nstring.Formatter()",
    "match event:\n    case object(__class__=c):\n        pass",
    "match event:\n    case object(f_globals=c):\n        pass",
    "import functools\nfunctools.wraps(len)(json.dumps)",
    "from functools import update_wrapper",
    "import functools\nfunctools.lru_cache",
    "urlsplit = 1\nimport urllib.parse\nurllib.parse.urlsplit.cache_info()",
    # What acts later.
    "class A:\n    def __del__(self): pass",
    "class A:\n    __del__ = print",
    "def g():\n    try:\n        yield 1\n    finally:\n        print('later')\nx = g()\nnext(x)",
    "def g():\n    with event:\n        yield 1",
    "def g():\n    try:\n        pass\n    finally:\n        [(yield 1)]" if sys.version_info < (3, 8) else "def g():\n    try:\n        x = yield\n    except GeneratorExit:\n        pass",
    "def g():\n    yield from event",
    "async def f(): pass",
    "async def f():\n    async with event:\n        pass",
    # What could act from inside a cache.
    "class S(str): pass",
    "class S(int): pass",
    "class S(tuple): pass",
    "class S(bytes): pass",
    "class A:\n    def __hash__(self): return 1",
    "class A:\n    __hash__ = None",
    "class A:\n    def __getattr__(self, n): pass",
    "class A:\n    def __class__(self): pass",
    "class A:\n    def __reduce__(self): pass",
    "class A:\n    def __set_name__(self, o, n): pass",
    "class A(metaclass=type): pass",
    "class A(B, x=1): pass",
    "Exception = str\nclass S(Exception): pass",
    "from collections import Counter as Exception\nclass S(Exception): pass",
    "class A:\n    Exception = str\n    class S(Exception): pass",
    "def f(object):\n    class S(object): pass\nf(str)",
    "class A:\n    class str: pass\nclass S(str): pass",
    "class S(type('')): pass",
    "class S(json.JSONEncoder): pass",
    "import collections\nclass C(collections.Counter): pass",
    "from collections import namedtuple\nclass P(namedtuple('P', 'x')): pass",
    "class A: pass\nA = str\nclass S(A): pass",
    "def __hash__(): pass",
    "def f(__builtins__): pass",
    "__name__ = 'x'",
    "from datetime import date as __builtins__",
    "import tax as __builtins__",
    "import munch as __builtins__",
    "global __builtins__\n__builtins__ = {}",
    "try:\n    pass\nexcept Exception as __builtins__:\n    pass",
    "match event:\n    case {'a': 1, **__builtins__}:\n        pass",
    "match event:\n    case [*__builtins__]:\n        pass",
    "match event:\n    case x as __builtins__:\n        pass",
]  # fmt: skip

#: Libraries are modules: their names hide no built-in ones.
ESCAPING_LIBRARIES = [
    "open = open",
    "import os",
    "def f():\n    return eval\neval = 1",
    "x = json",
]


class Contained(unittest.TestCase):
    def test_ordinary_scripts_are_contained(self):
        for source in ORDINARY:
            with self.subTest(source):
                self.assertIsNone(Text(source).escape)

    def test_scripts_that_may_leave_something_are_not(self):
        for source in ESCAPING:
            with self.subTest(source):
                self.assertIsNotNone(Text(source).escape)

    def test_libraries_are_looked_at_as_modules(self):
        self.assertTrue(LibraryText("tax", "RATE = 2\ndef of(x):\n    return x * RATE").contained)
        for source in ESCAPING_LIBRARIES:
            with self.subTest(source):
                self.assertFalse(LibraryText("tax", source).contained)

    def test_modules_are_loaded_before_the_script_runs(self):
        sys.modules.pop("fractions", None)
        self.assertIsNone(Text("def f():\n    import fractions\n    return fractions.Fraction(1)").escape)
        self.assertIn("fractions", sys.modules)

    def test_a_text_that_is_nested_deeply_is_not_contained(self):
        self.assertIsNotNone(Text("return " + "-" * 700 + "1").escape)


if __name__ == "__main__":
    unittest.main()
