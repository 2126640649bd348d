//! System lookups: those of the table that belong to no app, role or user.

use super::{Resource, equals, require, require_if_given};
use antiphon_gateway::Call;
use antiphon_model::{Object, Result};
use antiphon_sql::catalog::Table;
use antiphon_sql::condition::Condition;
use antiphon_sql::statement::Bound;

const OWNERS: [&str; 3] = ["app_id", "role_id", "user_id"];

pub(super) struct Lookups;

impl Resource for Lookups {
    fn condition(&self, call: &Call<'_>, table: &Table) -> Option<Condition> {
        let mut conditions: Vec<Condition> =
            OWNERS.iter().filter_map(|owner| equals(table, owner, Bound::Null)).collect();
        if !call.session.is_admin() {
            conditions.extend(equals(table, "private", Bound::Boolean(false)));
        }
        Some(Condition::And(conditions))
    }

    fn create(&self, _call: &Call<'_>, record: &mut Object) -> Result<()> {
        OWNERS.iter().for_each(|owner| drop(record.remove(*owner)));
        require(record, "name")
    }

    fn update(&self, _call: &Call<'_>, _existing: &Object, record: &mut Object) -> Result<()> {
        OWNERS.iter().for_each(|owner| drop(record.remove(*owner)));
        require_if_given(record, "name")
    }
}
