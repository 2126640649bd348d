//! E-mail templates: texts with `{names}` that are filled in (system-and-users 4.6, 6).

use crate::database::SessionLookups;
use crate::system::SystemStore;
use crate::system::store::{required_text, text};
use antiphon_model::{Object, Result, Session, Value};
use antiphon_sql::lookup::{Lookups, replace};
use antiphon_sql::statement::Bound;

const COLUMNS: &str = "SELECT subject, body_text, body_html, defaults FROM email_template";

/// A template as stored.
pub(super) struct Template {
    subject: String,
    text: String,
    html: String,
    defaults: Object,
}

impl Template {
    pub(super) fn by_id(store: &SystemStore, id: i64) -> Result<Option<Template>> {
        Template::read(store, &format!("{COLUMNS} WHERE id = ?"), Bound::Integer(id))
    }

    pub(super) fn by_name(store: &SystemStore, name: &str) -> Result<Option<Template>> {
        Template::read(store, &format!("{COLUMNS} WHERE name = ?"), Bound::Text(name.to_owned()))
    }

    fn read(store: &SystemStore, sql: &str, key: Bound) -> Result<Option<Template>> {
        store.one(sql, &[key], |row| Template {
            subject: required_text(row, 0),
            text: required_text(row, 1),
            html: required_text(row, 2),
            defaults: text(row, 3).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
        })
    }

    /// Subject, text and HTML with everything filled in. A name stands for a member of `data`, else for a public lookup of the
    /// session, else for a default of the template; others stay as they are. Private lookups are never in mail.
    pub(super) fn render(&self, data: &Value, session: &Session) -> (String, String, String) {
        let lookups = SessionLookups(session);
        let find = |name: &str| {
            let written = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                // A person without that name: better nothing than `{last_name}` in a mail.
                Value::Null => Some(String::new()),
                _ => None,
            };
            data.get(name)
                .and_then(written)
                .or_else(|| lookups.lookup(name, false))
                .or_else(|| self.defaults.get(name).and_then(written))
        };
        let plain = |name: &str, _: bool| find(name);
        let markup = |name: &str, _: bool| find(name).map(|text| escaped(&text));
        let subject: String = replace(&self.subject, &plain, false).chars().filter(|c| !c.is_control()).collect();
        (subject, replace(&self.text, &plain, false).into_owned(), replace(&self.html, &markup, false).into_owned())
    }
}

/// Text inside HTML, attributes included.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::{Lookup, json};

    #[test]
    fn names_are_filled_in_and_never_become_markup_or_header_lines() {
        let template = Template {
            subject: "Hello {first_name}".into(),
            text: "{first_name} {last_name}|{company}|{secret}|{city}|{unknown}".into(),
            html: "<a href=\"{link}\">{first_name}</a>".into(),
            defaults: json!({"city": "Bern"}).as_object().cloned().unwrap(),
        };
        let lookup = |name: &str, value: &str, private| Lookup { name: name.into(), value: value.into(), private };
        let lookups = vec![lookup("company", "Acme", false), lookup("secret", "s3cret", true)];
        let session = Session { lookups: lookups.into(), ..Session::default() };
        let data = json!({"first_name": "<b>\r\nBcc: x@y.z", "last_name": null, "link": "http://h/?a=1&b=\"2\""});
        let (subject, text, html) = template.render(&data, &session);
        assert_eq!(subject, "Hello <b>Bcc: x@y.z");
        assert!(text.ends_with(" |Acme|{secret}|Bern|{unknown}"), "{text}");
        assert_eq!(html, "<a href=\"http://h/?a=1&amp;b=&quot;2&quot;\">&lt;b&gt;\r\nBcc: x@y.z</a>");
    }
}
