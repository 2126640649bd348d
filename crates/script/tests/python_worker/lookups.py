"""Lookups in texts (reference 4.6)."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from server import Worker  # noqa: E402

HOSTILE = "'; \"\"\" + __import__('os').getcwd() + \"\"\" \\' {other}\n"
LOOKUPS = {"my_key": HOSTILE, "urlencode(my_key)": "a%27b", "other": "o"}


class Lookups(unittest.TestCase):
    def test_statements_104_and_105(self):
        cases = [
            ("return '{my_key}'", HOSTILE),
            ("return 'a{urlencode(my_key)}b {unknown} {other}'", "aa%27bb {unknown} o"),
            ('return """{my_key}"""', HOSTILE),
            ("return r'{my_key}'", HOSTILE),
            ("return {'{other}': ['{other}', ('{other}',)]}", {"o": ["o", ["o"]]}),
            ("def f(x='{other}'):\n    '''{my_key}'''\n    return x\nreturn f()", "o"),
            ("x = 1\nreturn f'{x}{{other}}' + f'{\"{other}\"}'", "1{other}o"),
            ("other = 5\nreturn f'{other}'", "5"),
            ("return {other} if (other := 3) else 0", None),
            ("match '{other}':\n    case '{other}':\n        return 'literal'\n    case 'o':\n        return 'value'", "value"),
            ("return len('{my_key}')", len(HOSTILE)),
            ("event.request.parameters['{other}'] = 1\nreturn event.request.parameters.o", 1),
        ]
        with Worker() as worker:
            for source, expected in cases:
                with self.subTest(source):
                    outcome = worker.run(source, lookups=LOOKUPS)
                    if expected is None:
                        # A set is code, not a text; and no result, either.
                        self.assertIn("set", outcome["message"])
                        continue
                    self.assertEqual(outcome.get("returned"), expected, outcome)
                    self.assertTrue(outcome["clean"])

    def test_each_run_has_the_values_of_its_own_caller(self):
        with Worker() as worker:
            for lookups, expected in [({"k": "1"}, "1 {u}"), ({"k": "2"}, "2 {u}"), ({"u": "3"}, "{k} 3"), ({}, "{k} {u}")]:
                self.assertEqual(worker.run("return '{k} {u}'", lookups=lookups)["returned"], expected)

    def test_a_value_is_no_format(self):
        with Worker() as worker:
            outcome = worker.run("return '{k}'.format(event)", lookups={"k": "{0.__class__}"})
            self.assertFalse(outcome["clean"])


if __name__ == "__main__":
    unittest.main()
