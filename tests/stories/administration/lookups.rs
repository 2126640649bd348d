//! Named values: where they come from, which one wins, where they are put in, and who never learns the private ones
//! (system-and-users 6).

use super::people::{Client, DB, Person, SYSTEM, client, create, grant, person, role};
use crate::support::{Caller, TestApp, Value, json};

const MASK: &str = "**********";

fn lookup(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

fn private(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value, "private": true})
}

/// An app with a role that may do anything in the database, and a user of it.
struct Shop {
    app: TestApp,
    client: Client,
    role: i64,
    ann: Person,
}

impl Shop {
    fn open() -> Shop {
        let app = TestApp::start();
        let role = role(&app, "keeper", &[grant(DB, "*", 31)]);
        let client = client(&app, "shop", Some(role));
        let ann = person(&app, "ann_example", &[]);
        Shop { app, client, role, ann }
    }

    fn ann(&self) -> Caller<'_> {
        self.client.session(&self.app, &self.ann.token)
    }

    fn key_only(&self) -> Caller<'_> {
        self.client.key_only(&self.app)
    }

    fn give(&self, resource: &str, id: i64, relation: &str, lookups: &[Value]) {
        self.app.admin().patch(&format!("system/{resource}/{id}"), json!({ relation: lookups })).expect(200);
    }

    /// What a text becomes when a client sends it as the value of a record.
    fn stored(&self, caller: &Caller<'_>, text: &str) -> String {
        let stored = caller.post("db/_table/todo?fields=id,name", json!({"resource": [{"name": text}]})).expect(200);
        stored["resource"][0]["name"].as_str().unwrap().to_owned()
    }
}

#[test]
fn statement_171_known_names_are_replaced_and_unknown_ones_stay() {
    let shop = Shop::open();
    let email = shop.ann.email.as_str();
    let rows = json!({"resource": [{"name": email}, {"name": "{nothing}"}]});
    shop.app.admin().post("db/_table/todo", rows).expect(200);
    let found = |filter: &str| shop.ann().get(&format!("db/_table/todo?filter={filter}")).values("name");
    assert_eq!(found("name = '{user.email}'"), [email]);
    assert_eq!(found("name = {user.email}"), [email]);
    assert_eq!(found("name = '{nothing}'"), ["{nothing}"]);
    assert_eq!(found("name in ('{user.email}', '{nothing}')"), [email, "{nothing}"]);
    assert_eq!(
        shop.ann().get("db/_table/todo?filter=name = :who&params={\":who\":\"{user.email}\"}").values("name"),
        [email]
    );
}

#[test]
fn names_of_the_session_the_role_the_app_and_the_server() {
    let shop = Shop::open();
    let host = format!("http://{}", shop.app.address());
    let Shop { client, role, ann, .. } = &shop;
    let expected = [
        ("{user.id}", ann.id.to_string()),
        ("{user.name}", "ann_example".to_owned()),
        ("{user.display_name}", "ann_example".to_owned()),
        ("{user.username}", ann.email.clone()),
        ("{user.first_name}", "ann_example".to_owned()),
        ("{user.email}", ann.email.clone()),
        ("{user.is_sys_admin}", "false".to_owned()),
        ("{role.id}/{role.name}", format!("{role}/keeper")),
        ("{app.id}/{app.name}", format!("{}/shop", client.id)),
        ("{df.confirm_reset_url}", format!("{host}/confirm")),
        ("{df.host_url}", host),
        ("{df.name} {df.api_version}", "Antiphon 2.0".to_owned()),
        // Names that there are not, and what is no name.
        (
            "{user.password} {user.nothing} {df.nothing} {app.role_id}",
            "{user.password} {user.nothing} {df.nothing} {app.role_id}".to_owned(),
        ),
        ("{user.id {} { user.id } {\"a\":1}", "{user.id {} { user.id } {\"a\":1}".to_owned()),
    ];
    for (text, wanted) in expected {
        assert_eq!(shop.stored(&shop.ann(), text), wanted, "{text}");
    }
    assert_eq!(shop.stored(&shop.key_only(), "{user.id}/{app.name}"), "{user.id}/shop");
    assert_eq!(shop.stored(&shop.ann(), "{session.token}"), ann.token);
    assert_ne!(shop.stored(&shop.ann(), "{df.version}"), "{df.version}");
}

