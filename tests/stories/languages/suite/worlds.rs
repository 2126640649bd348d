//! Every run finds the world as new, whatever the run before it did, and runs at the same time do not meet.

use crate::languages::table::{Grammar, Text, World, in_every_language, text};
use crate::support::{Value, json};

const EVENT: &str = "db._table.todo.get.pre_process";

/// Runs the script a few times; each run must tell the same as the first.
fn tells_always(world: &World, script: &Text, expected: &Value) {
    world.script(EVENT, script);
    for run in 0..4 {
        assert_eq!(&world.user().get("db/_table/todo").expect(200), expected, "run {run}");
    }
}

#[test]
fn a_variable_left_behind_is_gone() {
    in_every_language(|world| {
        tells_always(
            world,
            &text(
                "globalThis.left = (globalThis.left ?? 0) + 1; event.response = {content: globalThis.left};",
                "global left\nleft = globals().get('left', 0) + 1\nevent.response = {'content': left}",
                "$GLOBALS['left'] = ($GLOBALS['left'] ?? 0) + 1; $event['response'] = ['content' => $GLOBALS['left']];",
            ),
            &json!(1),
        );
    });
}

#[test]
fn a_changed_builtin_is_as_it_was() {
    in_every_language(|world| {
        tells_always(
            world,
            &text(
                "const before = [JSON.stringify([1]), typeof Array.prototype.left];
                 JSON.stringify = () => 'poisoned'; Array.prototype.left = 1; Object.prototype.content = 'poisoned';
                 event.response = {content: before};",
                "import builtins\nbefore = [json.dumps([1]), hasattr(builtins, 'left')]\n\
                 builtins.left = 1\njson.dumps = lambda *a, **k: 'poisoned'\n\
                 event.response = {'content': before}",
                "$before = [json_encode([1]), defined('LEFT')];
                 function left() { return 1; } ini_set('precision', '3'); define('LEFT', 1);
                 $event['response'] = ['content' => $before];",
            ),
            &match world.language.grammar {
                Grammar::JavaScript => json!(["[1]", "undefined"]),
                _ => json!(["[1]", false]),
            },
        );
    });
}

#[test]
fn a_function_or_class_that_a_script_declares_can_be_declared_again() {
    in_every_language(|world| {
        tells_always(
            world,
            &text(
                "class Sum { add(a, b) { return a + b; } } function twice(x) { return 2 * x; } event.response = {content: twice(new Sum().add(1, 2))};",
                "class Sum:\n    count = 0\n    def add(self, a, b):\n        Sum.count += 1\n        return a + b\n\
                 def twice(x):\n    return 2 * x\nevent.response = {'content': twice(Sum().add(1, 2)) + Sum.count - 1}",
                "class Sum { public static $count = 0; function add($a, $b) { self::$count++; return $a + $b; } }
                 function twice($x) { return 2 * $x; }
                 $event['response'] = ['content' => twice((new Sum())->add(1, 2)) + Sum::$count - 1];",
            ),
            &json!(6),
        );
    });
}

#[test]
fn what_one_script_leaves_another_does_not_find() {
    in_every_language(|world| {
        world.script(
            "db._table.{table_name}.get.pre_process",
            &text(
                "globalThis.secret = 'of the first';",
                "import builtins\nbuiltins.secret = 'of the first'\njson.secret = 'of the first'",
                "$GLOBALS['secret'] = 'of the first'; putenv('SECRET=of the first');",
            ),
        );
        tells_always(
            world,
            &text(
                "event.response = {content: String(globalThis.secret)};",
                "import builtins\nevent.response = {'content': str(getattr(builtins, 'secret', None) or getattr(json, 'secret', 'undefined'))}",
                "$event['response'] = ['content' => $GLOBALS['secret'] ?? (getenv('SECRET') ?: 'undefined')];",
            ),
            &json!("undefined"),
        );
    });
}

#[test]
fn a_run_that_failed_leaves_nothing_either() {
    in_every_language(|world| {
        let failing = text(
            "globalThis.left = 1; throw new Error('failed');",
            "import builtins\nbuiltins.left = 1\nraise ValueError('failed')",
            "$GLOBALS['left'] = 1; throw new \\Exception('failed');",
        );
        world.script(EVENT, &failing);
        assert_eq!(world.user().get("db/_table/todo").refused(500), "failed");
        tells_always(
            world,
            &text(
                "event.response = {content: typeof globalThis.left};",
                "import builtins\nevent.response = {'content': 'number' if hasattr(builtins, 'left') else 'undefined'}",
                "$event['response'] = ['content' => isset($GLOBALS['left']) ? 'number' : 'undefined'];",
            ),
            &json!("undefined"),
        );
    });
}

#[test]
fn runs_at_the_same_time_do_not_mix() {
    in_every_language(|world| {
        world.script(
            "db._table.todo.post.pre_process",
            &text(
                "const mine = event.request.payload.mine; await platform.api.get('db/_table/todo/1');
                 console.log('run of ' + mine); event.response = {content: {mine, same: mine === event.request.payload.mine}};",
                "mine = event.request.payload.mine\nplatform.api.get('db/_table/todo/1')\nprint('run of', mine)\n\
                 event.response = {'content': {'mine': mine, 'same': mine == event.request.payload.mine}}",
                "$mine = $event['request']['payload']['mine']; $platform['api']->get('db/_table/todo/1');
                 echo 'run of ', $mine; $event['response'] = ['content' => ['mine' => $mine, 'same' => $mine === $event['request']['payload']['mine']]];",
            ),
        );
        std::thread::scope(|scope| {
            for caller in 0..6 {
                scope.spawn(move || {
                    for call in 0..5 {
                        let mine = format!("caller {caller} call {call}");
                        let answer = world.user().post("db/_table/todo", json!({ "mine": mine })).expect(200);
                        assert_eq!(answer, json!({"mine": mine, "same": true}));
                    }
                });
            }
        });
    });
}

#[test]
fn a_saved_script_is_in_force_for_the_next_call() {
    in_every_language(|world| {
        for number in 0..4 {
            let told = world.told(&text(
                format!("event.response = {{content: {number}}};"),
                format!("event.response = {{'content': {number}}}"),
                format!("$event['response'] = ['content' => {number}];"),
            ));
            assert_eq!(told, json!(number));
        }
    });
}

#[test]
fn scripts_that_call_scripts_of_their_language_do_not_wait_for_each_other() {
    in_every_language(|world| {
        let calling = |path: &str| {
            text(
                format!(
                    "const inner = await platform.api.get('{path}'); event.response = {{content: ['outer', inner.content]}};"
                ),
                format!(
                    "inner = platform.api.get('{path}')\nevent.response = {{'content': ['outer', inner['content']]}}"
                ),
                format!(
                    "$inner = $platform['api']->get('{path}'); $event['response'] = ['content' => ['outer', $inner['content']]];"
                ),
            )
        };
        world.script("db._table.account.get.pre_process", &calling("db/_table/contact?ids=1&fields=id"));
        world.script("db._table.contact.get.pre_process", &calling("db/_table/vault?fields=id"));
        let told = world.told(&calling("db/_table/account"));
        assert_eq!(told, json!(["outer", ["outer", ["outer", {"resource": [{"id": 1}]}]]]));
    });
}
