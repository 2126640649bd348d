"""Which scripts are contained."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from scripts import ESCAPING, ESCAPING_LIBRARIES, ORDINARY  # noqa: E402
from server import PROGRAMS  # noqa: E402

sys.path.insert(0, PROGRAMS)

from libraries import LibraryText  # noqa: E402
from texts import Text  # noqa: E402


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
