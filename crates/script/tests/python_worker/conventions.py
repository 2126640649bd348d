"""The protocol, and how scripts are written, against the real worker."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from server import Worker  # noqa: E402

RESPONSE = {"status_code": 200, "content": {"resource": [{"id": 1, "name": "a"}]}, "content_type": None, "format": 201, "headers": {}}


class Conventions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workers = []

    @classmethod
    def tearDownClass(cls):
        for worker in cls.workers:
            worker.__exit__()

    def run_script(self, source, **given):
        """In a worker that earlier scripts left clean, as in the server."""
        worker = self.workers[-1] if self.workers else self.start()
        outcome = worker.run(source, **given)
        if not outcome["clean"]:
            self.workers.pop().__exit__()
        return outcome

    def start(self):
        self.workers.append(Worker())
        return self.workers[-1]

    def returned(self, source, **given):
        outcome = self.run_script(source, **given)
        self.assertEqual(outcome["t"], "done", outcome)
        return outcome.get("returned")

    def thrown(self, source, **given):
        outcome = self.run_script(source, **given)
        self.assertEqual(outcome["t"], "threw", outcome)
        return outcome

    def test_the_worker_tells_its_version(self):
        self.assertRegex(self.start().ready["version"], r"^3\.\d+\.\d+")

    def test_statement_099_empty_and_comment_only_scripts_run_and_texts_keep_their_indentation(self):
        self.assertIsNone(self.returned(""))
        self.assertIsNone(self.returned("# nothing\n\n    # at all"))
        self.assertEqual(self.returned("x = '''a\n        b\n\tc'''\nreturn x"), "a\n        b\n\tc")
        self.assertEqual(self.returned("    x = 1\n    return x"), 1)
        self.assertEqual(self.returned("if True:\n\treturn 1\r\n"), 1)
        self.assertEqual(self.returned("\ufeffreturn 1"), 1)

    def test_statement_100_values_arrive_as_they_are(self):
        self.assertEqual(self.returned("return event.request.payload.resource[0].flags"), [True, None])
        self.assertEqual(self.returned("return event.request.payload.resource[0].note"), "x:true")

    def test_statement_101_attributes_and_items(self):
        self.assertEqual(self.returned("return [event.request.method, event['request']['method'], event.get('nope', 1)]"), ["POST", "POST", 1])
        self.assertTrue(self.returned("return 'request' in event and isinstance(event.request.payload.resource, list)"))
        self.assertEqual(self.returned("return str(type(event))"), "<class 'munch.Munch'>")
        self.assertEqual(self.thrown("event.response.content")["message"], "'Munch' object has no attribute 'response'")
        self.assertEqual(self.returned("return [_event.resource, list(_platform.keys())]"), ["todo", ["api", "config", "session", "store"]])

    def test_statement_097_returning_the_event_is_returning_nothing(self):
        outcome = self.run_script("event.request.parameters.a = 1\nreturn event")
        self.assertNotIn("returned", outcome)
        self.assertEqual(outcome["event"]["request"]["parameters"], {"fields": "*", "a": 1})

    def test_statement_098_printing_never_alters_the_result(self):
        outcome = self.run_script("print('{\"request\": {\"parameters\": {}}}')\nimport sys\nsys.stderr.write('e')")
        self.assertEqual(outcome["output"], '{"request": {"parameters": {}}}\ne')
        self.assertEqual(outcome["event"], {"stop_propagation": False})

    def test_output_ends_at_the_limit(self):
        output = self.run_script("for _ in range(100000):\n    print('x' * 99)")["output"]
        self.assertTrue(10_000 < len(output) < 30_000, len(output))

    def test_only_what_may_have_changed_travels(self):
        for source, expected in [
            ("event.request.content = 'new'", {"content": "new"}),
            ("event['request']['content'] += '!'", {"content": "{}!"}),
            ("print(event.request.content)", {}),
            ("event.request.parameters.get('fields')", {}),
            ("event.request.parameters.clear()", {"parameters": {}}),
            ("p = event.request.parameters\np['a'] = 1", {"parameters": {"fields": "*", "a": 1}}),
            ("event.request.headers.x = '1'", {"headers": {"host": "localhost", "x": "1"}}),
            ("event.request.parameters = {'a': {'b': 1}}", {"parameters": {"a": {"b": 1}}}),
            ("event.request.update({'content': 'c'})", {"content": "c", "payload": ...}),
            ("for name in event.request:\n    event.request[name] = 'n' if name == 'uri' else event.request[name]", {"uri": "n", "payload": ...}),
            ("def f(e):\n    e.request.content = 'f'\nf(event)", {"content": "f", "payload": ...}),
            ("r = event.request\nr.uri = 'u'", {"uri": "u", "payload": ...}),
            ("r = _event.request\nr.uri = 'u'", {"uri": "u", "payload": ...}),
            ("setattr(event.request, 'uri', 'u')", {"uri": "u", "payload": ...}),
            ("globals()['event'].request.uri = 'u'", {"uri": "u", "payload": ...}),
            ("event.request.payload.resource[0].name = 'x'", {"payload": ...}),
            ("x = [event for event in [event]][0]\nx.request.uri = 'u'", {"uri": "u", "payload": ...}),
            ("del event.request.content", {}),
            ("platform.api.get('x')", None),
            ("", None),
        ]:
            with self.subTest(source):
                request = self.run_script(source)["event"].get("request")
                if expected is not None:
                    expected = {name: request[name] if value is ... else value for name, value in expected.items()}
                self.assertEqual(request, expected)

    def test_libraries_see_the_event_too(self):
        outcome = self.run_script("import lib\nlib.change()", libraries={"lib": "def change():\n    event.request.uri = 'u'"})
        self.assertEqual(outcome["event"]["request"]["uri"], "u")

    def test_responses(self):
        edited = self.run_script("event.response.content.resource[0].tag = 'x'", response=RESPONSE)["event"]["response"]
        self.assertEqual(edited["content"]["resource"][0], {"id": 1, "name": "a", "tag": "x"})
        self.assertEqual({"content_type", "format"} - set(edited), set())
        status = self.run_script("event.response.status_code = 202\nevent.response.headers.x = '1'", response=RESPONSE)
        self.assertEqual(status["event"]["response"]["status_code"], 202)
        self.assertEqual(status["event"]["response"]["headers"], {"x": "1"})
        answered = self.run_script("event.response = {'content': 1}\nevent['stop_propagation'] = True")["event"]
        self.assertEqual((answered["response"], answered["stop_propagation"]), ({"content": 1}, True))

    def test_without_the_right_to_modify_little_is_told(self):
        outcome = self.run_script("event.response = {'content': 1}\nevent.request.parameters.a = 1", may_modify=False)
        self.assertEqual(outcome["event"], {"stop_propagation": False, "response_set": True})

    def test_the_event_may_be_rebound(self):
        outcome = self.run_script("event = {'request': {'parameters': {'a': 1}}, 'response': {'content': 1}}")
        self.assertEqual(outcome["event"]["response"], {"content": 1})
        self.assertNotIn("response", self.run_script("for event in [1, 2]:\n    pass")["event"])
        self.assertNotIn("response", self.run_script("event = None")["event"])

    def test_statement_061_and_067_what_is_raised(self):
        outcome = self.thrown("\n\ndef check():\n    raise ValueError('say \"m\" <b>')\ncheck()")
        self.assertEqual(outcome["message"], 'say "m" <b>')
        self.assertEqual((outcome["line"], outcome["column"]), (4, 5))
        self.assertEqual(outcome["stack"], "at check db.get:4:5\nat db.get:5:1\n")
        self.assertNotIn("code", outcome)
        self.assertEqual(self.thrown("assert 1 == 2")["message"], "AssertionError")
        self.assertEqual(self.thrown("nosuch()")["message"], "name 'nosuch' is not defined")
        self.assertEqual(self.thrown("def f():\n    return f()\nf()")["message"], "maximum recursion depth exceeded")
        self.assertEqual(self.thrown("input()")["message"], "EOF when reading a line")
        broken = "class Broken(Exception):\n    def __str__(self):\n        raise ValueError()\nraise Broken()"
        self.assertIn("Broken", self.thrown(broken)["message"])

    def test_errors_carry_status_code_and_context(self):
        outcome = self.thrown("e = Exception('no')\ne.status_code, e.code, e.context = 403, 42, {'a': [1]}\nraise e")
        self.assertEqual((outcome["status_code"], outcome["code"], outcome["context"]), (403, 42, {"a": [1]}))
        outcome = self.thrown("event.exception = {'message': 'exc', 'code': 5, 'status_code': 409}")
        self.assertEqual((outcome["message"], outcome["code"], outcome["status_code"]), ("exc", 5, 409))
        self.assertEqual(self.thrown("event.exception = 'text'")["message"], "text")
        self.assertEqual(self.thrown("event.exception = ValueError('v')")["message"], "v")

    def test_ending_a_script(self):
        outcome = self.run_script("import sys\nevent.request.parameters.a = 1\nsys.exit(0)")
        self.assertEqual(outcome["event"]["request"]["parameters"]["a"], 1)
        self.assertIsNone(self.returned("exit()"))
        self.assertEqual(self.thrown("import sys\nsys.exit(3)")["message"], "The script ended with exit code 3.")
        self.assertEqual(self.thrown("raise SystemExit('because')")["message"], "because")

    def test_statement_065_texts_that_are_no_python(self):
        outcome = self.thrown("x = 1\nthis is not python(")
        self.assertTrue(outcome["syntax"])
        self.assertEqual((outcome["line"], outcome["column"]), (2, 19))
        for source, word in [
            ("if True:\nx = 1", "indented"),
            ("  x = 1\n y = 2", "indent"),
            ("yield 1", "yield"),
            ("await x", "await"),
            ("return '\0'", "null bytes"),
            ("print 'x'", "print"),
            ("return " + "(" * 300 + ")" * 300, "nested"),
            ("return " + "-" * 5000 + "1", "nested"),
        ]:
            with self.subTest(source):
                outcome = self.thrown(source)
                self.assertTrue(outcome["syntax"] and word in outcome["message"], outcome)

    def test_texts_are_checked_without_running(self):
        worker = self.start()
        worker.send({"t": "check", "kind": "python3", "source": "print('ran')\nreturn 1"})
        self.assertEqual(worker.receive(), {"t": "checked"})
        worker.send({"t": "check", "kind": "python3", "source": "return ("})
        self.assertTrue(worker.receive()["syntax"])

    def test_statement_091_calls(self):
        outcome = self.run_script(
            "r = platform.api.get('db/_table/todo?limit=1')\n"
            "return [r.status, json.loads(r.read()), r.read().decode(), r.getheader('X-A'), r.getheader('Content-Type'), "
            "r['content'], r.status_code, r.content.resource[0].id, 'headers' in r, r.reason]"
        )
        content = {"resource": [{"id": 1}]}
        self.assertEqual(outcome["returned"], [200, content, "", "1", "application/json", content, 200, 1, True, "OK"])
        call = outcome["calls"][0]
        self.assertEqual((call["verb"], call["path"], call["payload"], call["options"]), ("GET", "db/_table/todo?limit=1", None, {}))

    def test_statement_082_payloads_and_options(self):
        calls = self.run_script(
            "api = platform.api\n"
            "api.post('a', {'resource': [{'x': 1}]})\n"
            "api.put('a', json.dumps({'y': 1}), {'X-Legacy': '1'})\n"
            "api.patch('a', b'bytes', {'parameters': {'f': 'a b&c'}})\n"
            "api.delete('a', '', {'headers': {'h': '1'}, 'parameters': {}})\n"
            "api.call('get', 'a', None, None)"
        )["calls"]
        self.assertEqual([call["verb"] for call in calls], ["POST", "PUT", "PATCH", "DELETE", "GET"])
        self.assertEqual([call["payload"] for call in calls], [{"resource": [{"x": 1}]}, '{"y": 1}', "bytes", None, None])
        self.assertEqual(calls[1]["options"], {"headers": {"X-Legacy": "1"}})
        self.assertEqual(calls[2]["options"], {"parameters": {"f": "a b&c"}})

    def test_calls_that_are_none(self):
        self.assertIn("path must be text", self.thrown("platform.api.get(5)")["message"])
        self.assertIn("options must be", self.thrown("platform.api.get('a', 5)")["message"])
        self.assertIn("type set", self.thrown("platform.api.post('a', {1, 2})")["message"])
        worker = self.start()
        worker.send({"t": "run", "script": "s", "kind": "python3", "text": "x", "source": "platform.api.call('BREW', 'a')",
                     "event": {"request": {}}, "may_modify": True})  # fmt: skip
        call = worker.receive()
        worker.send({"t": "refused", "id": call["id"], "message": "no such verb"})
        self.assertEqual(worker.receive()["message"], "no such verb")

    def test_a_server_that_gives_no_answer_is_an_exception(self):
        failed = {"status_code": 502, "content": {"error": {"message": "refused"}}, "content_type": None, "headers": {}}
        self.assertEqual(self.thrown("platform.api.get('http://a.example/x')", answers=[failed])["message"], "refused")
        caught = "try:\n    platform.api.get('https://a.example/')\nexcept ConnectionError as e:\n    return str(e)"
        self.assertEqual(self.returned(caught, answers=[failed]), "refused")
        self.assertEqual(self.returned("return platform.api.get('db/x').status", answers=[failed]), 502)

    def test_a_response_can_be_passed_on(self):
        answer = {"status_code": 404, "content": {"error": {"message": "m"}}, "content_type": None, "headers": {}}
        returned = self.returned("return platform.api.get('x')", answers=[answer])
        self.assertEqual((returned["status_code"], returned["content"]), (404, {"error": {"message": "m"}}))

    def test_values_that_json_cannot_hold(self):
        for value, word in [
            ("float('nan')", "NaN"),
            ("{1, 2}", "set"),
            ("b'x'", "decode()"),
            ("(x for x in [1])", "list()"),
            ("__import__('datetime').date(2026, 1, 1)", "isoformat()"),
            ("'\\ud800'", "surrogate"),
        ]:
            with self.subTest(value):
                self.assertIn(word, self.thrown(f"return {value}")["message"])
        self.assertIn("contains itself", self.thrown("a = []\na.append(a)\nreturn a")["message"])
        self.assertEqual(self.returned("return [(1, 2), 10**30, 1.0, {1: 'a', None: 'b'}]"), [[1, 2], 10**30, 1.0, {"1": "a", "null": "b"}])

    def test_what_is_there_without_importing(self):
        self.assertEqual(self.returned("return [http.client.OK, httplib.NOT_FOUND]"), [200, 404])
        self.assertEqual(self.returned("return [bunchify({'a': {'b': 1}}).a.b, unmunchify(munchify({'a': 1}))]"), [1, {"a": 1}])
        self.assertEqual(self.returned("import bunch, munch, httplib\nreturn bunch.Bunch is munch.Munch and httplib.OK"), 200)
        self.assertEqual(self.returned("from math import *\nreturn sqrt(4)"), 2.0)

    def test_threads_end_before_the_run_does(self):
        source = (
            "import threading\ngate = threading.Event()\n"
            "def work():\n    gate.wait()\n    event.response = {'content': platform.api.get('x').status}\n"
            "threading.Thread(target=work).start()\ngate.set()"
        )
        self.assertEqual(self.run_script(source)["event"]["response"], {"content": 200})

    def test_statement_103_large_texts_and_events(self):
        source = "# " + "x" * 100_000 + "\nreturn len(event.response.content)"
        response = {**RESPONSE, "content": "y" * 1_000_000}
        self.assertEqual(self.returned(source, response=response), 1_000_000)
        with open(f"/proc/{self.workers[-1].process.pid}/cmdline") as command_line:
            self.assertNotIn("xxxx", command_line.read())

    def test_the_worker_ends_when_its_channel_closes(self):
        worker = Worker()
        worker.channel.close()
        self.assertEqual(worker.process.wait(60), 0)
        worker.output.close()


if __name__ == "__main__":
    unittest.main()
