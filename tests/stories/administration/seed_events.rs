//! The events that the seed document names, letter by letter, are listed and fire (statements 132 to 134).

use crate::support::{JANE, TestApp, Value, json};
use std::collections::BTreeSet;

/// The seed's lists: authentication services, system resources, and some others. What it says of one common resource holds
/// for each of [`COMMON`].
const NAMED: &str = "
    user.get user.password.post user.profile.get user.profile.post user.register.post
    user.session.get user.session.post user.session.delete
    user.custom.get user.custom.post user.custom.patch user.custom.delete
    user.custom.{id}.get user.custom.{id}.patch user.custom.{id}.delete
    system.get
    system.service.get system.service.post system.service.patch system.service.delete
    system.service.{id}.get system.service.{id}.patch system.service.{id}.delete
    system.cache.delete system.cache.{service}.delete system.config.get system.config.post
    system.constant.get system.constant.{type}.get system.environment.get
    system.event.get system.event.{event_name}.get system.event.{event_name}.post system.event.{event_name}.delete
    system.service_type.get system.script_type.get system.package.get system.package.post";

/// The common resources.
const COMMON: [&str; 8] = ["admin", "app", "app_group", "custom", "cors", "role", "service", "user"];

fn seed_events() -> Vec<String> {
    let (common, others): (Vec<&str>, Vec<&str>) =
        NAMED.split_whitespace().partition(|event| event.starts_with("system.service."));
    let of_each = COMMON.iter().flat_map(|resource| {
        common.iter().map(move |event| event.replacen("system.service", &format!("system.{resource}"), 1))
    });
    others.into_iter().map(str::to_owned).chain(of_each).collect()
}

fn listed(app: &TestApp, query: &str) -> BTreeSet<String> {
    let list = app.admin().get(&format!("system/event?as_list=true{query}")).expect(200);
    list["resource"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn statement_134_every_event_of_the_seed_is_listed_with_each_type() {
    let app = TestApp::start();
    let (bases, typed) = (listed(&app, ""), listed(&app, "&scriptable=true"));
    assert_eq!(seed_events().len(), 87, "the lists of the seed are complete");
    for event in seed_events() {
        assert!(bases.contains(&event), "{event} is not listed");
        for kind in ["pre_process", "post_process", "queued"] {
            assert!(typed.contains(&format!("{event}.{kind}")), "{event}.{kind} is not listed");
        }
    }
}

#[test]
fn statement_132_a_refused_call_fires_no_event_of_the_seed() {
    let app = TestApp::start();
    let scripts: Vec<Value> = seed_events()
        .into_iter()
        .filter(|event| event.starts_with("system.") && !event.contains("environment"))
        .map(|event| {
            json!({
                "name": format!("{event}.pre_process"), "type": "javascript", "is_active": true,
                "allow_event_modification": true, "content": "event.response = {status_code: 299};",
            })
        })
        .collect();
    app.admin().post("system/event_script", json!({"resource": scripts})).expect(201);
    for path in ["system", "system/role", "system/role/1", "system/admin", "system/config", "system/package"] {
        assert_eq!(app.admin().get(path).status(), 299, "{path}");
        app.user().get(path).refused(403);
        app.key_only().get(path).refused(401);
        app.anonymous().get(path).refused(400);
    }
}

#[test]
fn statement_133_scripts_after_a_log_in_run_whether_it_succeeds_or_not() {
    let app = TestApp::start();
    app.attach("user.session.post.post_process", "event.response.content = {seen: event.response.status_code};");
    let log_in = |password: &str| app.anonymous().post("user/session", json!({"email": JANE.0, "password": password}));
    assert_eq!(log_in(JANE.1).expect(200), json!({"seen": 200}));
    assert_eq!(log_in("not hers").expect(401), json!({"seen": 401}));
}
