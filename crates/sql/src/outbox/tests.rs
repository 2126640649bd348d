use super::*;
use crate::sandbox::Sandbox;
use antiphon_model::{Error, Verb, json};
use parking_lot::Mutex;

/// Leaves the answer as a message, and remembers how the transaction ended.
#[derive(Default)]
struct Noted {
    fails: bool,
    end: Mutex<Vec<&'static str>>,
}

impl Followup for Noted {
    fn messages(&self, answer: &Value) -> Result<Vec<OutboxMessage>> {
        if self.fails {
            return Err(Error::bad_request("no"));
        }
        let payload = answer.to_string().into_bytes();
        let message = |id: &str| OutboxMessage {
            id: id.into(),
            owner: "me".into(),
            is_final: false,
            envelope: "{}".into(),
            payload: payload.clone(),
        };
        Ok(vec![message("1"), message("2")])
    }

    fn committed(&self) {
        self.end.lock().push("committed");
    }

    fn undone(&self) {
        self.end.lock().push("undone");
    }
}

fn followed(fails: bool) -> (Sandbox, &'static Noted) {
    let noted: &'static Noted = Box::leak(Box::new(Noted { fails, ..Noted::default() }));
    let mut sandbox = Sandbox::with_tables();
    sandbox.followup = Some(noted);
    (sandbox, noted)
}

fn carried(sandbox: &Sandbox) -> Vec<Value> {
    let ids = sandbox.database.list_messages("", 10).unwrap().into_iter().map(|listed| listed.id).collect::<Vec<_>>();
    let messages = sandbox.database.messages(&ids).unwrap();
    messages.iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
}

type Write<'w> = &'w dyn Fn(&Sandbox) -> Result<Value>;

#[test]
fn every_kind_of_write_leaves_its_messages_in_its_own_transaction() {
    let account = json!({"resource": [{"name": "Initech"}]});
    let created = |sandbox: &Sandbox| sandbox.call(Verb::Post, "account", account.clone());
    let changed = |sandbox: &Sandbox| sandbox.call(Verb::Patch, "account/1", json!({"name": "Apex"}));
    let matched =
        |sandbox: &Sandbox| sandbox.call(Verb::Patch, "todo?filter=priority=2", json!({"resource": [{"note": "x"}]}));
    let deleted = |sandbox: &Sandbox| sandbox.call(Verb::Delete, "todo/1", Value::Null);
    let filtered = |sandbox: &Sandbox| sandbox.call(Verb::Delete, "todo?filter=priority=3", Value::Null);
    let emptied = |sandbox: &Sandbox| sandbox.call(Verb::Delete, "todo?force=true", Value::Null);
    let writes: [Write<'_>; 6] = [&created, &changed, &matched, &deleted, &filtered, &emptied];
    for write in writes {
        let (sandbox, noted) = followed(false);
        let answer = write(&sandbox).unwrap();
        assert_eq!((carried(&sandbox), noted.end.lock().clone()), (vec![answer.clone(), answer], vec!["committed"]));
    }
}

#[test]
fn a_write_that_is_undone_leaves_nothing() {
    let twice = json!({"resource": [{"name": "Initech"}, {"name": "Globex"}]});
    let refused = |sandbox: &Sandbox| sandbox.call(Verb::Post, "account?rollback=true", twice.clone());
    let missing = |sandbox: &Sandbox| sandbox.call(Verb::Patch, "account/99", json!({"name": "Nobody"}));
    let nothing = |sandbox: &Sandbox| sandbox.call(Verb::Post, "account", json!({"resource": [{"name": "Acme"}]}));
    let writes: [Write<'_>; 3] = [&refused, &missing, &nothing];
    for write in writes {
        let (sandbox, noted) = followed(false);
        assert!(write(&sandbox).is_err());
        assert_eq!((carried(&sandbox).len(), noted.end.lock().clone()), (0, vec!["undone"]));
    }
}

#[test]
fn what_a_failed_batch_did_store_has_its_messages() {
    let (sandbox, noted) = followed(false);
    let batch = json!({"resource": [{"name": "Initech"}, {"name": "Globex"}]});
    assert!(sandbox.call(Verb::Post, "account?continue=true", batch).is_err());
    assert_eq!(carried(&sandbox)[0], json!({"resource": [{"id": 3}]}));
    assert_eq!(*noted.end.lock(), ["committed"]);
}

#[test]
fn a_write_does_not_fail_because_of_its_messages() {
    let (sandbox, noted) = followed(true);
    sandbox.call(Verb::Patch, "account/1", json!({"name": "Apex"})).unwrap();
    assert_eq!((carried(&sandbox).len(), noted.end.lock().len()), (0, 0));
    let (sandbox, noted) = followed(false);
    sandbox.run("CREATE TABLE _antiphon_outbox (something_else integer)");
    sandbox.call(Verb::Patch, "account/1", json!({"name": "Apex"})).unwrap();
    assert!(noted.end.lock().is_empty());
}

#[test]
fn messages_are_replaced_read_one_by_one_and_removed_and_nobody_sees_their_table() {
    let (sandbox, _noted) = followed(false);
    assert_eq!(sandbox.database.list_messages("", 10).unwrap(), []);
    sandbox.call(Verb::Patch, "account/1", json!({"name": "Apex"})).unwrap();
    let mut first = sandbox.database.messages(&["0".to_owned(), "1".to_owned()]).unwrap().remove(0);
    first.is_final = true;
    sandbox.database.put_messages(std::slice::from_ref(&first)).unwrap();
    sandbox.database.remove_messages(&["2".to_owned(), "unknown".to_owned()]).unwrap();
    let bytes = first.payload.len();
    let entry = OutboxEntry { id: "1".into(), owner: "me".into(), is_final: true, bytes };
    assert_eq!(sandbox.database.list_messages("", 10).unwrap(), [entry]);
    assert_eq!(sandbox.database.list_messages("1", 10).unwrap(), []);
    assert_eq!(sandbox.database.messages(&["1".to_owned(), "2".to_owned()]).unwrap(), [first]);
    sandbox.database.refresh();
    assert!(sandbox.database.table(TABLE).is_err());
}
