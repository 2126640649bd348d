//! Secrets in the body of a request, which scripts see as a mask: passwords, keys of services (system-and-users 4.2, 5).
//!
//! The request itself keeps them. Only what a script is shown is masked, and masks that come back from it stand for what they
//! hid.

use antiphon_model::{Object, Request, Value};

/// What stands for a secret wherever it must not be told; sent to a service, it leaves the secret as it is.
pub const MASK: &str = "**********";

/// Who may see a member of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Every script.
    Open,
    /// Scripts that may change the call: they could also change what becomes of the secret.
    Restricted,
    /// No script.
    Hidden,
}

/// Tells by the name of a member how secret it is.
pub type SecrecyOf = fn(&str) -> Secrecy;

/// The body as a script may see it; none when it may see all of it.
pub(crate) fn masked(request: &Request, secrecy: Option<SecrecyOf>, may_modify: bool) -> Option<Value> {
    let secrecy = secrecy?;
    let is_hidden = |name: &str| match secrecy(name) {
        Secrecy::Open => false,
        Secrecy::Restricted => !may_modify,
        Secrecy::Hidden => true,
    };
    let mut shown = request.payload.clone();
    mask(&mut shown, &is_hidden).then_some(shown)
}

/// Masks every member below whose name says that it is a secret, unless it is empty; tells whether there was one.
pub fn mask(value: &mut Value, is_hidden: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().fold(false, |found, item| mask(item, is_hidden) | found),
        Value::Object(members) => members.iter_mut().fold(false, |found, (name, member)| {
            let is_empty = member.is_null() || member.as_str().is_some_and(str::is_empty);
            match is_hidden(name) && !is_empty {
                true => {
                    *member = Value::from(MASK);
                    true
                }
                false => mask(member, is_hidden) | found,
            }
        }),
        _ => false,
    }
}

/// Puts what masks hid back into what a script changed.
pub(super) fn unmask_changes(changed: &mut Object, original: &Value) {
    if let Some(payload) = changed.get_mut("payload") {
        unmask(payload, original);
    }
    if let Some(Value::String(content)) = changed.get_mut("content")
        && content.contains(MASK)
        && let Ok(mut payload) = serde_json::from_str::<Value>(content)
    {
        unmask(&mut payload, original);
        *content = payload.to_string();
    }
}

/// Puts what masks hid back, from the value that was masked.
pub fn unmask(value: &mut Value, original: &Value) {
    match (value, original) {
        // A list that has grown or shrunk no longer says which of its items was which.
        (Value::Array(items), Value::Array(originals)) if items.len() == originals.len() => {
            items.iter_mut().zip(originals).for_each(|(item, original)| unmask(item, original));
        }
        (Value::Object(members), Value::Object(originals)) => {
            for (name, member) in members {
                if let Some(original) = originals.get(name) {
                    unmask(member, original);
                }
            }
        }
        (member, original) if member == MASK => *member = original.clone(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::{Verb, json};

    fn secrecy(name: &str) -> Secrecy {
        match name {
            "password" => Secrecy::Restricted,
            "key" => Secrecy::Hidden,
            _ => Secrecy::Open,
        }
    }

    fn request(payload: Value) -> Request {
        Request { payload, ..Request::new(Verb::Post, "system", "service") }
    }

    #[test]
    fn what_a_script_sees_depends_on_what_it_may_do() {
        let request = request(json!({"resource": [{"config": {"password": "p", "key": "k", "host": "h"}}]}));
        let shown = |may_modify| masked(&request, Some(secrecy), may_modify).unwrap();
        let config =
            |password: &str| json!({"resource": [{"config": {"password": password, "key": MASK, "host": "h"}}]});
        assert_eq!(shown(true), config("p"));
        assert_eq!(shown(false), config(MASK));
        assert_eq!(masked(&request, None, false), None);
    }

    #[test]
    fn nothing_is_masked_where_there_is_no_secret() {
        for payload in [Value::Null, json!("key"), json!({"key": null, "password": "", "name": "key"})] {
            assert_eq!(masked(&request(payload), Some(secrecy), false), None);
        }
        let nested = request(json!({"key": {"a": 1}, "password": 7}));
        assert_eq!(masked(&nested, Some(secrecy), false), Some(json!({"key": MASK, "password": MASK})));
    }

    #[test]
    fn a_mask_that_comes_back_stands_for_what_it_hid() {
        let original = json!({"resource": [{"key": "k", "name": "a"}, {"key": "l"}]});
        let text = json!({"resource": [{"key": MASK, "name": "b"}, {"key": "new"}]}).to_string();
        let mut changed = Object::from_iter([
            ("payload".to_owned(), json!({"resource": [{"key": MASK, "name": "b"}, {"key": "new"}], "more": MASK})),
            ("content".to_owned(), json!(text)),
        ]);
        unmask_changes(&mut changed, &original);
        let restored = json!({"resource": [{"key": "k", "name": "b"}, {"key": "new"}]});
        assert_eq!(changed["payload"]["resource"], restored["resource"]);
        assert_eq!(changed["payload"]["more"], MASK);
        assert_eq!(changed["content"], json!(restored.to_string()));
    }

    #[test]
    fn secrets_never_wander_to_another_record_when_the_list_changed_its_length() {
        let original = json!([{"key": "k"}, {"key": "l"}]);
        let mut changed = Object::from_iter([("payload".to_owned(), json!([{"key": MASK}]))]);
        unmask_changes(&mut changed, &original);
        assert_eq!(changed["payload"], json!([{"key": MASK}]));
    }
}
