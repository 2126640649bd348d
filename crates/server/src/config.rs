//! Configuration: defaults, below `antiphon.toml`, below `ANTIPHON_*` variables, below flags.

mod command_line;
#[cfg(test)]
mod tests;

pub use command_line::{Command, CommandLine, Flags};

use antiphon_model::{
    AccountSettings, Limits, Object, OutboundSettings, QueueSettings, ScriptSettings, Value, list_or_text,
};
use clap::ValueEnum;
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Read when it is there and no other is named.
const DEFAULT_FILE: &str = "antiphon.toml";
/// What the names of variables begin with; `__` goes down a level: `ANTIPHON_LIMITS__BODY_BYTES`.
const PREFIX: &str = "ANTIPHON_";
/// Settings whose variables are texts even when they look like numbers: a password may well be `00012345`.
const TEXTS: [&str; 19] = [
    "listen",
    "data",
    "secret_key_file",
    "admin_email",
    "admin_password",
    "cors_origins",
    "trusted_proxies",
    "scripts.node",
    "scripts.php",
    "scripts.python",
    "scripts.python3",
    "scripts.disable",
    "scripts.accept_missing",
    "outbound.allow",
    "outbound.ca_file",
    "queue.url",
    "queue.serve",
    "log.format",
    "log.level",
];
/// Variables of the original that mean a setting of ours (events-and-scripting 4.7); ours override them.
const INHERITED: [(&str, &str); 4] = [
    ("DF_SCRIPTING_DISABLE", "scripts.disable"),
    ("DF_NODEJS_PATH", "scripts.node"),
    ("DF_PYTHON_PATH", "scripts.python"),
    ("DF_PYTHON3_PATH", "scripts.python3"),
];
/// Variables that are no settings: they name the file itself, or say to `antiphon scripts` which server to ask, and as whom.
const NO_SETTINGS: [&str; 6] = ["config", "server", "email", "password", "api_key", "session_token"];

/// Every setting.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address and port to listen on.
    pub listen: String,
    /// Folder of the databases.
    pub data: PathBuf,
    /// File of the key that signs session tokens and encrypts stored secrets; `secret.key` in the data folder by default.
    pub secret_key_file: Option<PathBuf>,
    /// Whether an empty data folder is filled with an example.
    pub demo: bool,
    /// E-mail address of the first administrator, made at the first start.
    pub admin_email: Option<String>,
    /// Password of the first administrator.
    pub admin_password: Option<String>,
    /// Origins whose pages may call the API where no rule of `system/cors` decides; none by default.
    #[serde(deserialize_with = "list_or_text")]
    pub cors_origins: Vec<String>,
    /// Addresses and networks of proxies whose `X-Forwarded-*` headers are believed; none by default.
    #[serde(deserialize_with = "list_or_text")]
    pub trusted_proxies: Vec<String>,
    /// Log-in, sessions and mail.
    pub accounts: AccountSettings,
    /// Interpreters and languages of scripts.
    pub scripts: ScriptSettings,
    /// What scripts may reach beyond the public internet.
    pub outbound: OutboundSettings,
    /// Where jobs are kept, and who runs them.
    pub queue: QueueSettings,
    /// The log.
    pub log: LogSettings,
    /// The limits.
    pub limits: Limits,
}

