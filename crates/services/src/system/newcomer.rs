//! People who make an account for themselves: the first administrator, and users who register (system-and-users 2.4, 2.6).
//!
//! Only the fields named here are taken over; whatever else a request holds is nobody's business.

use super::SystemStore;
use super::store::integer;
use antiphon_gateway::identity::{IdentityStore as _, Passwords, check_password_rules};
use antiphon_model::{Error, Limits, Object, Result, Value, json};
use antiphon_sql::statement::Bound;

/// Shortest user name that a person may choose; an e-mail address may be shorter.
const USERNAME_CHARS: usize = 6;
/// Optional fields and how many characters they may have.
const FIELDS: [(&str, usize); 8] = [
    ("email", 255),
    ("username", 255),
    ("name", 255),
    ("display_name", 255),
    ("first_name", 64),
    ("last_name", 64),
    ("phone", 32),
    ("security_question", 255),
];

/// A person as they describe themselves, checked.
#[derive(Debug, PartialEq)]
pub(crate) struct Newcomer {
    /// In the order of [`Newcomer::columns`].
    texts: [Option<String>; 7],
    security_answer: Option<String>,
    password: Option<String>,
}

impl Newcomer {
    /// Reads and checks a description. Without `wants_password` the person proves by mail who they are and chooses a password
    /// then; one that is sent now is left out.
    ///
    /// # Errors
    /// 400 `Validation failed` with the reasons by field.
    pub(crate) fn of(sent: &Object, limits: &Limits, wants_password: bool) -> Result<Newcomer> {
        let mut problems = Object::new();
        let mut complain = |field: &str, reason: String| {
            problems.entry(field.to_owned()).or_insert_with(|| json!([reason]));
        };
        for (field, longest) in FIELDS {
            match sent.get(field) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if text.chars().count() <= longest => {}
                Some(Value::String(_)) => {
                    complain(field, format!("The {field} may not be longer than {longest} characters."));
                }
                Some(_) => complain(field, format!("The {field} must be a string.")),
            }
        }
        let email = given(sent, "email");
        match &email {
            None => complain("email", "The email field is required.".to_owned()),
            Some(email) if !is_email(email) => complain("email", "The email must be a valid email address.".to_owned()),
            Some(_) => {}
        }
        let username = given(sent, "username").filter(|name| Some(name) != email.as_ref());
        if let Some(problem) = username.as_deref().and_then(username_problem) {
            complain("username", problem);
        }
        // A password may begin or end with blanks, so it is taken as it is.
        let password = ["password", "new_password"].iter().find_map(|name| sent.get(*name)?.as_str());
        let password = password.filter(|password| wants_password && !password.is_empty());
        match password {
            None if wants_password => complain("password", "The password field is required.".to_owned()),
            None => {}
            Some(password) => {
                if let Err(error) = check_password_rules(password, limits) {
                    complain("password", error.message.trim_start_matches("Invalid data supplied. ").to_owned());
                }
                if sent.get("password_confirmation").is_some_and(|repeated| repeated != password) {
                    complain("password", "The password confirmation does not match.".to_owned());
                }
            }
        }
        if !problems.is_empty() {
            return Err(Error::bad_request("Validation failed").with_context(Value::Object(problems)));
        }
        let email = email.unwrap_or_default();
        let (first, last) = (given(sent, "first_name"), given(sent, "last_name"));
        let name = given(sent, "name").or_else(|| given(sent, "display_name"));
        let name = name.unwrap_or_else(|| display_name(first.as_deref(), last.as_deref(), &email));
        let username = username.unwrap_or_else(|| email.clone());
        let (phone, question) = (given(sent, "phone"), given(sent, "security_question"));
        Ok(Newcomer {
            texts: [Some(email), Some(username), Some(name), first, last, phone, question],
            security_answer: given(sent, "security_answer"),
            password: password.map(str::to_owned),
        })
    }

    const fn columns() -> &'static str {
        "email, username, name, first_name, last_name, phone, security_question, security_answer, password"
    }

    fn email(&self) -> &str {
        self.texts[0].as_deref().unwrap_or_default()
    }

    fn values(self, passwords: &Passwords) -> Result<Vec<Bound>> {
        let hash = |secret: Option<String>| secret.map(|secret| passwords.hash(&secret)).transpose();
        let secrets = [hash(self.security_answer)?, hash(self.password)?];
        let texts = self.texts.into_iter().chain(secrets);
        Ok(texts.map(|text| text.map_or(Bound::Null, Bound::Text)).collect())
    }
}

impl SystemStore {
    /// Creates the first administrator. False when there is an administrator already; of two who come at once one is first.
    ///
    /// # Errors
    /// 503 when too many hashes are asked for at once.
    pub(crate) fn add_first_admin(&self, newcomer: Newcomer, passwords: &Passwords) -> Result<bool> {
        if self.admin_exists()? {
            return Ok(false);
        }
        let sql = format!(
            "INSERT INTO user ({}, is_active, is_sys_admin) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1 \
             WHERE NOT EXISTS (SELECT 1 FROM user WHERE is_sys_admin = 1)",
            Newcomer::columns()
        );
        Ok(self.database().execute(&sql, &newcomer.values(passwords)?)? > 0)
    }

