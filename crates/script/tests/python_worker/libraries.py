"""Shared code and installed packages."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from server import Worker  # noqa: E402

STORED = {
    "tax": "RATE = 2\nclass Item:\n    def __init__(self, price):\n        self.price = price\n"
    "def of(price):\n    return Item(price).price * RATE\ndef user():\n    return platform.session.user.email",
    "billing.rates": "import tax\ndef double(x):\n    return tax.of(x)",
    "billing.fees": "FEE = 3",
    "loop": "import loop2\nX = 1",
    "loop2": "import loop\nY = 2",
    "broken": "\n\ndef f(:",
    "raising": "def f():\n    return 1 / 0\nf()",
    "dirty": "import os\nHOME = os.getcwd()",
    # The names of the worker's own modules are free.
    "run": "X = 'mine'",
    "output": "X = 'mine'",
    "channel": "X = 'mine'",
}


class Libraries(unittest.TestCase):
    def setUp(self):
        self.worker = Worker()

    def tearDown(self):
        self.worker.__exit__()

    def run_script(self, source):
        return self.worker.run(source, libraries=STORED)

    def test_libraries_are_imported_by_name(self):
        for source, expected in [
            ("import tax\nreturn tax.of(2)", 4),
            ("from tax import of, RATE as rate\nreturn of(3) + rate", 8),
            ("import tax as t\nreturn [t.__name__, t.user()]", None),
            ("import billing.rates\nreturn billing.rates.double(2)", 4),
            ("from billing import rates\nreturn rates.double(2)", 4),
            ("import billing.rates as r, tax\nreturn r.double(tax.RATE)", 4),
            ("from billing.fees import FEE\nreturn FEE", 3),
            ("import loop\nreturn loop.loop2.Y", 2),
            ("import run, output, channel\nreturn [run.X, output.X, channel.X]", ["mine"] * 3),
        ]:
            with self.subTest(source):
                outcome = self.run_script(source)
                self.assertEqual(outcome["t"], "done", outcome)
                if expected is not None:
                    self.assertEqual(outcome["returned"], expected)
                self.assertTrue(outcome["clean"], outcome)

    def test_a_library_that_is_not_contained_ends_the_process(self):
        self.assertFalse(self.run_script("import dirty\nreturn dirty.HOME")["clean"])

    def test_a_new_text_of_a_library_is_in_force_at_once(self):
        self.assertEqual(self.worker.run("import v\nreturn v.X", libraries={"v": "X = 1"})["returned"], 1)
        self.assertEqual(self.worker.run("import v\nreturn v.X", libraries={"v": "X = 2"})["returned"], 2)

    def test_errors_tell_the_library_and_its_line(self):
        outcome = self.run_script("x = 1\nimport raising")
        self.assertEqual(outcome["message"], "division by zero")
        self.assertEqual(outcome["line"], 2)
        self.assertTrue(outcome["stack"].startswith("at f raising:2:"), outcome)
        self.assertIn("library 'broken', line 3", self.run_script("import broken")["message"])
        self.assertEqual(self.run_script("import nothing_of_that_name")["message"], "No module named 'nothing_of_that_name'")

    def test_the_standard_library_comes_first(self):
        self.assertEqual(self.worker.run("import string\nreturn string.digits", libraries={"string": "digits = 1"})["returned"], "0123456789")

    def test_a_library_named_like_an_inner_module_owns_nothing_of_it(self):
        self.assertFalse(self.run_script("import output, sys\nreturn sys.stdout._limit")["clean"])

    def test_packages_of_the_administrator_can_be_imported(self):
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "cowsay"))
            for name, text in [("__init__.py", "from .moo import moo\n"), ("moo.py", "def moo():\n    return 'moo'\n")]:
                with open(os.path.join(folder, "cowsay", name), "w") as file:
                    file.write(text)
            with Worker(packages=folder) as worker:
                outcome = worker.run("import cowsay\nreturn cowsay.moo()")
                self.assertEqual(outcome["returned"], "moo")
                self.assertFalse(outcome["clean"])


if __name__ == "__main__":
    unittest.main()
