//! `--demo`: an example to try out, and what to type for that.

use crate::config::Settings;
use crate::terminal;
use antiphon_model::{Error, MailDelivery, Result, Value, json};
use antiphon_services::{Platform, demo};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The demo's administrator unless another is configured.
const EMAIL: &str = "admin@example.com";
/// Keeps the made-up password in the data folder, so that every start of the demo can print it.
const FILE: &str = "demo-admin.json";
/// Random bytes of a made-up password.
const PASSWORD_BYTES: usize = 15;

/// The settings with mail into the log and an administrator for the demo: the configured one, that of an earlier start, or a new one with a
/// random password.
///
/// # Errors
/// When the data folder can't be read or written.
pub fn with_admin(mut settings: Settings) -> Result<Settings> {
    if settings.demo {
        settings.accounts.mail = MailDelivery::Log;
    }
    if !settings.demo || settings.admin_email.is_some() || settings.admin_password.is_some() {
        return Ok(settings);
    }
    let password = password(&settings.data.join(FILE))
        .map_err(|error| Error::internal("The demo's password can't be kept in the data folder.", error))?;
    Ok(Settings { admin_email: Some(EMAIL.to_owned()), admin_password: Some(password), ..settings })
}

fn password(file: &Path) -> std::io::Result<String> {
    if let Ok(text) = std::fs::read_to_string(file)
        && let Ok(kept) = serde_json::from_str::<Value>(&text)
        && let Some(password) = kept["password"].as_str()
    {
        return Ok(password.to_owned());
    }
    let mut random = [0; PASSWORD_BYTES];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let password = URL_SAFE_NO_PAD.encode(random);
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    writeln!(out, "{}", json!({ "email": EMAIL, "password": password }))?;
    Ok(password)
}

/// Installs the example if it is not there yet, and prints how to try it out at this address.
///
/// # Errors
/// When a step fails, for one because the data folder has another administrator.
pub async fn install(platform: &Platform, settings: &Settings, address: &str) -> Result<()> {
    let (Some(email), Some(password)) = (&settings.admin_email, &settings.admin_password) else { return Ok(()) };
    let key = demo::install(platform.gateway(), email, password).await?;
    for line in guide(address, email, password, &key) {
        terminal::say(&line);
    }
    Ok(())
}

fn guide(address: &str, email: &str, password: &str, key: &str) -> Vec<String> {
    let api = format!("http://{address}/api/v2");
    vec![
        String::new(),
        format!("Antiphon's demo is at {api}"),
        format!("  administrator  {email}"),
        format!("  password       {password}"),
        format!("  API key        {key}"),
        String::new(),
        "Try it from another terminal:".to_owned(),
        String::new(),
        "  # a pre_process script lets clients see public todos only".to_owned(),
        format!("  curl -s '{api}/db/_table/todo' -H 'X-DreamFactory-API-Key: {key}'"),
        String::new(),
        "  # another one refuses a todo that was due long ago".to_owned(),
        format!(
            "  curl -s '{api}/db/_table/todo' -H 'X-DreamFactory-API-Key: {key}' -H 'Content-Type: application/json' \\"
        ),
        "       -d '{\"resource\":[{\"name\":\"Learn\",\"due\":\"2001-01-01\"}]}'".to_owned(),
        String::new(),
        "  # log in, to attach scripts of your own".to_owned(),
        format!("  curl -s '{api}/system/admin/session' -H 'Content-Type: application/json' \\"),
        format!("       -d '{{\"email\":\"{email}\",\"password\":\"{password}\"}}'"),
        String::new(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_demos_password_is_random_kept_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let first = password(&file).unwrap();
        assert_eq!(password(&file).unwrap(), first);
        assert_eq!(first.len(), 20);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(&file).unwrap();
        assert_ne!(password(&file).unwrap(), first);
    }

    #[test]
    fn a_configured_administrator_is_kept() {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings { demo: true, data: data.path().to_owned(), ..Settings::default() };
        let own = Settings {
            admin_email: Some("a@b.c".into()),
            admin_password: Some("secret123".into()),
            ..settings.clone()
        };
        assert_eq!(with_admin(own).unwrap().admin_password.as_deref(), Some("secret123"));
        assert_eq!(with_admin(settings).unwrap().admin_email.as_deref(), Some(EMAIL));
    }

    #[test]
    fn the_guide_can_be_copied() {
        let text = guide("127.0.0.1:8080", EMAIL, "pw", "k").join("\n");
        assert!(text.contains("curl -s 'http://127.0.0.1:8080/api/v2/db/_table/todo' -H 'X-DreamFactory-API-Key: k'"));
    }
}