    /// Creates a user; answers with the identifier.
    ///
    /// # Errors
    /// 400 when e-mail address or user name are taken, in whatever case; 503 when too many hashes are asked for at once.
    pub(crate) fn add_user(&self, newcomer: Newcomer, passwords: &Passwords) -> Result<i64> {
        let taken = |field: &str| {
            let reason = format!("The {field} has already been taken.");
            Error::bad_request("Validation failed").with_context(json!({ field: [reason] }))
        };
        for (field, text) in ["email", "username"].into_iter().zip(&newcomer.texts) {
            if self.account_by_login(text.as_deref().unwrap_or_default())?.is_some() {
                return Err(taken(field));
            }
        }
        let email = newcomer.email().to_owned();
        let sql = format!(
            "INSERT INTO user ({}, is_active) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO NOTHING",
            Newcomer::columns()
        );
        if self.database().execute(&sql, &newcomer.values(passwords)?)? == 0 {
            // Somebody was faster.
            return Err(taken("email"));
        }
        let id = self.one("SELECT id FROM user WHERE email = ?", &[Bound::Text(email)], |row| integer(row, 0))?;
        id.ok_or_else(|| Error::internal("The account was not created.", "no row under its e-mail address"))
    }
}

/// A text that says something, without blanks around it.
fn given(sent: &Object, field: &str) -> Option<String> {
    sent.get(field).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// First and last name, else what stands before the `@`.
pub(super) fn display_name(first: Option<&str>, last: Option<&str>, email: &str) -> String {
    let names: Vec<&str> = [first, last].into_iter().flatten().collect();
    match names.is_empty() {
        true => email.split('@').next().unwrap_or(email).to_owned(),
        false => names.join(" "),
    }
}

/// One `@` with something on both sides; no blanks, no markup, and of characters beyond ASCII only letters and digits: what can't be
/// seen, or makes one address look like another, is no part of an address.
pub(super) fn is_email(email: &str) -> bool {
    let is_allowed = |c: char| match c.is_ascii() {
        true => c.is_ascii_graphic() && !"<>()[],;:\\\"".contains(c),
        false => c.is_alphanumeric() && !('\u{ff00}'..='\u{ffef}').contains(&c),
    };
    email.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && email.chars().all(is_allowed)
    })
}

/// What is wrong with a user name, if anything.
pub(super) fn username_problem(username: &str) -> Option<String> {
    if username.chars().count() < USERNAME_CHARS {
        return Some(format!("The username must be at least {USERNAME_CHARS} characters."));
    }
    username.contains(char::is_whitespace).then(|| "The username may not contain spaces.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sent: Value) -> Result<Newcomer> {
        Newcomer::of(sent.as_object().unwrap(), &Limits::default(), true)
    }

    #[test]
    fn every_problem_is_named_by_its_field() {
        let sent = json!({
            "email": "no address", "username": "short", "first_name": "x".repeat(65), "phone": 5, "password": "short",
        });
        let error = of(sent).unwrap_err();
        assert_eq!((error.status, error.message.as_str()), (400, "Validation failed"));
        let fields: Vec<&String> = error.context.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["first_name", "phone", "email", "username", "password"]);
        let error =
            of(json!({"email": "a@b.c", "password": "12345678", "password_confirmation": "1234567"})).unwrap_err();
        assert!(error.context["password"][0].as_str().unwrap().contains("does not match"));
    }

    #[test]
    fn names_have_defaults_and_other_fields_are_left_out() {
        let jane = of(json!({
            "email": " jane@x.io ", "password": "12345678", "first_name": "Jane", "last_name": "Doe", "is_sys_admin": true,
            "id": 7, "is_active": false,
        }));
        let texts = jane.unwrap().texts.map(Option::unwrap_or_default);
        assert_eq!(texts, ["jane@x.io", "jane@x.io", "Jane Doe", "Jane", "Doe", "", ""]);
        assert_eq!(
            of(json!({"email": "jane@x.io", "password": "12345678"})).unwrap().texts[2].as_deref(),
            Some("jane")
        );
    }

    #[test]
    fn an_address_is_what_it_looks_like() {
        for good in ["a@b", "eve1@x.io", "o'neil+tag@x.io", "jürgen@müller.example", "{first}@x.io"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "eve1\u{200b}@x.io",
            "\u{ff45}ve@x.io",
            "<script>@x.io",
            "a@b\n",
            "a@b,c",
        ] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }

    #[test]
    fn who_confirms_by_mail_brings_no_password_now() {
        let sent = json!({"email": "jane@x.io", "password": "short"});
        let jane = Newcomer::of(sent.as_object().unwrap(), &Limits::default(), false).unwrap();
        assert_eq!(jane.password, None);
    }
}
