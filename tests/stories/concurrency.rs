//! Many callers at once.

use crate::support::{TestApp, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const CALLERS: usize = 8;
const CALLS: usize = 20;

#[test]
fn a_script_is_changed_under_load_and_every_call_sees_a_whole_one() {
    let app = TestApp::start();
    let source = |word: &str| {
        format!(
            "event.request.headers.word = '{word}'; event.response = {{content: event.request.headers.word + '{word}'}};"
        )
    };
    app.attach("db._table.todo.get.pre_process", &source("old"));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    (0..CALLS).all(|_| {
                        let word = app.user().get("db/_table/todo").expect(200);
                        word == "oldold" || word == "newnew"
                    })
                })
            })
            .collect();
        let changer = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for word in ["new", "old"] {
                    app.attach("db._table.todo.get.pre_process", &source(word));
                    assert_eq!(
                        app.user().get("db/_table/todo").expect(200),
                        format!("{word}{word}"),
                        "a saved script is in force at once"
                    );
                }
            }
        });
        let fine: Vec<bool> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        changer.join().unwrap();
        assert!(fine.iter().all(|fine| *fine));
    });
}

#[test]
fn scripts_that_write_from_many_calls_lose_nothing() {
    let app = TestApp::start();
    app.attach("db._table.todo.post.pre_process", "
        const written = platform.api.post('db/_table/journal', {resource: [{entry: event.request.payload.resource[0].name}]});
        if (written.status_code !== 200) throw JSON.stringify(written.content);");
    app.attach(
        "db._table.todo.post",
        "
        platform.api.patch('db/_table/account/1', {name: 'seen'});",
    );
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let app = &app;
            scope.spawn(move || {
                for call in 0..CALLS {
                    app.user()
                        .post("db/_table/todo", json!({"resource": [{"name": format!("{caller}-{call}")}]}))
                        .expect(200);
                }
            });
        }
    });
    assert_eq!(app.count("todo"), 3 + (CALLERS * CALLS) as u64);
    let mut entries = app.ran();
    entries.sort();
    entries.dedup();
    assert_eq!(entries.len(), CALLERS * CALLS);
}

#[test]
fn callers_do_not_see_each_others_session() {
    let app = TestApp::start();
    app.attach(
        "db._table.todo.get.pre_process",
        "
        const before = platform.session.user?.email ?? 'nobody';
        platform.api.get('db/_table/todo/1');
        event.response = {content: [before, platform.session.user?.email ?? 'nobody']};",
    );
    thread::scope(|scope| {
        for _ in 0..CALLS {
            scope.spawn(|| {
                assert_eq!(
                    app.user().get("db/_table/todo").expect(200),
                    json!(["jane@example.com", "jane@example.com"])
                )
            });
            scope.spawn(|| assert_eq!(app.key_only().get("db/_table/todo").expect(200), json!(["nobody", "nobody"])));
            scope.spawn(|| {
                assert_eq!(
                    app.admin().get("db/_table/todo").expect(200),
                    json!(["admin@example.com", "admin@example.com"])
                )
            });
        }
    });
}
