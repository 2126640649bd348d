//! Nested data: parents before the record, children and links after it, all in its transaction (15.3).

use crate::catalog::{Field, Junction, Relation, RelationType, Table};
use crate::condition::Condition;
use crate::records::{Plan, RecordRule, Scope, condition_of, delete_row, identifying_fields, insert, update, value};
use crate::row_filter::row_condition;
use crate::transaction::Transaction;
use antiphon_model::{Error, Object, Result, Value, Verb};

/// The nested data of one record.
pub(crate) struct Nested<'t> {
    parts: Vec<(&'t Relation, Value)>,
}

impl<'t> Nested<'t> {
    /// Takes the nested data out of a record.
    pub(crate) fn take(table: &'t Table, record: &mut Object) -> Nested<'t> {
        let mut parts = Vec::new();
        for relation in &table.relations {
            let name = relation.wire_name();
            let key = match record.contains_key(name) {
                true => Some(name.to_owned()),
                false => record.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned(),
            };
            if let Some(value) = key.and_then(|key| record.shift_remove(&key)) {
                parts.push((relation, value));
            }
        }
        Nested { parts }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The record's fields that its children refer to.
    pub(crate) fn join_fields(&self, table: &'t Table) -> Vec<&'t Field> {
        self.parts.iter().flat_map(|(relation, _)| &relation.fields).filter_map(|name| table.field(name)).collect()
    }

    /// Writes the records that this one belongs to, and sets its foreign keys.
    ///
    /// # Errors
    /// 400 `Failed to update belongs-to assignment.` and why.
    pub(crate) fn write_parents(
        &self,
        scope: &Scope<'_>,
        transaction: &Transaction<'_>,
        record: &mut Object,
    ) -> Result<()> {
        for (relation, nested) in self.parts.iter().filter(|(relation, _)| relation.kind == RelationType::BelongsTo) {
            let Some(parent) = nested.as_object().filter(|parent| !parent.is_empty()) else { continue };
            let key = Writer::new(scope, transaction, relation)
                .and_then(|writer| writer.write_parent(parent))
                .map_err(|error| failed("Failed to update belongs-to assignment.", error))?;
            let name = wire_name(scope.table, &relation.fields[0]);
            record.retain(|known, _| !known.eq_ignore_ascii_case(&name));
            record.insert(name, key);
        }
        Ok(())
    }

    /// Writes the records that belong to this one, and its links.
    ///
    /// # Errors
    /// 400 `Failed to update many to one assignment.` and why.
    pub(crate) fn write_children(
        &self,
        scope: &Scope<'_>,
        transaction: &Transaction<'_>,
        stored: &Object,
    ) -> Result<()> {
        for kind in [RelationType::HasOne, RelationType::HasMany, RelationType::ManyMany] {
            for (relation, nested) in self.parts.iter().filter(|(relation, _)| relation.kind == kind) {
                let message = match kind {
                    RelationType::ManyMany => "Failed to update many to one map assignment.",
                    _ => "Failed to update many to one assignment.",
                };
                Writer::new(scope, transaction, relation)
                    .and_then(|writer| writer.write(stored, nested))
                    .map_err(|error| failed(message, error))?;
            }
        }
        Ok(())
    }
}

/// Writes through one relation.
struct Writer<'a> {
    scope: &'a Scope<'a>,
    transaction: &'a Transaction<'a>,
    relation: &'a Relation,
    table: std::sync::Arc<Table>,
}

impl<'a> Writer<'a> {
    fn new(scope: &'a Scope<'a>, transaction: &'a Transaction<'a>, relation: &'a Relation) -> Result<Writer<'a>> {
        if relation.fields.len() != 1 || relation.ref_fields.len() != 1 {
            return Err(Error::not_implemented(
                "Relating records with multi-column foreign keys is not currently supported.",
            ));
        }
        if relation.ref_service_id.is_some() && relation.ref_service_id != scope.database.config().service_id {
            return Err(Error::not_implemented("Records of another service can not be written through a relation."));
        }
        Ok(Writer { scope, transaction, relation, table: scope.database.table(&relation.ref_table)? })
    }

    /// Another table, as this caller may use it with this verb.
    fn scope<'t>(&'t self, table: &'t Table, verb: Verb) -> Result<Scope<'t>> {
        let filters = self.scope.related.authorize_write(table.wire_name(), verb)?;
        Ok(Scope {
            database: self.scope.database,
            table,
            lookups: self.scope.lookups,
            user_id: self.scope.user_id,
            related: self.scope.related,
            rule: self.scope.related.rule(table.wire_name()),
            rows: row_condition(&filters, table, self.scope.lookups)?,
            identifiers: identifying_fields(table, None)?,
            allow_related_delete: self.scope.allow_related_delete,
            followup: None,
        })
    }

    fn ref_field(&self) -> Result<&Field> {
        field(&self.table, &self.relation.ref_fields[0])
    }

    /// Creates or changes the record that this one belongs to; answers with the value that refers to it.
    fn write_parent(&self, parent: &Object) -> Result<Value> {
        let key = self.ref_field()?;
        match value(parent, key.wire_name()).filter(|value| !value.is_null()) {
            None if !key.auto_increment => Err(no_key(key)),
            None => self.create(parent, key),
            Some(known) => {
                let known = known.clone();
                match self.change_or_find(parent, &[key])? {
                    true => Ok(known),
                    false => self.create(parent, key),
                }
            }
        }
    }

    fn write(&self, stored: &Object, nested: &Value) -> Result<()> {
        let own = wire_name(self.scope.table, &self.relation.fields[0]);
        let parent = stored.get(&own).cloned().unwrap_or_default();
        let items: Vec<&Value> = match nested {
            Value::Array(items) => items.iter().collect(),
            Value::Null => Vec::new(),
            Value::Object(item) if item.is_empty() => Vec::new(),
            item => vec![item],
        };
        if items.is_empty() && self.relation.kind == RelationType::HasOne && !nested.is_array() {
            return self.detach_all(&parent);
        }
        for item in items {
            let item = item
                .as_object()
                .ok_or_else(|| Error::bad_request("A related record must be an object of field names and values."))?;
            match &self.relation.junction {
                Some(junction) => self.write_link(junction, &own, &parent, item)?,
                None => self.write_child(&parent, item)?,
            }
        }
        Ok(())
    }

    fn write_child(&self, parent: &Value, item: &Object) -> Result<()> {
        let reference = self.ref_field()?;
        let keys = identifying_fields(&self.table, None)?;
        let given = |field: &&Field| value(item, field.wire_name()).is_some_and(|value| !value.is_null());
        let detaches = value(item, reference.wire_name()).is_some_and(Value::is_null);
        let has_key = !keys.is_empty() && keys.iter().all(|key| given(key) || key.name == reference.name);
        if detaches && has_key {
            let own = condition_of(&keys, item)?.and(condition_of(&[reference], &of(reference, parent))?);
            return self.detach(&own);
        }
        let mut item = item.clone();
        item.retain(|name, _| !name.eq_ignore_ascii_case(reference.wire_name()));
        item.insert(reference.wire_name().to_owned(), parent.clone());
        let rule = self.scope.related.rule(self.table.wire_name());
        if has_key {
            if !rule.adopts_children() {
                self.refuse_foreign(&keys, &item, reference)?;
            }
            if self.change_or_find(&item, &keys)? {
                return Ok(());
            }
        } else if let Some(name) = rule.child_name(&self.table).and_then(|name| self.table.field(name))
            && given(&name)
            && self.change_or_find(&item, &[reference, name])?
        {
            return Ok(());
        }
        if let Some(key) = keys.iter().find(|key| !key.auto_increment && key.default.is_null() && !given(key))
            && key.name != reference.name
        {
            return Err(no_key(key));
        }
        if has_key && keys.iter().any(|key| key.auto_increment) {
            let id = keys.iter().filter_map(|key| value(&item, key.wire_name())).map(ToString::to_string);
            return Err(Error::record_not_found(id.collect::<Vec<_>>().join(",")));
        }
        let child = self.scope(&self.table, Verb::Post)?;
        insert(&child, self.transaction, &item, 0).map(drop).map_err(|error| refused_child(child.rule, error))
    }

    /// Refuses a child that belongs to another record already.
    fn refuse_foreign(&self, keys: &[&Field], item: &Object, reference: &Field) -> Result<()> {
        let scope = self.scope(&self.table, Verb::Get).or_else(|_| self.scope(&self.table, Verb::Patch))?;
        let plan = Plan::of([reference]);
        let Some(stored) = plan.first(self.transaction.connection(), &scope, &condition_of(keys, item)?)? else {
            return Ok(());
        };
        let (owner, parent) = (value(&stored, reference.wire_name()), value(item, reference.wire_name()));
        match owner.filter(|owner| !owner.is_null()) {
            Some(owner) if parent.is_none_or(|parent| parent != owner) => {
                let ids = keys.iter().filter_map(|key| value(item, key.wire_name())).map(ToString::to_string);
                let (ids, table) = (ids.collect::<Vec<_>>().join(","), self.table.wire_name());
                Err(Error::bad_request(format!("The record '{ids}' of '{table}' belongs to another record.")))
            }
            _ => Ok(()),
        }
    }

    fn write_link(&self, junction: &Junction, own: &str, parent: &Value, item: &Object) -> Result<()> {
        let far = self.ref_field()?;
        let unlink = format!("{}.{own}", self.scope.table.wire_name());
        let unlinks = value(item, &unlink).is_some_and(Value::is_null);
        let mut item = item.clone();
        item.retain(|name, _| !name.eq_ignore_ascii_case(&unlink));
        let known = value(&item, far.wire_name()).filter(|value| !value.is_null()).cloned();
        let key = match known {
            None if !far.auto_increment => return Err(no_key(far)),
            None => self.create(&item, far)?,
            Some(known) if unlinks => known,
            Some(known) => match self.change_or_find(&item, &[far])? {
                true => known,
                false if far.auto_increment => return Err(Error::record_not_found(known)),
                false => self.create(&item, far)?,
            },
        };
        let table = self.scope.database.table(&junction.table)?;
        let (here, there) = (field(&table, &junction.field)?, field(&table, &junction.ref_field)?);
        let mut link = of(here, parent);
        link.extend(of(there, &key));
        let condition = condition_of(&[here, there], &link)?;
        if unlinks {
            let scope = self.scope(&table, Verb::Delete)?;
            return delete_row(&scope, self.transaction, &condition).map(drop);
        }
        let scope = self.scope(&table, Verb::Post)?;
        match self.find(&scope, &condition)? {
            true => Ok(()),
            false => insert(&scope, self.transaction, &link, 0).map(drop),
        }
    }

    fn create(&self, item: &Object, key: &Field) -> Result<Value> {
        let mut scope = self.scope(&self.table, Verb::Post)?;
        let key = field(&self.table, &key.name)?;
        if scope.identifiers.iter().all(|known| known.name != key.name) {
            scope.identifiers.push(key);
        }
        let stored = insert(&scope, self.transaction, item, 0).map_err(|error| refused_child(scope.rule, error))?;
        Ok(stored.get(key.wire_name()).cloned().unwrap_or_default())
    }

    /// Changes the record with these keys if there is more to it than its keys; tells whether it exists.
    fn change_or_find(&self, item: &Object, keys: &[&Field]) -> Result<bool> {
        let condition = condition_of(keys, item)?;
        let only_keys = item.keys().all(|name| keys.iter().any(|key| key.wire_name().eq_ignore_ascii_case(name)));
        if only_keys {
            let scope = self.scope(&self.table, Verb::Get).or_else(|_| self.scope(&self.table, Verb::Patch))?;
            return self.find(&scope, &condition.and(scope.visible()));
        }
        let scope = self.scope(&self.table, Verb::Patch)?;
        if !self.find(&scope, &condition.clone().and(scope.visible()))? {
            return Ok(false);
        }
        Ok(update(&scope, self.transaction, &condition, item)?.is_some())
    }

    fn find(&self, scope: &Scope<'_>, condition: &Condition) -> Result<bool> {
        let none: [&Field; 0] = [];
        Ok(Plan::of(none).first(self.transaction.connection(), scope, condition)?.is_some())
    }

    /// Lets go of every child of this parent.
    fn detach_all(&self, parent: &Value) -> Result<()> {
        let reference = self.ref_field()?;
        self.detach(&condition_of(&[reference], &of(reference, parent))?)
    }

    /// Lets go of the children for which the condition holds: their foreign key becomes null, or they go.
    fn detach(&self, condition: &Condition) -> Result<()> {
        let reference = self.ref_field()?;
        let rule = self.scope.related.rule(self.table.wire_name());
        let deletes = self.scope.rule.deletes_detached() || rule.deletes_detached();
        if reference.allow_null && !deletes {
            let scope = self.scope(&self.table, Verb::Patch)?;
            return update(&scope, self.transaction, condition, &of(reference, &Value::Null)).map(drop);
        }
        if deletes || self.scope.allow_related_delete {
            let scope = self.scope(&self.table, Verb::Delete)?;
            return delete_row(&scope, self.transaction, condition).map(drop);
        }
        Err(Error::bad_request(format!(
            "Field '{}' can not be NULL: use allow_related_delete=true to delete related records instead.",
            reference.wire_name()
        )))
    }
}

fn of(field: &Field, value: &Value) -> Object {
    Object::from_iter([(field.wire_name().to_owned(), value.clone())])
}

fn field<'t>(table: &'t Table, name: &str) -> Result<&'t Field> {
    let missing = || Error::bad_request(format!("The relation names an unknown field '{name}' of '{}'.", table.name));
    table.field(name).ok_or_else(missing)
}

fn wire_name(table: &Table, name: &str) -> String {
    table.field(name).map_or_else(|| name.to_owned(), |field| field.wire_name().to_owned())
}

fn no_key(key: &Field) -> Error {
    Error::bad_request(format!("Related record has no primary key value for '{}'.", key.wire_name()))
}

/// A refused related record is told as the batch of one that it is on its own table's endpoint, unless its rule tells why.
fn refused_child(rule: &dyn RecordRule, error: Error) -> Error {
    match error.status {
        401 | 403 | 501 | 503 => error,
        _ if rule.tells_reasons() => error,
        _ => {
            let batch = Error::batch(antiphon_model::BatchVerb::Created, &[0], vec![error.to_value()], false);
            Error { cause: Some(error.to_string()), ..batch }
        }
    }
}

fn failed(message: &str, error: Error) -> Error {
    if matches!(error.status, 401 | 403 | 501 | 503) {
        return error;
    }
    let cause = error.cause.clone().unwrap_or_else(|| error.message.clone());
    Error::bad_request(format!("{message}\n{}", error.message)).with_cause(cause)
}