#[test]
fn statement_172_the_nearest_lookup_wins() {
    let shop = Shop::open();
    let name = |place: &str| lookup("place", place);
    assert_eq!(shop.stored(&shop.ann(), "{place}"), "{place}");
    create(&shop.app, "lookup", name("system"));
    assert_eq!(shop.stored(&shop.ann(), "{place}"), "system");
    shop.give("app", shop.client.id, "lookup_by_app_id", &[name("app")]);
    assert_eq!(shop.stored(&shop.ann(), "{place}"), "app");
    shop.give("role", shop.role, "role_lookup_by_role_id", &[name("role")]);
    assert_eq!(shop.stored(&shop.ann(), "{place}"), "role");
    shop.give("user", shop.ann.id, "lookup_by_user_id", &[name("user")]);
    assert_eq!(shop.stored(&shop.ann(), "{place}"), "user");
    assert_eq!(shop.stored(&shop.key_only(), "{place}"), "role");
    assert_eq!(shop.stored(&shop.app.admin(), "{place}"), "system");
}

#[test]
fn statement_173_private_lookups_are_not_for_what_clients_send() {
    let shop = Shop::open();
    create(&shop.app, "lookup", private("secret", "s3cret"));
    create(&shop.app, "lookup", lookup("both", "open"));
    shop.give("user", shop.ann.id, "lookup_by_user_id", &[private("mine", "m1ne"), private("both", "cl0sed")]);
    shop.app.admin().post("db/_table/todo", json!({"resource": [{"name": "s3cret"}, {"name": "m1ne"}]})).expect(200);
    for name in ["secret", "mine"] {
        let token = format!("{{{name}}}");
        assert_eq!(shop.stored(&shop.ann(), &token), token);
        for filter in
            [format!("name = '{token}'"), format!("name = '{{trim({name})}}'"), format!("name like '{token}'")]
        {
            let found = shop.ann().get(&format!("db/_table/todo?filter={filter}")).values("name");
            assert!(found.iter().all(|found| found.as_str().unwrap().starts_with('{')), "{filter}: {found:?}");
        }
    }
    // Of two of one name, clients get the open one.
    assert_eq!(shop.stored(&shop.ann(), "{both}"), "open");
    // A script's session does not have them either.
    shop.app.attach("db._table.contact.get.pre_process", "event.response = {content: platform.session};");
    let session = shop.ann().get("db/_table/contact").expect(200);
    assert_eq!(session["lookup"], json!({"both": "open"}));
    assert!(!session.to_string().contains("s3cret") && session.get("lookup_secret").is_none());
}

#[test]
fn private_lookups_are_for_role_filters_and_scripts() {
    let shop = Shop::open();
    let mut todos = grant(DB, "_table/todo/*", 31);
    todos["filters"] = json!([{"name": "name", "operator": "=", "value": "{only}"}]);
    shop.app
        .admin()
        .post(
            "system/role?fields=id",
            json!({"resource": [{
                "name": "filtered", "is_active": true, "role_service_access_by_role_id": [todos],
                "lookup_by_role_id": [private("only", "call Bob")],
            }]}),
        )
        .expect(201);
    let id = shop.app.admin().get("system/role?filter=name='filtered'").values("id")[0].as_i64().unwrap();
    let narrow = client(&shop.app, "narrow", Some(id));
    assert_eq!(narrow.key_only(&shop.app).get("db/_table/todo").values("name"), ["call Bob"]);
    create(&shop.app, "lookup", private("greeting", "hello"));
    shop.app.attach("db._table.contact.get.pre_process", "event.response = {content: '{greeting} {nobody}'};");
    assert_eq!(shop.ann().get("db/_table/contact").expect(200), "hello {nobody}");
}

