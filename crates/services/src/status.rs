//! What `GET /status` tells administrators of the running instance (system-and-users 1.1).

use crate::Platform;
use crate::system::store::{integer, text};
use antiphon_gateway::{Credentials, blocking};
use antiphon_model::{Object, Result, Value, json};
use antiphon_script::{LanguageReport, WorkerReport};

/// Interpreters at work, and what confines them.
fn scripts(report: &WorkerReport) -> Value {
    let language = |report: &LanguageReport| {
        let LanguageReport { language, interpreter, figures } = report;
        let (version, reason) = match interpreter {
            Ok(version) => (Some(version), None),
            Err(reason) => (None, Some(reason)),
        };
        json!({
            "language": language, "version": version, "reason": reason,
            "idle": figures.idle, "busy": figures.busy, "starting": figures.starting, "waiting": figures.waiting,
            "started": figures.started, "retired": figures.retired,
        })
    };
    let workers: Vec<Value> = report.languages.iter().map(language).collect();
    json!({ "workers": workers, "sandbox": { "enforced": report.enforced, "missing": report.missing } })
}

impl Platform {
    /// Where jobs are kept, and how those who run them fare in this process; null when it runs none.
    fn queue_status(&self) -> Value {
        let queues = self.gateway().jobs().map(|jobs| jobs.queues());
        let connections = queues.into_iter().flat_map(|queues| queues.stores());
        let connections: Vec<Value> =
            connections.map(|(name, store)| json!({ "name": name, "driver": store.kind() })).collect();
        json!({ "connections": connections, "workers": self.workers() })
    }

    /// The instance's state for an administrator; none for everybody else, whatever is wrong with their credentials.
    ///
    /// # Errors
    /// When the system database can't be read.
    pub fn status_for(&self, credentials: &Credentials) -> Result<Option<Object>> {
        blocking(|| {
            let session = self.gateway().identify(credentials);
            if !session.is_ok_and(|session| session.is_admin()) {
                return Ok(None);
            }
            let sql = "SELECT (SELECT max(last_login_date) FROM user WHERE is_sys_admin = 1), \
                       (SELECT count(*) FROM app), (SELECT count(*) FROM user WHERE is_sys_admin = 1), \
                       (SELECT count(*) FROM user WHERE is_sys_admin = 0), (SELECT count(*) FROM service), \
                       (SELECT count(*) FROM role)";
            let counted = self.store().one(sql, &[], |row| {
                json!({
                    "uri": credentials.client.host_url,
                    "managed": false,
                    "dist": "Antiphon",
                    "demo": false,
                    "license": "OPEN SOURCE",
                    "host_os": std::env::consts::OS,
                    "last_admin_login": text(row, 0),
                    "scripts": scripts(&self.gateway().engines().worker_report()),
                    "queue": self.queue_status(),
                    "resources": {
                        "app": integer(row, 1), "admin": integer(row, 2), "user": integer(row, 3),
                        "service": integer(row, 4), "role": integer(row, 5),
                    },
                })
            })?;
            Ok(counted.and_then(|value| match value {
                Value::Object(members) => Some(members),
                _ => None,
            }))
        })
    }
}
