//! Keeping what is in memory up to what the system database says, whichever process changed it.
//!
//! Triggers of the system database write down what changed. Before each call a probe tells whether anything was committed;
//! only then the new entries are read, and just what they name is read anew.

use crate::system::store::{integer, required_text};
use crate::system::{SystemStore, limits};
use antiphon_gateway::identity::Changed;
use antiphon_gateway::{Gateway, Memory, ScriptSlot};
use antiphon_model::Result;
use antiphon_sql::statement::Bound;
use antiphon_sql::watch::Watch;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

/// Builds the running services anew from what is stored.
pub(crate) type RebuildServices = Box<dyn Fn() -> Result<()> + Send + Sync>;

/// More scripts than this are read all at once.
const SINGLE_SCRIPTS: usize = 100;

/// What the platform keeps in memory of its system database.
pub(crate) struct StoreMemory {
    gateway: Weak<Gateway>,
    store: Arc<SystemStore>,
    watch: Watch,
    rebuild_services: RebuildServices,
    /// The newest change that is in force; none = nothing was read yet. Held while catching up, so that nothing older is put
    /// in place of something newer.
    newest: Mutex<Option<i64>>,
}

/// What the changes since the last look name, each thing once.
#[derive(Default)]
struct Pending {
    newest: Option<i64>,
    identities: BTreeSet<(String, String)>,
    scripts: BTreeSet<String>,
    services: bool,
    cors: bool,
    libraries: bool,
    limits: bool,
    reset_limits: BTreeSet<i64>,
}

impl StoreMemory {
    pub(crate) fn new(
        gateway: &Arc<Gateway>,
        store: Arc<SystemStore>,
        watch: Watch,
        rebuild_services: RebuildServices,
    ) -> StoreMemory {
        StoreMemory { gateway: Arc::downgrade(gateway), store, watch, rebuild_services, newest: Mutex::new(None) }
    }

    /// Reads everything anew.
    ///
    /// # Errors
    /// When the system database can't be read.
    pub(crate) fn reload(&self) -> Result<()> {
        let mut newest = self.newest.lock();
        *newest = None;
        self.read(&mut newest)
    }

    fn read(&self, newest: &mut Option<i64>) -> Result<()> {
        let Some(gateway) = self.gateway.upgrade() else { return Ok(()) };
        let pending = match *newest {
            Some(seen) => self.pending(seen)?,
            None => None,
        };
        *newest = match pending {
            Some(pending) => {
                self.apply(&gateway, &pending)?;
                pending.newest.or(*newest)
            }
            None => {
                let newest = self.newest_stored()?;
                gateway.identity().forget(Changed::Everything);
                replace_all(&gateway, self.store.event_scripts()?);
                gateway.libraries().forget();
                self.store.reload_cors()?;
                self.store.reload_limits(gateway.rates())?;
                (self.rebuild_services)()?;
                Some(newest)
            }
        };
        Ok(())
    }

    /// What changed after `seen`; none when some of it is no longer known.
    fn pending(&self, seen: i64) -> Result<Option<Pending>> {
        let mut pending = Pending::default();
        let mut expected = seen + 1;
        let mut is_complete = true;
        let sql = "SELECT id, subject, name FROM change WHERE id > ? ORDER BY id";
        self.store.database().query(sql, &[Bound::Integer(seen)], &mut |row| {
            let id = integer(row, 0);
            is_complete &= id == expected;
            expected = id + 1;
            pending.newest = Some(id);
            let (subject, name) = (required_text(row, 1), required_text(row, 2));
            match subject.as_str() {
                "cors" => pending.cors = true,
                "library" => pending.libraries = true,
                "limit" => pending.limits = true,
                limits::RESET => pending.reset_limits.extend(name.parse::<i64>()),
                "script" => {
                    pending.scripts.insert(name);
                }
                _ => {
                    // The configurations of services may name lookups.
                    pending.services |= matches!(subject.as_str(), "service" | "lookup");
                    pending.identities.insert((subject, name));
                }
            }
            Ok(())
        })?;
        Ok(is_complete.then_some(pending))
    }

    fn apply(&self, gateway: &Arc<Gateway>, pending: &Pending) -> Result<()> {
        for (subject, name) in &pending.identities {
            gateway.identity().forget(changed(subject, name));
        }
        match pending.scripts.len() {
            0 => {}
            1..=SINGLE_SCRIPTS => {
                for name in &pending.scripts {
                    match self.store.event_script(name)? {
                        Some(script) => {
                            warm(gateway, &script);
                            gateway.scripts().put(script);
                        }
                        None => gateway.scripts().remove(name),
                    }
                }
            }
            _ => replace_all(gateway, self.store.event_scripts()?),
        }
        if pending.libraries {
            gateway.libraries().forget();
        }
        if pending.cors {
            self.store.reload_cors()?;
        }
        if pending.limits {
            self.store.reload_limits(gateway.rates())?;
        }
        pending.reset_limits.iter().for_each(|id| gateway.rates().reset(*id));
        if pending.services { (self.rebuild_services)() } else { Ok(()) }
    }

