//! What is particular to scripts in Python: statements 61, 91 and 97 to 105, as far as the suite over all languages does not tell them.

use crate::support::{Answer, TestApp, Value, json};

const BEFORE: &str = "db._table.todo.get.pre_process";
const AFTER: &str = "db._table.todo.get.post_process";

fn python(app: &TestApp, event: &str, source: &str) {
    app.store(event, json!({"type": "python3", "content": source}));
}

/// What a script before a read of the todos answers with.
fn told(app: &TestApp, source: &str) -> Value {
    python(app, BEFORE, source);
    app.user().get("db/_table/todo").expect(200)
}

/// How a read of the todos ends with that script before it.
fn ended(app: &TestApp, source: &str) -> Answer {
    python(app, BEFORE, source);
    app.user().get("db/_table/todo")
}

#[test]
fn statement_061_what_is_raised_is_a_500_with_its_message() {
    let app = TestApp::start();
    let answer = ended(&app, "raise ValueError('m')");
    assert_eq!(answer.body()["error"]["message"], "m");
    assert_eq!(answer.body()["error"]["code"], 500);
    assert_eq!(answer.refused(500), "m");
    assert_eq!(ended(&app, "nosuch()").refused(500), "name 'nosuch' is not defined");
}

#[test]
fn an_exception_carries_its_status_its_code_and_its_context() {
    let app = TestApp::start();
    let source = "
class Refused(Exception):
    def __init__(self, message, status_code, code):
        super().__init__(message)
        self.status_code = status_code
        self.code = code
        self.context = {'field': 'name'}

raise Refused('A \"name\" is <needed>.', 422, 1234)";
    let answer = ended(&app, source);
    let error = answer.body()["error"].clone();
    assert_eq!(answer.refused(422), "A \"name\" is <needed>.");
    assert_eq!((&error["code"], &error["context"]), (&json!(1234), &json!({"field": "name"})));
    let source = "event.exception = {'message': 'exc', 'code': 5, 'status_code': 409}";
    assert_eq!(ended(&app, source).refused(409), "exc");
}

#[test]
fn statement_065_a_text_that_is_no_python_tells_line_and_column() {
    let app = TestApp::start();
    let message = ended(&app, "x = 1\nif x:\ny = 2").refused(500);
    assert!(message.contains("line 3, column 1") && message.contains("indented block"), "{message}");
}

#[test]
fn statement_091_an_answer_is_read_and_is_a_mapping_too() {
    let app = TestApp::start();
    let source = "
answer = platform.api.get('db/_table/contact', {'parameters': {'limit': 1, 'fields': 'first_name'}})
missing = platform.api.get('db/_table/contact/999')
event.response = {'content': {
    'body': json.loads(answer.read()), 'again': answer.read().decode(), 'status': answer.status, 'same': answer['status_code'],
    'name': answer.content.resource[0].first_name, 'type': answer.getheader('Content-Type'),
    'missing': [missing.status, json.loads(missing.read())['error']['status_code']]}}";
    let told = told(&app, source);
    assert_eq!(told["body"], json!({"resource": [{"first_name": "Jon"}]}));
    assert_eq!((&told["again"], &told["status"], &told["same"]), (&json!(""), &json!(200), &json!(200)));
    assert_eq!((&told["name"], &told["type"]), (&json!("Jon"), &json!("application/json")));
    assert_eq!(told["missing"], json!([404, 404]));
}

#[test]
fn statement_099_empty_and_comment_only_scripts_run_and_texts_keep_their_indentation() {
    let app = TestApp::start();
    for source in ["", "# nothing", "\n    # nothing at all\n"] {
        assert!(ended(&app, source).expect(200)["resource"].is_array(), "{source:?}");
    }
    let source = "text = '''a\n        b\n\tc'''\nevent.response = {'content': text}";
    assert_eq!(told(&app, source), json!("a\n        b\n\tc"));
}

#[test]
fn statement_100_values_arrive_unchanged() {
    let app = TestApp::start();
    python(&app, "db._table.todo.post.pre_process", "event.response = {'content': event.request.payload}");
    let payload = json!({"resource": [{"name": "a:true,b:null,", "flags": [true, null, 1.5, [], {}]}]});
    assert_eq!(app.user().post("db/_table/todo", payload.clone()).expect(200), payload);
}

#[test]
fn statement_101_members_are_attributes_and_items() {
    let app = TestApp::start();
    let source = "
event.request.parameters.limit = 1
event['request']['parameters']['fields'] = 'id'
assert 'order' not in event.request.parameters and event.request.parameters.get('order', 'id') == 'id'";
    assert_eq!(ended(&app, source).expect(200)["resource"].as_array().unwrap().len(), 1);
    let source = "
for row in event.response.content.resource:
    row.label = row['name'].upper()
    row['kind'] = type(row).__name__";
    python(&app, BEFORE, "");
    python(&app, AFTER, source);
    let row = app.user().get("db/_table/todo?limit=1").expect(200)["resource"][0].clone();
    assert_eq!(row["kind"], "Munch");
    assert_eq!(row["label"], row["name"].as_str().unwrap().to_uppercase());
}

