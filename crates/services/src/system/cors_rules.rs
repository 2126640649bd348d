//! From the table of CORS rules to the rules in force.

use super::SystemStore;
use super::store::{flag, integer, required_text, text};
use crate::cors::{CorsIndex, CorsRow, CorsRule};
use antiphon_model::{Error, Result, VerbMask};
use antiphon_sql::statement::Bound;
use std::sync::Arc;

impl SystemStore {
    /// The CORS rules in force.
    pub fn cors(&self) -> &Arc<CorsIndex> {
        &self.cors
    }

    /// Reads every enabled rule and puts them in force, in place of those before. A rule that can't be used is left out, and the log says why.
    ///
    /// # Errors
    /// When the database can't be read; the rules stay as they are.
    pub(crate) fn reload_cors(&self) -> Result<()> {
        let most = i64::try_from(self.limits().cors_rules).unwrap_or(i64::MAX);
        let rows = self.all(
            "SELECT id, path, origin, header, exposed_header, method, max_age, supports_credentials FROM cors_config \
                 WHERE enabled = 1 ORDER BY id LIMIT ?",
            &[Bound::Integer(most)],
            |row| {
                let rule = CorsRow {
                    path: required_text(row, 1),
                    origin: required_text(row, 2),
                    header: text(row, 3),
                    exposed_header: text(row, 4),
                    verbs: VerbMask(u8::try_from(integer(row, 5)).unwrap_or_default() & VerbMask::ALL.0),
                    max_age: u64::try_from(integer(row, 6)).unwrap_or_default(),
                    supports_credentials: flag(row, 7),
                };
                (integer(row, 0), rule)
            },
        )?;
        let usable = |(id, row): &(i64, CorsRow)| match CorsRule::of(row, self.limits()) {
            Ok(rule) => Some(rule),
            Err((column, reason)) => {
                tracing::warn!(id, column, reason, "a CORS rule is left out");
                None
            }
        };
        self.cors.replace_all(rows.iter().filter_map(usable).collect());
        Ok(())
    }

    /// Refuses one more CORS rule when there are as many as may be.
    ///
    /// # Errors
    /// 400 naming the limit.
    pub(super) fn require_room_for_cors(&self) -> Result<()> {
        let stored = self.one("SELECT count(*) FROM cors_config", &[], |row| integer(row, 0))?.unwrap_or_default();
        let most = self.limits().cors_rules;
        if usize::try_from(stored).is_ok_and(|stored| stored < most) {
            return Ok(());
        }
        Err(Error::bad_request(format!(
            "There are {most} CORS rules already (limit cors_rules). Delete one, or put several origins in one rule."
        )))
    }
}
