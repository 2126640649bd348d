//! An alias must not be the name of something else: requests could no longer tell the two apart (5.1).

use super::definition::{FieldDefinition, TableDefinition, text};
use crate::catalog::{Catalog, Field, Table};
use antiphon_model::{Error, Object, Result};

/// Checks the alias that a definition gives to its table, and the table's name against the aliases of others.
///
/// # Errors
/// 400 when another table has that name or alias.
pub(super) fn check_table(catalog: &Catalog, definition: &TableDefinition) -> Result<()> {
    let others = || catalog.tables().iter().filter(|table| !table.name.eq_ignore_ascii_case(&definition.name));
    for name in [Some(definition.name.as_str()), text(&definition.extras, "alias")].into_iter().flatten() {
        let taken = |other: &&std::sync::Arc<Table>| is_called(&other.name, other.alias.as_deref(), name);
        if let Some(other) = others().find(taken) {
            return Err(clash("table", name, &other.name));
        }
    }
    Ok(())
}

/// Checks the aliases that definitions give to fields of a table, among themselves and against the fields that stay as they are.
///
/// # Errors
/// 400 when another field has that name or alias.
pub(super) fn check_fields(known: &[Field], fields: &[FieldDefinition], dropped: &[&Field]) -> Result<()> {
    for (position, field) in fields.iter().enumerate() {
        let Some(alias) = text(&field.extras, "alias") else { continue };
        let given = fields.iter().enumerate().filter(|(other, _)| *other != position).map(|(_, other)| other);
        let given_too = given.map(|other| (other.name.as_str(), text(&other.extras, "alias")));
        let stays = |other: &&Field| {
            let same = |name: &str| name.eq_ignore_ascii_case(&other.name);
            !fields.iter().any(|field| same(&field.name)) && !dropped.iter().any(|field| same(&field.name))
        };
        let staying = known.iter().filter(stays).map(|other| (other.name.as_str(), other.alias.as_deref()));
        if let Some((other, _)) = given_too.chain(staying).find(|(other, taken)| is_called(other, *taken, alias)) {
            return Err(clash("field", alias, other));
        }
    }
    Ok(())
}

/// Checks the alias that a definition gives to a relation of a table.
///
/// # Errors
/// 400 when a field or another relation has that name or alias.
pub(super) fn check_relation(table: &Table, name: &str, members: &Object) -> Result<()> {
    let Some(alias) = text(members, "alias") else { return Ok(()) };
    let relations = table.relations.iter().filter(|relation| relation.name != name);
    let relations = relations.map(|relation| (relation.name.as_str(), relation.alias.as_deref()));
    let fields = table.fields.iter().map(|field| (field.name.as_str(), field.alias.as_deref()));
    match relations.chain(fields).find(|(other, taken)| is_called(other, *taken, alias)) {
        Some((other, _)) => Err(clash("relation", alias, other)),
        None => Ok(()),
    }
}

fn is_called(name: &str, alias: Option<&str>, wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted) || alias.is_some_and(|alias| alias.eq_ignore_ascii_case(wanted))
}

fn clash(kind: &str, name: &str, other: &str) -> Error {
    Error::bad_request(format!("The {kind} can not be called '{name}': '{other}' has that name or alias already."))
}
