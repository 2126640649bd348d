//! Where settings come from, and what is wrong with them.

use super::*;
use antiphon_model::QueueDriver;
use clap::Parser;

fn load(file: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("antiphon.toml");
    std::fs::write(&path, file).unwrap();
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Settings::load(&Flags { config: Some(path), ..flags }, variables)
}

#[test]
fn each_source_overrides_the_one_below() {
    let file = "listen = \"file:1\"\ndata = \"file\"\n[limits]\nbody_bytes = 10\n[log]\nlevel = \"warn\"\n";
    let variables = [("ANTIPHON_LISTEN", "variable:2"), ("ANTIPHON_LIMITS__BODY_BYTES", "20"), ("OTHER", "x")];
    let flags = Flags { listen: Some("flag:3".into()), ..Flags::default() };
    let settings = load(file, &variables, flags).unwrap();
    assert_eq!(settings.listen, "flag:3");
    assert_eq!(settings.limits.body_bytes, 20);
    assert_eq!((settings.data, settings.log.level.as_str()), (PathBuf::from("file"), "warn"));
    assert_eq!(settings.log.format, LogFormat::Text);
    assert_eq!(settings.limits.call_depth, Limits::default().call_depth);
}

#[test]
fn texts_that_look_like_numbers_stay_texts() {
    let variables = [
        ("ANTIPHON_ADMIN_PASSWORD", "00012345"),
        ("ANTIPHON_CORS_ORIGINS", "http://a, http://b"),
        ("ANTIPHON_DEMO", "true"),
        ("ANTIPHON_LOG__FORMAT", "json"),
        ("ANTIPHON_CONFIG", "ignored"),
    ];
    let settings = load("", &variables, Flags::default()).unwrap();
    assert_eq!(settings.admin_password.as_deref(), Some("00012345"));
    assert_eq!(settings.cors_origins, ["http://a", "http://b"]);
    assert!(settings.demo);
    assert_eq!(settings.log.format, LogFormat::Json);
}

#[test]
fn unknown_settings_and_wrong_values_are_named() {
    let message = |file, variables: &[_]| load(file, variables, Flags::default()).unwrap_err().to_string();
    assert!(message("lisen = \"x\"", &[]).contains("lisen"));
    assert!(message("[limits]\nbody_bites = 1", &[]).contains("body_bites"));
    assert!(message("[limits]\nbody_bytes = \"many\"", &[]).contains("body_bytes"));
    assert!(message("", &[("ANTIPHON_LISTENN", "x")]).contains("listenn"));
    let flags = Flags { config: Some("no/such/file.toml".into()), ..Flags::default() };
    assert!(Settings::load(&flags, []).unwrap_err().to_string().contains("no/such/file.toml"));
}

#[test]
fn the_table_of_limits_tells_values_and_defaults() {
    let table = limits_table(&Limits { body_bytes: 5, ..Limits::default() });
    let line = table.iter().find(|line| line.starts_with("body_bytes ")).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells[..5], ["body_bytes", "5", "16777216", "Largest", "request"]);
    assert_eq!(table.len(), 1 + antiphon_model::Limits::REASONS.len());
    assert!(table.iter().all(|line| line.split_whitespace().count() > 4), "{table:#?}");
}

#[test]
fn variables_of_the_original_switch_languages_off_and_name_interpreters() {
    let variables = [
        ("DF_SCRIPTING_DISABLE", "python3, php"),
        ("DF_NODEJS_PATH", "/opt/node"),
        ("DF_PYTHON_PATH", "/opt/python"),
        ("DF_PYTHON3_PATH", " "),
        ("ANTIPHON_SCRIPTS__NODE", "/usr/bin/node"),
    ];
    let scripts = load("", &variables, Flags::default()).unwrap().scripts;
    assert_eq!(scripts.disable, ["python3", "php"]);
    assert_eq!(
        (scripts.node, scripts.python, scripts.python3),
        (Some("/usr/bin/node".into()), Some("/opt/python".into()), None)
    );
    let file = "[scripts]\ndisable = [\"all\"]\n";
    assert_eq!(load(file, &[], Flags::default()).unwrap().scripts.disable, ["all"]);
}

#[test]
fn the_queue_is_embedded_unless_another_is_named() {
    let queue = load("", &[], Flags::default()).unwrap().queue;
    assert_eq!((queue.driver, queue.url, queue.workers), (QueueDriver::Sqlite, None, true));
    let variables = [
        ("ANTIPHON_QUEUE__DRIVER", "postgres"),
        ("ANTIPHON_QUEUE__URL", "postgres://u:p@host/db"),
        ("ANTIPHON_QUEUE__WORKERS", "false"),
        ("ANTIPHON_QUEUE__SERVE", "mail, 1"),
        ("ANTIPHON_QUEUE__CONNECTIONS__FAR__DRIVER", "nats"),
        ("ANTIPHON_QUEUE__CONNECTIONS__FAR__URL", "nats://host"),
    ];
    let queue = load("", &variables, Flags::default()).unwrap().queue;
    assert_eq!((queue.driver, queue.workers), (QueueDriver::Postgres, false));
    assert_eq!(queue.url.as_deref(), Some("postgres://u:p@host/db"));
    assert_eq!(queue.serve, ["mail", "1"]);
    assert_eq!(queue.connections["far"].driver, QueueDriver::Nats);
    let file = "[queue]\nserve = [\"mail\"]\n[queue.connections.bulk]\ndriver = \"sqlite\"\n";
    let queue = load(file, &[], Flags::default()).unwrap().queue;
    assert_eq!((queue.serve[0].as_str(), queue.connections["bulk"].driver), ("mail", QueueDriver::Sqlite));
}

#[test]
fn what_is_wrong_with_the_queue_is_said_without_passwords() {
    let refused = |variables: &[_]| load("", variables, Flags::default()).unwrap_err().to_string();
    let missing = refused(&[("ANTIPHON_QUEUE__DRIVER", "nats")]);
    assert!(missing.contains("queue.url is missing") && missing.contains("nats://"), "{missing}");
    let wrong = refused(&[("ANTIPHON_QUEUE__DRIVER", "nats"), ("ANTIPHON_QUEUE__URL", "postgres://u:secret@host")]);
    assert!(wrong.contains("queue.url") && !wrong.contains("secret"), "{wrong}");
    let unknown = refused(&[("ANTIPHON_QUEUE__DRIVER", "redis")]);
    assert!(unknown.contains("redis") && unknown.contains("postgres"), "{unknown}");
}

#[test]
fn flags_of_workers_override_what_servers_share() {
    let line = ["antiphon", "worker", "--queues", "mail,bulk", "--jobs", "3", "--data", "there", "--log-level", "warn"];
    let Command::Worker(flags) = CommandLine::try_parse_from(line).unwrap().command else { unreachable!() };
    let settings = load("[queue]\nserve = [\"other\"]\n", &[], flags.as_flags()).unwrap();
    assert_eq!(settings.queue.serve, ["mail", "bulk"]);
    assert_eq!((settings.limits.job_concurrency, settings.log.level.as_str()), (3, "warn"));
    assert_eq!(settings.data, PathBuf::from("there"));
    assert!(CommandLine::try_parse_from(["antiphon", "worker", "--jobs", "0"]).is_err());
}
