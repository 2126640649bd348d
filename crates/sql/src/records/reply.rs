//! What a write answers for each record: its identifier, or the fields and relations that were asked for.

use super::plan::Plan;
use super::{Context, identify, read};
use crate::relations::read as relations;
use crate::transaction::Transaction;
use antiphon_model::{Error, Object, Result};

/// The shape of a write's answers.
pub(super) struct Reply<'t> {
    plan: Plan<'t>,
    wanted: Vec<relations::Wanted<'t>>,
    /// Nothing is asked for beyond the identifier.
    plain: bool,
}

impl<'t> Reply<'t> {
    /// The shape that a request asks for.
    ///
    /// # Errors
    /// 400 for unknown fields.
    pub(super) fn of_write(context: &'t Context<'_>) -> Result<Reply<'t>> {
        let identifiers = &context.scope.identifiers;
        let wanted = relations::requested_by_write(context)?;
        let mut plan = Plan::requested(context, || match identifiers.is_empty() {
            true => Plan::all(context.scope.table),
            false => Plan::of(identifiers.iter().copied()),
        })?;
        relations::add_join_fields(context.scope.table, &wanted, &mut plan);
        let plain = wanted.is_empty() && plan.is_only(identifiers);
        Ok(Reply { plan, wanted, plain })
    }

    /// The identifier of a record, from what a write answered.
    pub(super) fn identifier(&self, context: &Context<'_>, stored: &Object) -> Object {
        if context.scope.identifiers.is_empty() {
            return stored.clone();
        }
        let names = context.scope.identifiers.iter().map(|field| field.wire_name());
        names.map(|name| (name.to_owned(), stored.get(name).cloned().unwrap_or_default())).collect()
    }

    /// What is answered for the record, read inside the transaction.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn row(&self, context: &Context<'_>, transaction: &Transaction<'_>, stored: &Object) -> Result<Object> {
        if self.plain || context.scope.identifiers.is_empty() {
            return Ok(self.identifier(context, stored));
        }
        let key = identify::condition_of(&context.scope.identifiers, stored)?;
        let row = self.plan.first(transaction.connection(), &context.scope, &key)?;
        row.ok_or_else(|| Error::internal("The record could not be read back.", "no row under its key"))
    }

    /// The columns that are read.
    pub(super) fn plan(&self) -> &Plan<'t> {
        &self.plan
    }

    /// The relations that are read along.
    pub(super) fn wanted(&self) -> &[relations::Wanted<'t>] {
        &self.wanted
    }

    /// Completes the rows after the transaction: relations may run scripts, which must not find the database locked.
    ///
    /// # Errors
    /// When a relation can't be read.
    pub(super) fn finish(&self, context: &Context<'_>, rows: &mut [Object]) -> Result<()> {
        if self.plain {
            return Ok(());
        }
        read::finish(context, &self.wanted, rows)
    }
}
