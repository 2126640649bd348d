//! Code that scripts share by name, with its versions (events-and-scripting D13).

use crate::administration::packages::{export, import};
use crate::support::{Answer, TestApp, Value, json};

fn library(app: &TestApp, name: &str, kind: &str, content: &str) -> Answer {
    app.admin().post(&format!("system/script_library/{name}"), json!({"type": kind, "content": content}))
}

/// What a script that is attached to reading todos answers with.
fn answer(app: &TestApp) -> Value {
    app.admin().get("db/_table/todo").expect(200)
}

const TAXED: &str = "event.response.content = require('tax').gross(100);";

#[test]
fn a_library_is_in_force_for_the_next_run_of_whoever_uses_it() {
    let app = TestApp::start();
    library(&app, "tax", "javascript", "exports.gross = net => net * 1.19;").expect(201);
    app.attach("db._table.todo.get.post_process", TAXED);
    assert_eq!(answer(&app), json!(119));
    library(&app, "tax", "javascript", "exports.gross = net => net * 1.07;").expect(200);
    assert_eq!(answer(&app), json!(107));
    app.another().admin().patch("system/script_library/tax", json!({"content": "exports.gross = n => n;"})).expect(200);
    assert_eq!(answer(&app), json!(100));
    app.admin().patch("system/script_library/tax", json!({"is_active": false})).expect(200);
    assert_eq!(app.admin().get("db/_table/todo").refused(500), "There is no library 'tax'.");
    app.admin().delete("system/script_library/tax").expect(200);
    library(&app, "TAX", "javascript", "exports.gross = () => 'again';").expect(201);
    assert_eq!(answer(&app), json!("again"));
}

#[test]
fn a_script_says_which_version_it_uses() {
    let app = TestApp::start();
    for rate in ["1.19", "1.07"] {
        library(&app, "tax", "javascript", &format!("exports.gross = net => net * {rate};"));
    }
    let uses = |source: &str, config: Value| {
        app.store("db._table.todo.get.post_process", json!({"content": source, "config": config}));
        answer(&app)
    };
    assert_eq!(uses(TAXED, json!(null)), json!(107));
    assert_eq!(uses(TAXED, json!({"libraries": {"tax": 1}})), json!(119));
    assert_eq!(uses("event.response.content = require('tax@1').gross(100);", json!(null)), json!(119));
    let both =
        "event.response.content = [require('tax@1').gross(1), require('tax@2').gross(1), require('tax').gross(1)];";
    assert_eq!(uses(both, json!(null)), json!([1.19, 1.07, 1.07]));
    app.attach("db._table.todo.get.post_process", "require('tax@3')");
    assert_eq!(app.admin().get("db/_table/todo").refused(500), "The library 'tax' has no version 3.");
}

#[test]
fn every_save_of_another_text_is_a_version() {
    let app = TestApp::start();
    library(&app, "tax", "javascript", "1").expect(201);
    library(&app, "tax", "javascript", "2").expect(200);
    app.admin().patch("system/script_library/tax", json!({"content": "2", "description": "same"})).expect(200);
    app.admin().patch("system/script_library/tax", json!({"content": "3", "version": 9})).expect(200);
    let newest = app.admin().get("system/script_library/tax").expect(200);
    assert_eq!((&newest["version"], &newest["content"]), (&json!(3), &json!("3")));
    let first = app.admin().get("system/script_library/tax?version=1").expect(200);
    assert_eq!((&first["version"], &first["content"], &first["description"]), (&json!(1), &json!("1"), &json!("same")));
    let refused = app.admin().get("system/script_library/tax?version=9").refused(404);
    assert_eq!(refused, "The library 'tax' has no version '9'.");
    let relation = "script_library_version_by_library";
    let related = app.admin().get(&format!("system/script_library/tax?related={relation}")).expect(200);
    let versions: Vec<&Value> = related[relation].as_array().unwrap().iter().map(|row| &row["content"]).collect();
    assert_eq!(versions, ["1", "2", "3"]);
    let forged =
        json!({"resource": [{"name": "new", "type": "javascript", "content": "1", relation: [{"version": 7}]}]});
    app.admin().post("system/script_library", forged).expect(201);
    assert_eq!(app.admin().get("system/script_library/new?version=7").status(), 404);
    app.admin().delete("system/script_library/tax").expect(200);
    library(&app, "tax", "javascript", "4").expect(201);
    assert_eq!(app.admin().get("system/script_library/tax?fields=version").expect(200), json!({"version": 4}));
}

