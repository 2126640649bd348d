//! From a matched route to the events that fire (events-and-scripting 1.2, 1.3).

use crate::Matched;
use antiphon_model::{Object, Value, Verb};

/// One event of a call, without its type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FiredEvent {
    /// `service[.resource].verb`.
    pub base: String,
    /// `event.resource`: the part of the path that the name leaves open.
    pub resource: Value,
    /// `event.limit`, of an event that no call fires.
    pub limit: Option<Value>,
}

/// The events of a call for which `look_up` knows something, with what it knows, in firing order and without duplicates: the legacy
/// name, the documented name, and the concrete names of both. `service` is the name as stored, `path` the path below it as typed.
/// Most names have no script, so nothing but the name is made for them.
pub(crate) fn fired_events<T>(
    service: &str,
    matched: &Matched,
    path: &str,
    verb: Verb,
    look_up: impl Fn(&str) -> Option<T>,
) -> Vec<(FiredEvent, T)> {
    let route = &matched.route;
    let documented = route.event_path();
    let open = || match route.resource_is_map() {
        true => parameter_map(matched),
        false => Value::String(rest_after(path, route.base_segments()).to_owned()),
    };
    let mut names: Vec<String> = Vec::with_capacity(4);
    let mut fired = Vec::new();
    let mut add = |event_path: &str, resource: &dyn Fn() -> Value| {
        let dot = if event_path.is_empty() { "" } else { "." };
        let base = [service, dot, event_path, ".", verb.lower()].concat();
        if names.iter().any(|name| name.eq_ignore_ascii_case(&base)) {
            return;
        }
        if let Some(known) = look_up(&base) {
            fired.push((FiredEvent { base: base.clone(), resource: resource(), limit: None }, known));
        }
        names.push(base);
    };
    if let Some(legacy) = route.legacy() {
        add(legacy, &open);
    }
    add(documented, &open);
    if let Some(parameter) = route.concrete() {
        let value = matched.parameter(parameter.trim_matches(['{', '}']));
        let below = rest_after(path, route.base_segments() + 1);
        let concrete = || Value::String(if below.is_empty() { value } else { below }.to_owned());
        for event_path in route.legacy().into_iter().chain([documented]) {
            if event_path.contains(parameter) {
                add(&event_path.replacen(parameter, value, 1), &concrete);
            }
        }
    }
    fired
}

/// `{"{name}": "value"}`, or null when the path has no parameter.
fn parameter_map(matched: &Matched) -> Value {
    let map: Object =
        matched.parameters().map(|(name, value)| (format!("{{{name}}}"), Value::String(value.to_owned()))).collect();
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

fn rest_after(path: &str, segments: usize) -> &str {
    let mut rest = path;
    for _ in 0..segments {
        rest = rest.split_once('/').map_or("", |(_, tail)| tail);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Route, RouteTable};

    fn fired(path: &str, verb: Verb) -> Vec<(String, String)> {
        use Verb::*;
        let table = RouteTable::new(vec![
            Route::new("_table/{table_name}", &[Get], "").concrete_by("table_name"),
            Route::new("_table/{table_name}/{id}", &[Get], "").concrete_by("table_name"),
            Route::new("service/{id}", &[Get], "").legacy_event("service"),
            Route::new("_schema/{table_name}/_field", &[Get], "")
                .legacy_event("_schema.{table_name}.{field}")
                .concrete_by("table_name"),
            Route::new("", &[Get], ""),
        ]);
        let matched = table.find(path).unwrap();
        fired_events("db", &matched, path, verb, |_| Some(()))
            .into_iter()
            .map(|(event, ())| (event.base, event.resource.as_str().unwrap().to_owned()))
            .collect()
    }

    fn pair(base: &str, resource: &str) -> (String, String) {
        (base.to_owned(), resource.to_owned())
    }

    #[test]
    fn the_generic_name_fires_before_the_concrete_one() {
        assert_eq!(
            fired("_table/todo", Verb::Get),
            [pair("db._table.{table_name}.get", "todo"), pair("db._table.todo.get", "todo")]
        );
        assert_eq!(
            fired("_table/Todo/7", Verb::Patch),
            [pair("db._table.{table_name}.{id}.patch", "Todo/7"), pair("db._table.Todo.{id}.patch", "7")]
        );
    }

    #[test]
    fn the_legacy_name_fires_before_the_documented_one() {
        assert_eq!(fired("service/5", Verb::Get), [pair("db.service.get", "5"), pair("db.service.{id}.get", "5")]);
        assert_eq!(
            fired("_schema/todo/_field", Verb::Get),
            [
                pair("db._schema.{table_name}.{field}.get", "todo/_field"),
                pair("db._schema.{table_name}._field.get", "todo/_field"),
                pair("db._schema.todo.{field}.get", "_field"),
                pair("db._schema.todo._field.get", "_field"),
            ]
        );
    }

    #[test]
    fn a_documented_path_tells_its_parameters_as_a_map() {
        let table = RouteTable::new(vec![
            Route::new("today/{lat}", &[Verb::Get], "").resource_as_map(),
            Route::new("today/now", &[Verb::Get], "").resource_as_map(),
        ]);
        let resource = |path: &str| {
            let fired = fired_events("forecast", &table.find(path).unwrap(), path, Verb::Get, |_| Some(()));
            (fired[0].0.base.clone(), fired[0].0.resource.clone())
        };
        assert_eq!(resource("today/51"), ("forecast.today.{lat}.get".into(), serde_json::json!({ "{lat}": "51" })));
        assert_eq!(resource("today/now"), ("forecast.today.now.get".into(), Value::Null));
    }

    #[test]
    fn the_root_fires_the_service_alone() {
        assert_eq!(fired("", Verb::Get), [pair("db.get", "")]);
    }
}
