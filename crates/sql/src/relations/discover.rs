//! Relations that follow from foreign keys, and their names (15.1).

use crate::catalog::{Junction, Relation, RelationType, Table};
use crate::dialect::{DiscoveredTable, TableKey};
use crate::schema::labels;

/// Adds to every table the relations that its own and the other tables' keys make.
pub(crate) fn add_relations(found: Vec<DiscoveredTable>) -> Vec<Table> {
    let mut relations: Vec<Vec<Relation>> = found.iter().map(|each| relations_of(each, &found)).collect();
    found.into_iter().zip(relations.drain(..)).map(|(each, relations)| Table { relations, ..each.table }).collect()
}

fn relations_of(own: &DiscoveredTable, all: &[DiscoveredTable]) -> Vec<Relation> {
    let mut relations = Vec::new();
    for key in &own.keys {
        let mut relation = belongs_to(key);
        if same(&key.ref_table, &own.table.name) {
            relation.name.push_str("_parent");
            relation.label = labels::label(&relation.name);
        }
        relations.push(relation);
    }
    for child in all {
        for key in child.keys.iter().filter(|key| same(&key.ref_table, &own.table.name)) {
            relations.push(has(child, key));
        }
    }
    for junction in all.iter().filter(|junction| !same(&junction.table.name, &own.table.name)) {
        many_many(own, junction, &mut relations);
    }
    relations
}

fn belongs_to(key: &TableKey) -> Relation {
    Relation {
        ref_on_update: Some(key.on_update.clone()),
        ref_on_delete: Some(key.on_delete.clone()),
        ..relation(
            format!("{}_by_{}", key.ref_table, key.fields.join("_")),
            RelationType::BelongsTo,
            key.fields.clone(),
            &key.ref_table,
            key.ref_fields.clone(),
        )
    }
}

fn has(child: &DiscoveredTable, key: &TableKey) -> Relation {
    let kind = match is_unique(&child.table, &key.fields) {
        true => RelationType::HasOne,
        false => RelationType::HasMany,
    };
    Relation {
        ref_on_update: Some(key.on_update.clone()),
        ref_on_delete: Some(key.on_delete.clone()),
        ..relation(
            format!("{}_by_{}", child.table.name, key.fields.join("_")),
            kind,
            key.ref_fields.clone(),
            &child.table.name,
            key.fields.clone(),
        )
    }
}

fn many_many(own: &DiscoveredTable, junction: &DiscoveredTable, relations: &mut Vec<Relation>) {
    let single = |key: &&TableKey| key.fields.len() == 1 && key.ref_fields.len() == 1;
    for here in junction.keys.iter().filter(single).filter(|key| same(&key.ref_table, &own.table.name)) {
        for there in junction.keys.iter().filter(single).filter(|key| !same(&key.ref_table, &own.table.name)) {
            let plain = format!("{}_by_{}", there.ref_table, junction.table.name);
            let (field, ref_field) = (&here.fields[0], &there.fields[0]);
            let names = [plain.clone(), format!("{plain}_{field}"), format!("{plain}_{field}_{ref_field}")];
            let free = |name: &&String| relations.iter().all(|known| known.name != **name);
            let Some(name) = names.iter().find(free).cloned() else { continue };
            relations.push(Relation {
                junction: Some(Junction {
                    table: junction.table.name.clone(),
                    field: field.clone(),
                    ref_field: ref_field.clone(),
                }),
                ..relation(
                    name,
                    RelationType::ManyMany,
                    here.ref_fields.clone(),
                    &there.ref_table,
                    there.ref_fields.clone(),
                )
            });
        }
    }
}

/// A relation with nothing but its ends.
pub(crate) fn relation(
    name: String,
    kind: RelationType,
    fields: Vec<String>,
    ref_table: &str,
    ref_fields: Vec<String>,
) -> Relation {
    Relation {
        label: labels::label(&name),
        name,
        alias: None,
        description: None,
        kind,
        fields,
        ref_table: ref_table.to_owned(),
        ref_fields,
        ref_service_id: None,
        ref_on_update: None,
        ref_on_delete: None,
        junction: None,
        flatten: false,
        flatten_drop_prefix: false,
        is_virtual: false,
        always_fetch: false,
    }
}

fn is_unique(table: &Table, columns: &[String]) -> bool {
    if table.primary_key == columns {
        return true;
    }
    match columns {
        [only] => table.fields.iter().any(|field| field.is_unique && same(&field.name, only)),
        _ => false,
    }
}

fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}