/// Settings of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// How lines are written.
    pub format: LogFormat,
    /// Least important level that is logged, or a filter.
    pub level: String,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors: one JSON object per line.
    Json,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: "127.0.0.1:8080".to_owned(),
            data: PathBuf::from("data"),
            secret_key_file: None,
            demo: false,
            admin_email: None,
            admin_password: None,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            accounts: AccountSettings::default(),
            scripts: ScriptSettings::default(),
            outbound: OutboundSettings::default(),
            queue: QueueSettings::default(),
            log: LogSettings::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for LogSettings {
    fn default() -> LogSettings {
        LogSettings { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// Why the configuration can't be used; the text names the setting and where it comes from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named is not there.
    #[error("The configuration file '{}' can't be read. Check the path given with --config or ANTIPHON_CONFIG.", .0.display())]
    NoFile(PathBuf),
    /// A setting is unknown or has a value of the wrong kind.
    #[error("The configuration can't be used: {0}. Correct or remove that setting.")]
    Invalid(Box<figment::Error>),
    /// The settings of the queue don't belong together.
    #[error("The queue can't be used: {0}.")]
    Queue(String),
}

impl Settings {
    /// The settings that flags, variables (name and value) and file give together.
    pub fn load(flags: &Flags, variables: impl IntoIterator<Item = (String, String)>) -> Result<Settings, ConfigError> {
        let file = flags.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        if flags.config.is_some() && !file.is_file() {
            return Err(ConfigError::NoFile(file.to_owned()));
        }
        let mut figment = Figment::from(Serialized::defaults(Settings::default()));
        if file.is_file() {
            figment = figment.merge(Toml::file_exact(file));
        }
        let settings: Settings = with_flags(with_variables(figment, variables), flags)
            .extract()
            .map_err(|error| ConfigError::Invalid(Box::new(error)))?;
        settings.queue.check().map_err(ConfigError::Queue)?;
        Ok(settings)
    }
}

fn with_variables(mut figment: Figment, variables: impl IntoIterator<Item = (String, String)>) -> Figment {
    let variables: Vec<(String, String)> = variables.into_iter().collect();
    for (name, key) in INHERITED {
        if let Some((_, text)) = variables.iter().find(|(variable, text)| variable == name && !text.trim().is_empty()) {
            figment = figment.merge(Serialized::default(key, text));
        }
    }
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        let key = name.to_ascii_lowercase().replace("__", ".");
        if NO_SETTINGS.contains(&key.as_str()) {
            continue;
        }
        figment = if TEXTS.contains(&key.as_str()) {
            figment.merge(Serialized::default(&key, text))
        } else {
            // Parsed by the library's rules for variables: numbers, booleans, lists.
            let value: figment::value::Value = text.parse().unwrap_or_else(|never| match never {});
            figment.merge(Serialized::default(&key, value))
        };
    }
    figment
}

fn with_flags(mut figment: Figment, flags: &Flags) -> Figment {
    if let Some(listen) = &flags.listen {
        figment = figment.merge(Serialized::default("listen", listen));
    }
    if let Some(data) = &flags.data {
        figment = figment.merge(Serialized::default("data", data));
    }
    if flags.demo {
        figment = figment.merge(Serialized::default("demo", true));
    }
    if !flags.serve_queues.is_empty() {
        figment = figment.merge(Serialized::default("queue.serve", &flags.serve_queues));
    }
    if let Some(jobs) = flags.jobs {
        figment = figment.merge(Serialized::default("limits.job_concurrency", jobs));
    }
    if let Some(format) = flags.log_format {
        figment = figment.merge(Serialized::default("log.format", format));
    }
    if let Some(level) = &flags.log_level {
        figment = figment.merge(Serialized::default("log.level", level));
    }
    figment
}

/// The limits as a table: name, value in force, default, reason.
pub fn limits_table(limits: &Limits) -> Vec<String> {
    let members = |limits: &Limits| match serde_json::to_value(limits) {
        Ok(Value::Object(members)) => members,
        _ => Object::new(),
    };
    let (values, defaults) = (members(limits), members(&Limits::default()));
    let cell = |members: &Object, name: &str| members.get(name).map(ToString::to_string).unwrap_or_default();
    let line = |name: &str, value: &str, default: &str, reason: &str| {
        format!("{name:<24} {value:>10} {default:>10}  {reason}")
    };
    let mut lines = vec![line("limit", "value", "default", "what it bounds, and why")];
    lines.extend(
        Limits::REASONS
            .iter()
            .map(|(name, reason)| line(name, &cell(&values, name), &cell(&defaults, name), reason.trim())),
    );
    lines
}