#[test]
fn what_the_originals_scripts_find_is_there() {
    let app = TestApp::start();
    let source = "
import bunch, munch, sys
event.response = {'content': [
    _event.request.method, list(_platform.keys()), http.client.NOT_FOUND, httplib.OK, bunchify({'a': {'b': 1}}).a.b,
    munch.munchify([{'a': 1}])[0].a, unmunchify(munchify({'a': 1})), sys.version_info[0], len(sys.argv), __name__]}";
    let given = json!(["GET", ["api", "config", "session", "store"], 404, 200, 1, 1, {"a": 1}, 3, 1, "__main__"]);
    assert_eq!(told(&app, source), given);
    app.store(BEFORE, json!({"type": "python", "content": "event.response = {'content': 'by Python 3'}"}));
    assert_eq!(app.user().get("db/_table/todo").expect(200), json!("by Python 3"));
}

#[test]
fn a_script_may_end_itself() {
    let app = TestApp::start();
    let source = "import sys\nevent.request.parameters.limit = 1\nsys.exit(0)";
    assert_eq!(ended(&app, source).expect(200)["resource"].as_array().unwrap().len(), 1);
    assert_eq!(ended(&app, "import sys\nsys.exit(3)").refused(500), "The script ended with exit code 3.");
}

#[test]
fn values_that_json_cannot_hold_are_told_by_kind() {
    let app = TestApp::start();
    let message = ended(&app, "import datetime\nevent.response = {'content': datetime.date(2026, 1, 1)}").refused(500);
    assert!(message.contains("type date") && message.contains("isoformat()"), "{message}");
    let message = ended(&app, "event.response = {'content': float('nan')}").refused(500);
    assert!(message.contains("NaN"), "{message}");
}

#[test]
fn a_script_that_changes_the_interpreter_changes_it_for_nobody_else() {
    let app = TestApp::start();
    let source = "
import builtins, collections, os, random, sys
seen = [hasattr(builtins, 'left'), hasattr(collections, 'left'), 'LEFT' in os.environ, sys.getrecursionlimit()]
builtins.left = collections.left = 1
os.environ['LEFT'] = '1'
sys.setrecursionlimit(500)
json.dumps = None
event.response = {'content': seen}";
    for _ in 0..3 {
        assert_eq!(told(&app, source), json!([false, false, false, 1000]));
    }
    assert_eq!(told(&app, "event.response = {'content': json.dumps([1])}"), json!("[1]"));
}

#[test]
fn libraries_are_imported_by_name() {
    let app = TestApp::start();
    let library = |name: &str, content: &str| {
        app.admin().post(&format!("system/script_library/{name}"), json!({"type": "python3", "content": content}))
    };
    library("tax", "import json\nRATE = 2\ndef of(price):\n    return price * RATE\n").expect(201);
    library("shop.prices", "import tax\ndef gross(net):\n    return net + tax.of(net)\n").expect(201);
    let source = "import tax\nfrom shop.prices import gross\nevent.response = {'content': [tax.of(4), gross(1)]}";
    assert_eq!(told(&app, source), json!([8, 3]));
    library("tax", "def of(price):\n    return price * 3\n").expect(200);
    assert_eq!(told(&app, source), json!([12, 4]));
    assert_eq!(ended(&app, "import nosuch").refused(500), "No module named 'nosuch'");
}

#[test]
fn threads_of_a_script_are_part_of_its_run() {
    let app = TestApp::start();
    let source = "
import threading
names = []
def read(number):
    names.append(json.loads(platform.api.get('db/_table/contact/%d' % number).read())['first_name'])
threads = [threading.Thread(target=read, args=(number,)) for number in (1, 2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
event.response = {'content': sorted(names)}";
    assert_eq!(told(&app, source), json!(["Arya", "Jon"]));
}

#[test]
fn the_sample_of_the_guide() {
    let guide = include_str!("../../../docs/scripting.md");
    let sample = guide.split("```python\n").nth(1).unwrap().split("\n```").next().unwrap();
    let event = sample.strip_prefix("# On ").unwrap().split_once(':').unwrap().0;
    let app = TestApp::start();
    python(&app, event, sample);
    let late = json!({"resource": [{"name": "Learn", "due": "2001-01-01"}]});
    let message = app.user().post("db/_table/todo", late).refused(400);
    assert_eq!(message, "'Learn' was due on 2001-01-01; choose a day that is still to come.");
    app.user().post("db/_table/todo", json!({"resource": [{"name": " Learn ", "due": "2999-01-01"}]})).expect(200);
    assert_eq!(app.todo(4)["name"], "Learn");
}