#[test]
fn statement_174_modifiers_nest_and_unlisted_functions_stay() {
    let shop = Shop::open();
    create(&shop.app, "lookup", lookup("words", " two Words "));
    for (text, wanted) in [
        ("{strtoupper(user.first_name)}", "ANN_EXAMPLE"),
        ("{ucfirst(user.first_name)}", "Ann_example"),
        ("{ucwords(trim(words))}", "Two Words"),
        ("{urlencode(trim(words))}", "two+Words"),
        ("{rawurlencode(trim(words))}", "two%20Words"),
        ("{base64_decode(base64_encode(trim(words)))}", "two Words"),
        ("{lcfirst(strtoupper(trim(words)))}", "tWO WORDS"),
        ("{system(words)} {strtoupper(nothing)} {trim(words}", "{system(words)} {strtoupper(nothing)} {trim(words}"),
    ] {
        assert_eq!(shop.stored(&shop.ann(), text), wanted, "{text}");
    }
}

#[test]
fn a_lookup_adds_no_syntax_and_names_no_other_lookup() {
    let shop = Shop::open();
    create(&shop.app, "lookup", lookup("evil", "x' or 1=1 or name='"));
    create(&shop.app, "lookup", lookup("twice", "{user.email}"));
    assert_eq!(shop.ann().get("db/_table/todo?filter=name = '{evil}'").values("id"), Vec::<Value>::new());
    assert_eq!(shop.stored(&shop.ann(), "{twice}"), "{user.email}");
}

#[test]
fn a_lookup_is_in_force_with_the_next_call() {
    let shop = Shop::open();
    let id = create(&shop.app, "lookup", lookup("word", "one"));
    assert_eq!(shop.stored(&shop.ann(), "{word}"), "one");
    shop.app.admin().patch(&format!("system/lookup/{id}"), json!({"value": "two"})).expect(200);
    assert_eq!(shop.stored(&shop.ann(), "{word}"), "two");
    shop.app.admin().patch(&format!("system/lookup/{id}"), json!({"private": true})).expect(200);
    assert_eq!(shop.stored(&shop.ann(), "{word}"), "{word}");
    shop.app.admin().delete(&format!("system/lookup/{id}")).expect(200);
    assert_eq!(shop.stored(&shop.ann(), "{word}"), "{word}");
}

#[test]
fn statement_156_nobody_reads_a_private_value() {
    let shop = Shop::open();
    let id = create(&shop.app, "lookup", private("secret", "s3cret"));
    shop.give("user", shop.ann.id, "lookup_by_user_id", &[private("mine", "s3cret")]);
    shop.give("role", shop.role, "lookup_by_role_id", &[private("ours", "s3cret")]);
    let admin = shop.app.admin();
    for path in [
        format!("system/lookup/{id}"),
        format!("system/lookup/{id}?fields=value"),
        "system/lookup?fields=*&include_schema=true".to_owned(),
        "system/lookup?group=value&fields=value".to_owned(),
        format!("system/user/{}?related=lookup_by_user_id", shop.ann.id),
        format!("system/role/{}?related=lookup_by_role_id", shop.role),
        "system/role?fields=name&related=role_lookup_by_role_id".to_owned(),
    ] {
        let answer = admin.get(&path);
        assert!(!answer.body().to_string().contains("s3cret"), "{answer:?}");
    }
    assert_eq!(admin.get(&format!("system/lookup/{id}")).expect(200)["value"], MASK);
    admin.patch(&format!("system/lookup/{id}"), json!({"value": MASK, "description": "kept"})).expect(200);
    shop.app.attach("db._table.contact.get.pre_process", "event.response = {content: '{secret}'};");
    assert_eq!(shop.ann().get("db/_table/contact").expect(200), "s3cret");
    // Those who are no administrators do not even learn that there are any, and can't change them.
    let everything = role(&shop.app, "everything", &[grant(SYSTEM, "*", 31)]);
    let everything = client(&shop.app, "everything", Some(everything));
    let caller = everything.key_only(&shop.app);
    assert_eq!(caller.get("system/lookup").values("name"), Vec::<Value>::new());
    caller.get(&format!("system/lookup/{id}")).refused(404);
    caller.patch(&format!("system/lookup/{id}"), json!({"private": false})).refused(404);
    caller.delete(&format!("system/lookup/{id}")).refused(404);
    for path in ["system/user", "system/role", "system/app"] {
        let relation = path.replace("system/", "");
        let answer = caller.get(&format!("{path}?related=lookup_by_{relation}_id"));
        assert!(
            !answer.body().to_string().contains("mine") && !answer.body().to_string().contains("ours"),
            "{answer:?}"
        );
    }
}

