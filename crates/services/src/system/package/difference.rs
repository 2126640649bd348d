//! What a package says otherwise than what is stored: only that is written, so that importing twice changes nothing.

use super::kinds::Child;
use antiphon_model::{Object, Value};

/// The members of a record that differ from what is stored, those of its children left out.
pub(super) fn difference<'c>(stored: &Object, record: &Object, children: impl Iterator<Item = &'c str>) -> Object {
    let children: Vec<&str> = children.collect();
    let changed = |(name, value): &(&String, &Value)| {
        !children.contains(&name.as_str()) && stored.get(*name).is_none_or(|stored| !same(stored, value))
    };
    record.iter().filter(changed).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Of a configuration only what differs is sent: the rest stays.
pub(super) fn change_of_config(stored: &Object, record: &Object, change: &mut Object) {
    let (Some(stored), Some(config)) =
        (stored.get("config").and_then(Value::as_object), record.get("config").and_then(Value::as_object))
    else {
        return;
    };
    let config = difference(stored, config, std::iter::empty());
    match config.is_empty() {
        true => change.shift_remove("config"),
        false => change.insert("config".into(), Value::Object(config)),
    };
}

/// The children that are new, and those that differ, with their identifiers.
pub(super) fn changed_children(child: &Child, existing: &[&Object], ids: &[Value], rows: &[&Object]) -> Vec<Value> {
    let mut free: Vec<usize> = (0..existing.len()).collect();
    let mut changed = Vec::new();
    for row in rows {
        let is_same = |known: &Object| {
            child
                .key
                .iter()
                .all(|key| same(known.get(*key).unwrap_or(&Value::Null), row.get(*key).unwrap_or(&Value::Null)))
        };
        match free.iter().position(|index| is_same(existing[*index])) {
            None => changed.push(Value::Object((*row).clone())),
            Some(position) => {
                let index = free.remove(position);
                let mut change = difference(existing[index], row, std::iter::empty());
                if !change.is_empty() {
                    change.insert("id".into(), ids.get(index).cloned().unwrap_or_default());
                    changed.push(Value::Object(change));
                }
            }
        }
    }
    changed
}

/// Names are the same in any case: references are looked up so.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::json;

    const CHILD: Child = Child { relation: "rows", parent: "role_id", key: &["service", "component"] };

    fn object(value: Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let stored = object(json!({"a": 1, "b": "x", "c": null, "rows": []}));
        let record = object(json!({"a": 1.0, "b": "y", "d": null, "rows": [{}]}));
        let change = difference(&stored, &record, ["rows"].into_iter());
        assert_eq!(Value::Object(change), json!({"b": "y", "d": null}));
    }

    #[test]
    fn a_part_of_a_configuration_is_a_change_of_that_part() {
        let stored = object(json!({"config": {"host": "h", "port": 1}}));
        let changed = |config: Value| {
            let record = object(json!({ "config": config }));
            let mut change = difference(&stored, &record, std::iter::empty());
            change_of_config(&stored, &record, &mut change);
            Value::Object(change)
        };
        assert_eq!(changed(json!({"host": "h", "port": 2})), json!({"config": {"port": 2}}));
        assert_eq!(changed(json!({"host": "h"})), json!({}));
    }

    #[test]
    fn children_are_known_by_what_they_are_about() {
        let row = |service: &str, mask: u8| object(json!({"service": service, "component": "*", "mask": mask}));
        let (first, second) = (row("db", 1), row("files", 1));
        let (changed, new) = (row("files", 3), row("mail", 1));
        let ids = [json!(10), json!(11)];
        let rows = changed_children(&CHILD, &[&first, &second], &ids, &[&first, &changed, &new]);
        assert_eq!(Value::Array(rows), json!([{"mask": 3, "id": 11}, new]));
        let twice = changed_children(&CHILD, &[&first], &ids, &[&first, &first]);
        assert_eq!(twice.len(), 1, "one that is there, and one that is not");
    }
}