    fn newest_stored(&self) -> Result<i64> {
        Ok(self.store.one("SELECT coalesce(max(id), 0) FROM change", &[], |row| integer(row, 0))?.unwrap_or_default())
    }
}

impl Memory for StoreMemory {
    fn catch_up(&self) -> Result<()> {
        self.watch.if_changed(|| self.read(&mut self.newest.lock()))
    }
}

fn replace_all(gateway: &Gateway, scripts: Vec<ScriptSlot>) {
    scripts.iter().for_each(|script| warm(gateway, script));
    gateway.scripts().replace_all(scripts);
}

/// An active script finds its interpreter started.
fn warm(gateway: &Gateway, slot: &ScriptSlot) {
    if slot.is_active {
        gateway.engines().warm(&slot.script.kind);
    }
}

/// What the identities that are kept in memory learn of an entry; in doubt, that anything may have changed.
fn changed<'e>(subject: &str, name: &'e str) -> Changed<'e> {
    let known = match subject {
        "account" => name.parse().ok().map(Changed::Account),
        "role" => name.parse().ok().map(Changed::Role),
        "app" => Some(Changed::App(name)),
        "token" => Some(Changed::Token(name)),
        "lookup" => Some(Changed::Lookups),
        "service" => Some(Changed::Services),
        "assignment" => name.split_once(' ').and_then(|(user_id, app_id)| {
            Some(Changed::Assignment { user_id: user_id.parse().ok()?, app_id: app_id.parse().ok()? })
        }),
        _ => None,
    };
    known.unwrap_or(Changed::Everything)
}

#[cfg(test)]
mod tests {
    use crate::test_platform::TestPlatform;
    use crate::wiring::SYSTEM_DATABASE;
    use antiphon_model::{Limits, Verb, json};
    use antiphon_sql::extras::MemoryExtras;
    use antiphon_sql::{Database, DatabaseConfig, Location};
    use std::sync::Arc;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_one_process_commits_is_in_force_for_the_next_call_of_another() {
        let first = TestPlatform::start().await;
        let second = first.another();
        let path = "event_script/system.constant.get.post_process";
        let script = json!({
            "type": "javascript",
            "content": "event.response.content = {by: 'script'}",
            "is_active": true,
            "allow_event_modification": true,
        });
        let constant = async || second.call(&first.admin, Verb::Get, "system", "constant", json!(null)).await;
        assert_eq!(constant().await.body, json!({"resource": []}));
        first.call(&first.admin, Verb::Post, "system", path, script).await;
        assert_eq!(constant().await.body, json!({"by": "script"}));
        first.call(&first.admin, Verb::Delete, "system", path, json!(null)).await;
        assert_eq!(constant().await.body, json!({"resource": []}));
        let services =
            json!({"resource": [{"name": "new", "type": "sqlite", "config": {"database": "n"}, "is_active": true}]});
        first.call(&first.admin, Verb::Post, "system", "service", services).await;
        assert_eq!(second.call(&first.admin, Verb::Get, "new", "_schema", json!(null)).await.status, 200);
        first.call(&first.admin, Verb::Delete, "system", "admin/session", json!(null)).await;
        assert_eq!(constant().await.status, 403);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn more_changes_than_are_written_down_are_not_lost() {
        let test = TestPlatform::start().await;
        let constant = async || test.call(&test.admin, Verb::Get, "system", "constant", json!(null)).await;
        assert_eq!(constant().await.body, json!({"resource": []}));
        let file = DatabaseConfig::at(Location::File(test.folder().join(SYSTEM_DATABASE)));
        let database = Database::open(file, Arc::new(MemoryExtras::default()), &Limits::default()).unwrap();
        let insert = "INSERT INTO event_script (name, type, content, is_active, allow_event_modification) ";
        let script = "'javascript', 'event.response.content = 1', 1, 1";
        let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 12000)";
        database
            .run(&format!(
                "{insert} SELECT 'system.constant.get.post_process', {script};
                 {many} {insert} SELECT 'db._table.t' || i || '.get.queued', {script} FROM n;"
            ))
            .unwrap();
        assert_eq!(constant().await.body, json!(1));
    }
}
