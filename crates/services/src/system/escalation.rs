//! Nobody who is no administrator gives away, or takes, more than their own role allows (system-and-users 3.5).
//!
//! Whoever may write roles, apps or users could otherwise grant himself everything: by a row in a role, by a role for an app or a
//! person, or by the password of somebody stronger. So what such a write concerns must be within the writer's own role, before
//! the write and after it. What is judged afterwards is what is stored, not what the request seemed to say.

use super::accounts::{ACCESS_ROWS, access_row};
use super::store::optional_integer;
use antiphon_gateway::{Call, covers};
use antiphon_model::{AccessRow, Error, Object, Result, Role, Value};
use antiphon_sql::records::Stage;
use antiphon_sql::statement::Bound;

/// The writer, who is no administrator, and the write.
pub(super) struct Guard<'a> {
    call: &'a Call<'a>,
    stage: &'a Stage<'a>,
    role: &'a Role,
}

/// The guard for a write; none is needed for administrators.
///
/// # Errors
/// 403 for a writer who has no role at all.
pub(super) fn guard<'a>(call: &'a Call<'a>, stage: &'a Stage<'a>) -> Result<Option<Guard<'a>>> {
    if call.session.is_admin() {
        return Ok(None);
    }
    match &call.session.role {
        Some(role) => Ok(Some(Guard { call, stage, role })),
        None => Err(Error::forbidden("Role not found. A role may not be assigned to you or your application.")),
    }
}

/// Whether a role that is stored grants no more than the caller's own; what can't be read counts as more.
pub(super) fn is_within(call: &Call<'_>, role: i64) -> bool {
    let own = call.session.role.as_ref();
    let stored = call.gateway.identity().stored_role(role).ok().flatten();
    own.zip(stored).is_some_and(|(own, stored)| stored.access.iter().all(|row| covers(own, row)))
}

impl Guard<'_> {
    /// Judges a record that is about to be changed or deleted, as it is stored.
    ///
    /// # Errors
    /// 403 when it is beyond the writer.
    pub(super) fn before(&self, existing: &Object) -> Result<()> {
        match existing.get("id").and_then(Value::as_i64) {
            Some(id) => self.judge(id),
            None => Ok(()),
        }
    }

    /// Judges a record that is about to be deleted, as it is stored.
    ///
    /// # Errors
    /// 403 when it is beyond the writer, or the writer's own role: without it, another one might apply.
    pub(super) fn before_delete(&self, existing: &Object) -> Result<()> {
        if self.stage.table.name == "role" && existing.get("id").and_then(Value::as_i64) == Some(self.role.id) {
            return Err(Error::forbidden("You can not delete your own role."));
        }
        self.before(existing)
    }

    /// Judges a record that has just been written.
    ///
    /// # Errors
    /// 403 when it is beyond the writer.
    pub(super) fn after(&self, stored: &Object) -> Result<()> {
        self.before(stored)
    }

    /// Judges the record with that key, as the running transaction has it.
    fn judge(&self, id: i64) -> Result<()> {
        match self.stage.table.name.as_str() {
            "role" => self.role_is_within(id),
            "role_service_access" => self.roles("SELECT role_id FROM role_service_access WHERE id = ?", id),
            "app" => self.roles("SELECT role_id FROM app WHERE id = ?", id),
            "user_to_app_to_role" => {
                self.not_own("SELECT user_id, NULL, NULL FROM user_to_app_to_role WHERE id = ?", id)?;
                self.roles("SELECT role_id FROM user_to_app_to_role WHERE id = ?", id)
            }
            "user" if self.call.session.user_id() != Some(id) => {
                self.roles("SELECT role_id FROM user_to_app_to_role WHERE user_id = ?", id)
            }
            "schedule" => self.own_schedule(id),
            "lookup" => self.not_own("SELECT user_id, role_id, app_id FROM lookup WHERE id = ?", id),
            _ => Ok(()),
        }
    }

    /// A schedule runs in the name of its user, in its app: both must be the writer's.
    fn own_schedule(&self, id: i64) -> Result<()> {
        let session = self.call.session;
        let own = [session.user_id(), session.app.as_ref().map(|app| app.id)];
        let mut is_own = false;
        self.stage.query("SELECT user_id, app_id FROM schedule WHERE id = ?", &[Bound::Integer(id)], &mut |row| {
            is_own = [optional_integer(row, 0), optional_integer(row, 1)] == own;
            Ok(())
        })?;
        match is_own {
            true => Ok(()),
            false => Err(Error::forbidden(
                "A schedule runs in the name of its user: only administrators may write those of others, or in another app.",
            )),
        }
    }

    /// Every role that the query names must be within the writer's.
    fn roles(&self, sql: &str, id: i64) -> Result<()> {
        let mut roles = Vec::new();
        self.stage.query(sql, &[Bound::Integer(id)], &mut |row| {
            roles.extend(optional_integer(row, 0));
            Ok(())
        })?;
        roles.into_iter().try_for_each(|role| self.role_is_within(role))
    }

    fn role_is_within(&self, id: i64) -> Result<()> {
        // A role that is still to come may grant anything.
        let mut exists = false;
        self.stage.query("SELECT 1 FROM role WHERE id = ?", &[Bound::Integer(id)], &mut |_| {
            exists = true;
            Ok(())
        })?;
        if !exists {
            return Err(Error::forbidden(format!("There is no role {id}.")));
        }
        let mut beyond: Option<AccessRow> = None;
        self.stage.query(ACCESS_ROWS, &[Bound::Integer(id)], &mut |row| {
            let row = access_row(row);
            if beyond.is_none() && !covers(self.role, &row) {
                beyond = Some(row);
            }
            Ok(())
        })?;
        match beyond {
            None => Ok(()),
            Some(row) => Err(Error::forbidden(format!(
                "You can not grant, take or change more than your own role allows: role {id} grants '{}' of {}.",
                row.component,
                row.service.map_or_else(|| "every service".to_owned(), |service| format!("service '{service}'"))
            ))),
        }
    }

    /// What a record belongs to (user, role, app) must not be the writer's own: it decides what the writer may do or see.
    fn not_own(&self, sql: &str, id: i64) -> Result<()> {
        let session = self.call.session;
        let own =
            [session.user_id(), session.role.as_ref().map(|role| role.id), session.app.as_ref().map(|app| app.id)];
        let mut is_own = false;
        self.stage.query(sql, &[Bound::Integer(id)], &mut |row| {
            is_own |=
                (0..own.len()).any(|column| own[column].is_some() && optional_integer(row, column) == own[column]);
            Ok(())
        })?;
        match is_own {
            true => {
                Err(Error::forbidden("You can not change your own roles or lookups, nor those of your role or app."))
            }
            false => Ok(()),
        }
    }
}
