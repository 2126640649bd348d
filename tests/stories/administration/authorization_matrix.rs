//! Every route of the system, of users and of a database, called with every verb by everybody, against one table of what must
//! come of it: `authorization_matrix.txt`. A route without a line fails, and so does a line without a route.

use super::people::{Client, DB, PASSWORD, SYSTEM, client, grant, person, role};
use crate::support::{Answer, Caller, TestApp, json};
use std::collections::{BTreeMap, BTreeSet};

const TABLE: &str = include_str!("authorization_matrix.txt");
const VERBS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// In the order of the table's columns.
const CALLERS: [&str; 5] = ["nobody", "key", "no role", "role", "admin"];

/// What must come of each route and verb, caller by caller.
type Matrix = BTreeMap<(String, &'static str), Vec<String>>;

fn expected() -> Matrix {
    let mut matrix = Matrix::new();
    let lines = TABLE.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [path, verbs, cells @ ..] = &words[..] else { panic!("not a line of the table: {line}") };
        assert_eq!(cells.len(), CALLERS.len(), "{line}");
        let named: Vec<&str> = verbs.split(',').collect();
        assert!(named.iter().all(|verb| *verb == "other" || VERBS.contains(verb)), "{line}");
        for verb in VERBS {
            let taken = matrix.contains_key(&((*path).to_owned(), verb));
            if named.contains(&verb) || (named == ["other"] && !taken) {
                assert!(!taken, "twice in the table: {line}");
                matrix.insert(((*path).to_owned(), verb), cells.iter().map(|cell| (*cell).to_owned()).collect());
            }
        }
    }
    matrix
}

/// The routes as the server lists them for scripts: `system.role.{id}.get` is `GET system/role/{id}`.
fn routes(app: &TestApp) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for service in ["system", "user", "db"] {
        let list = app.admin().get(&format!("system/event?as_list=true&service={service}")).expect(200);
        for name in list["resource"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            let api_event =
                name.rsplit_once('.').filter(|(_, verb)| VERBS.iter().any(|known| known.eq_ignore_ascii_case(verb)));
            found.extend(api_event.map(|(path, _)| path.replace('.', "/")));
        }
    }
    found
}

/// Who calls. They log in anew where a call may have ended their sessions.
struct People {
    app: TestApp,
    bare: Client,
    readers: Client,
    user: String,
}

impl People {
    fn new() -> People {
        let app = TestApp::start();
        let bare = client(&app, "bare", None);
        let reader = role(&app, "reader", &[grant(SYSTEM, "*", 1), grant(7, "*", 1), grant(DB, "*", 1)]);
        let readers = client(&app, "readers", Some(reader));
        let user = person(&app, "ann_example", &[]);
        People { app, bare, readers, user: user.email }
    }

    fn token(&self) -> String {
        let session = json!({"email": self.user, "password": PASSWORD});
        let session = self.app.anonymous().post("user/session", session).expect(200);
        session["session_token"].as_str().unwrap().to_owned()
    }

    fn admin_token(&self) -> String {
        let session = json!({"email": "admin@example.com", "password": "AdminPassw0rd"});
        let session = self.app.anonymous().post("system/admin/session", session).expect(200);
        session["session_token"].as_str().unwrap().to_owned()
    }

    fn callers(&self) -> [Caller<'_>; 5] {
        [
            self.app.anonymous(),
            self.bare.key_only(&self.app),
            self.bare.session(&self.app, &self.token()),
            self.readers.session(&self.app, &self.token()),
            self.app.anonymous().with("X-DreamFactory-Session-Token", &self.admin_token()),
        ]
    }
}

/// A call that changes nothing even where it is let in: no such record, nothing in the body.
fn call(caller: &Caller<'_>, verb: &str, route: &str) -> Answer {
    let segments = route.split('/').map(|segment| match segment {
        "{id}" => "999",
        segment if segment.starts_with('{') => "nosuch",
        segment => segment,
    });
    let path = segments.collect::<Vec<_>>().join("/");
    match verb {
        "GET" => caller.get(&path),
        "POST" => caller.post(&path, json!({})),
        "PUT" => caller.put(&path, json!({})),
        "PATCH" => caller.patch(&path, json!({})),
        _ => caller.delete(&path),
    }
}

/// The word of the table for an answer.
fn outcome(answer: &Answer) -> &'static str {
    let message = answer.body()["error"]["message"].as_str().unwrap_or_default();
    match answer.status() {
        400 if message.starts_with("No session token (JWT) or API Key") => "no-credentials",
        400 if message.starts_with("No session token (JWT) provided") => "no-session",
        401 => "401",
        403 if message.starts_with("Role not found") => "no-role",
        403 => "403",
        501 => "in",
        500.. | 0 => "broken",
        _ => "in",
    }
}

#[test]
fn every_route_does_for_everybody_what_the_table_says() {
    let people = People::new();
    let expected = expected();
    let listed: BTreeSet<String> = expected.keys().map(|(path, _)| path.clone()).collect();
    let routes = routes(&people.app);
    let without_line: Vec<_> = routes.difference(&listed).collect();
    let without_route: Vec<_> = listed.difference(&routes).collect();
    assert!(without_line.is_empty(), "routes without a line in the table: {without_line:?}");
    assert!(without_route.is_empty(), "lines in the table without a route: {without_route:?}");

    let mut wrong = Vec::new();
    let mut callers = people.callers();
    for ((path, verb), cells) in &expected {
        for ((caller, name), wanted) in callers.iter().zip(CALLERS).zip(cells) {
            let answer = call(caller, verb, path);
            if outcome(&answer) != wanted {
                wrong.push(format!("{verb} {path} as {name}: {wanted} expected, but: {answer:?}"));
            }
        }
        if path.ends_with("/session") {
            callers = people.callers();
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(expected.len(), listed.len() * VERBS.len(), "every route needs a word on every verb");
}