#[test]
fn the_database_of_a_service_may_be_named_by_lookups() {
    let shop = Shop::open();
    let config = json!({"database": "of_{tenant}.sqlite3"});
    let service = json!({"name": "own", "label": "Own", "is_active": true, "type": "sqlite", "config": config});
    let id = create(&shop.app, "service", service);
    let shopper = role(&shop.app, "shopper", &[grant(id, "*", 31)]);
    let client = client(&shop.app, "own", Some(shopper));
    let [bob, eve] = ["bob_example", "eve_example"].map(|name| {
        let user = person(&shop.app, name, &[]);
        shop.give("user", user.id, "lookup_by_user_id", &[private("tenant", name)]);
        user
    });
    let table =
        json!({"resource": [{"name": "t", "field": [{"name": "id", "type": "id"}, {"name": "n", "type": "string"}]}]});
    for user in [&bob, &eve] {
        let caller = client.session(&shop.app, &user.token);
        caller.post("own/_schema", table.clone()).expect(200);
        caller.post("own/_table/t", json!({"resource": [{"n": user.email}]})).expect(200);
    }
    for user in [&bob, &eve] {
        assert_eq!(client.session(&shop.app, &user.token).get("own/_table/t").values("n"), [user.email.as_str()]);
    }
    // Nobody gets a database by a name that was never resolved; the list of components is there for everybody.
    let message = client.key_only(&shop.app).get("own/_table").refused(400);
    assert!(message.contains("'of_{tenant}.sqlite3'"), "{message}");
    let list = shop.app.admin().get("own?as_access_list=true").expect(200);
    assert_eq!(list["resource"], json!(["", "*", "_schema/", "_schema/*", "_table/", "_table/*"]));
    shop.app.admin().get("system/event?service=own").expect(200);
    let files: Vec<_> =
        std::fs::read_dir(shop.app.folder().join("databases")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(
        files.iter().any(|file| file == "of_bob_example.sqlite3")
            && !files.iter().any(|file| file.to_string_lossy().contains('{'))
    );
}

#[test]
fn a_lookup_leads_out_of_the_folder_of_databases_for_nobody() {
    let shop = Shop::open();
    let config = json!({"database": "{user.name}"});
    let service = json!({"name": "own", "label": "Own", "is_active": true, "type": "sqlite", "config": config});
    let id = create(&shop.app, "service", service);
    let client = client(&shop.app, "own", Some(role(&shop.app, "own", &[grant(id, "*", 31)])));
    let caller = client.session(&shop.app, &shop.ann.token);
    for name in ["../system.sqlite3", "/tmp/x.sqlite3", "a/../../system.sqlite3"] {
        shop.app.admin().patch(&format!("system/user/{}", shop.ann.id), json!({"name": name})).expect(200);
        caller.get("own/_table").refused(400);
    }
    shop.app.admin().patch(&format!("system/user/{}", shop.ann.id), json!({"name": "ann.sqlite3"})).expect(200);
    caller.get("own/_table").expect(200);
}

#[test]
fn no_service_opens_the_system_database() {
    let shop = Shop::open();
    let path = shop.app.folder().join("system.sqlite3");
    let config = json!({"database": path.to_str().unwrap()});
    create(
        &shop.app,
        "service",
        json!({"name": "inside", "label": "x", "is_active": true, "type": "sqlite", "config": config}),
    );
    let message = shop.app.admin().get("inside/_table").refused(400);
    assert!(message.contains("system database"), "{message}");
}