#[test]
fn libraries_are_records_as_all_others() {
    let app = TestApp::start();
    let libraries = json!([
        {"name": "a", "type": "javascript", "content": "exports.a = 1;", "is_active": true},
        {"name": "b", "type": "php", "content": "function b() {}", "is_active": false},
    ]);
    let made = app.admin().post("system/script_library", json!({"resource": libraries})).expect(201);
    assert_eq!(made, json!({"resource": [{"name": "a"}, {"name": "b"}]}));
    let inactive = app.admin().get("system/script_library?filter=is_active=false&fields=name,type").expect(200);
    assert_eq!(inactive, json!({"resource": [{"name": "b", "type": "php"}]}));
    assert_eq!(app.admin().get("system/script_library?as_list=true").expect(200), json!({"resource": ["a", "b"]}));
    assert_eq!(app.admin().get("system/script_library/c").status(), 404);
    assert_eq!(app.user().get("system/script_library").status(), 403);
    let refused = library(&app, "x", "klingon", "1").refused(400);
    assert!(refused.contains("klingon"), "{refused}");
    app.admin().post("system/script_library", json!({"resource": [{"name": "a/b", "type": "php"}]})).refused(400);
    let warned = library(&app, "broken", "javascript", "exports.a = {");
    assert!(warned.header("warning").unwrap().contains("Library 'broken'"), "{warned:?}");
    warned.expect(201);
}

#[test]
fn the_ledger_tells_which_versions_a_run_used() {
    let app = TestApp::start();
    library(&app, "tax", "javascript", "exports.gross = require('rates').rate;");
    library(&app, "rates", "javascript", "exports.rate = () => 7;");
    library(&app, "rates", "javascript", "exports.rate = () => 8;");
    app.attach("db._table.todo.get.post_process", TAXED);
    let traced = app.admin().get("db/_table/todo?trace_events=true");
    let trace: Value = serde_json::from_str(traced.header("x-script-trace").unwrap()).unwrap();
    assert_eq!(trace["scripts"][0]["libraries"], json!({"rates": 2, "tax": 1}));
}

#[test]
fn stored_libraries_come_before_files_and_other_languages_are_told() {
    let app = TestApp::start();
    let folder = app.folder().join("scripts");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("tax.js"), "exports.gross = () => 'file';").unwrap();
    std::fs::write(folder.join("rates.py"), "rate = 7").unwrap();
    app.attach("db._table.todo.get.post_process", TAXED);
    assert_eq!(answer(&app), json!("file"));
    library(&app, "tax", "javascript", "exports.gross = () => 'stored';").expect(201);
    assert_eq!(answer(&app), json!("stored"));
    app.attach("db._table.todo.get.post_process", "require('rates.py')");
    let told = app.admin().get("db/_table/todo").refused(500);
    assert_eq!(told, "The library 'rates.py' is written in Python, and can't be loaded by a script in JavaScript.");
}

#[test]
fn packages_carry_libraries() {
    let (here, there) = (TestApp::start(), TestApp::start());
    library(&here, "tax", "javascript", "exports.gross = net => net * 2;").expect(201);
    let package = export(&here.admin(), json!({"service": {"system": {"script_library": ["tax"]}}}));
    import(&there.admin(), "", &package);
    there.attach("db._table.todo.get.post_process", TAXED);
    assert_eq!(answer(&there), json!(200));
}

#[test]
fn every_language_loads_libraries_by_name_and_pins_their_versions() {
    let app = TestApp::start();
    let languages = [
        ("nodejs", "exports.rate = () => N;", "event.response.content = require('tax').rate();"),
        ("typescript", "exports.rate = (): number => N;", "event.response.content = require('tax').rate() as number;"),
        ("python3", "def rate():\n    return N\n", "import tax\nevent.response.content = tax.rate()"),
        ("php", "function rate() { return N; }", "require_once 'tax.php'; $event['response']['content'] = rate();"),
    ];
    for (kind, library_text, script) in languages {
        for number in ["1", "2"] {
            library(&app, "tax", kind, &library_text.replace('N', number));
        }
        let first =
            app.admin().get("system/script_library/tax?fields=version").expect(200)["version"].as_u64().unwrap() - 1;
        for (config, expected) in [(json!({"libraries": {"tax": first}}), 1), (json!(null), 2)] {
            app.store("db._table.todo.get.post_process", json!({"type": kind, "content": script, "config": config}));
            assert_eq!(answer(&app), json!(expected), "{kind}");
        }
        library(&app, "tax", kind, &library_text.replace('N', "3"));
        assert_eq!(answer(&app), json!(3), "{kind}");
        app.admin().delete("system/script_library/tax").expect(200);
        assert!(app.admin().get("db/_table/todo").refused(500).contains("tax"), "{kind}");
    }
}
