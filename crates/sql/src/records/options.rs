//! The options of a request, from the query and from the top level of the body (6, 7.2).
//!
//! The query wins. A bare record is never searched for options: a column called `order` or `limit` stays data.

use super::RecordRequest;
use antiphon_model::{Error, Object, Result, Value, Verb, truthy};
use std::borrow::Cow;

/// Which fields are answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldsOption {
    /// Nothing said: all fields of a read, the identifiers of a write.
    Default,
    /// `*`.
    All,
    /// An empty text: the identifiers.
    Identifiers,
    /// These names.
    Named(Vec<String>),
}

/// Which relations are read along.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RelatedOption {
    /// Nothing said: those that are always fetched.
    Default,
    /// `*`.
    All,
    /// These names; an empty list keeps even the always fetched ones away.
    Named(Vec<String>),
}

/// The options of one request.
pub(crate) struct Options<'a> {
    query: &'a Object,
    body: Option<&'a Object>,
    pub(crate) fields: FieldsOption,
    pub(crate) related: RelatedOption,
    /// Identifiers as sent: scalars, or objects and lists for keys of several columns.
    pub(crate) ids: Option<Vec<Value>>,
    pub(crate) filter: Option<Cow<'a, str>>,
    pub(crate) params: Option<&'a Object>,
    parsed_params: Option<Object>,
    pub(crate) order: Option<Cow<'a, str>>,
    pub(crate) group: Option<Cow<'a, str>>,
    pub(crate) having: Option<Cow<'a, str>>,
    pub(crate) id_field: Option<Vec<String>>,
    /// As asked for; zero and below mean the same as none.
    pub(crate) limit: Option<i64>,
    pub(crate) offset: u64,
    pub(crate) include_count: bool,
    pub(crate) count_only: bool,
    pub(crate) include_schema: bool,
    pub(crate) as_list: bool,
    pub(crate) distinct: bool,
    pub(crate) continues: bool,
    pub(crate) rollback: bool,
    pub(crate) force: bool,
    pub(crate) allow_related_delete: bool,
}

impl<'a> Options<'a> {
    /// Reads the options of a request.
    pub(crate) fn read(request: &RecordRequest<'a>) -> Result<Options<'a>> {
        let may_hold_options = request.id.is_none() || request.verb == Verb::Get;
        let body = request.payload.as_object().filter(|_| may_hold_options);
        let source = Source { query: request.parameters, body };
        let (params, parsed_params) = source.params()?;
        let options = Options {
            query: request.parameters,
            body,
            fields: source.fields(),
            related: source.related(),
            ids: source.ids()?,
            filter: source.filter()?,
            params,
            parsed_params,
            order: source.text(&["order", "sort", "order_by"]),
            group: source.text(&["group", "group_by"]).filter(|text| !text.trim().is_empty()),
            having: source.text(&["having"]).filter(|text| !text.trim().is_empty()),
            id_field: source.list(&["id_field"]).filter(|names| !names.is_empty()),
            limit: source.integer(&["limit", "top"]),
            offset: source.integer(&["offset", "skip"]).and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
            include_count: source.flag("include_count"),
            count_only: source.flag("count_only"),
            include_schema: source.flag("include_schema"),
            as_list: source.flag("as_list"),
            distinct: source.flag("distinct"),
            continues: source.flag("continue"),
            rollback: source.flag("rollback"),
            force: source.flag("force"),
            allow_related_delete: source.flag("allow_related_delete"),
        };
        if options.continues && options.rollback {
            return Err(Error::bad_request("Rollback and continue operations can not be requested at the same time."));
        }
        Ok(options)
    }

    /// The parameters of the filter.
    pub(crate) fn params(&self) -> Option<&Object> {
        self.params.or(self.parsed_params.as_ref())
    }

    /// The parameters for reading through a relation: those that begin with its name, without it (15.2).
    pub(crate) fn of_relation(&self, relation: &str) -> Object {
        let mut found = Object::new();
        for source in [Some(self.query), self.body].into_iter().flatten() {
            for (name, value) in source {
                let Some(rest) = strip_relation(name, relation) else { continue };
                if !found.contains_key(rest) {
                    found.insert(rest.to_owned(), value.clone());
                }
            }
        }
        found
    }
}

/// Options of a relation; the underscore form of a name is only taken for these, so that it can't be mistaken.
const RELATION_OPTIONS: [&str; 12] = [
    "fields", "select", "limit", "top", "order", "sort", "order_by", "group", "group_by", "filter", "where", "related",
];

fn strip_relation<'n>(name: &'n str, relation: &str) -> Option<&'n str> {
    let (head, rest) = (name.get(..relation.len())?, name.get(relation.len()..)?);
    if !head.eq_ignore_ascii_case(relation) {
        return None;
    }
    if let Some(rest) = rest.strip_prefix('.') {
        return Some(rest).filter(|rest| !rest.is_empty());
    }
    rest.strip_prefix('_').filter(|rest| RELATION_OPTIONS.contains(rest))
}

/// Where options come from: the query first.
struct Source<'a> {
    query: &'a Object,
    body: Option<&'a Object>,
}

impl<'a> Source<'a> {
    fn value(&self, names: &[&str]) -> Option<&'a Value> {
        if self.query.is_empty() && self.body.is_none() {
            return None;
        }
        let find =
            |source: &'a Object| names.iter().find_map(|name| source.get(*name)).filter(|value| !value.is_null());
        find(self.query).or_else(|| self.body.and_then(find))
    }

    fn text(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        match self.value(names)? {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Array(items) => Some(Cow::Owned(items.iter().map(plain).collect::<Vec<_>>().join(","))),
            other => Some(Cow::Owned(plain(other))),
        }
    }

    fn list(&self, names: &[&str]) -> Option<Vec<String>> {
        let items = match self.value(names)? {
            Value::String(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
            Value::Array(items) => items.iter().map(|item| plain(item).trim().to_owned()).collect::<Vec<_>>(),
            other => vec![plain(other)],
        };
        Some(items.into_iter().filter(|item| !item.is_empty()).collect())
    }

    fn integer(&self, names: &[&str]) -> Option<i64> {
        match self.value(names)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => Some(numeric_prefix(text)),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> bool {
        self.value(&[name]).is_some_and(truthy)
    }

    fn fields(&self) -> FieldsOption {
        let names = match (self.value(&["fields", "select"]), self.list(&["fields", "select"])) {
            (Some(Value::String(text)), _) if text.contains('(') => split_outside_parentheses(text),
            (_, Some(names)) => names,
            _ => return FieldsOption::Default,
        };
        if names.is_empty() {
            FieldsOption::Identifiers
        } else if names.iter().any(|name| name == "*") && names.len() == 1 {
            FieldsOption::All
        } else {
            FieldsOption::Named(names)
        }
    }

    fn related(&self) -> RelatedOption {
        match self.list(&["related"]) {
            None => RelatedOption::Default,
            Some(names) if names.iter().any(|name| name == "*") => RelatedOption::All,
            Some(names) => RelatedOption::Named(names),
        }
    }

    fn ids(&self) -> Result<Option<Vec<Value>>> {
        let ids: Vec<Value> = match self.value(&["ids"]) {
            None => return Ok(None),
            Some(Value::String(text)) => {
                text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(Value::from).collect()
            }
            Some(Value::Array(items)) => items.iter().filter(|item| !item.is_null()).cloned().collect(),
            Some(other) => vec![other.clone()],
        };
        match ids.is_empty() {
            true => Err(Error::bad_request("The request contains no valid identifiers.")),
            false => Ok(Some(ids)),
        }
    }

    fn filter(&self) -> Result<Option<Cow<'a, str>>> {
        match self.value(&["filter", "where"]) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(Cow::Borrowed(text))),
            Some(_) => Err(Error::bad_request("Invalid filter.")),
        }
    }

    /// `params` as an object, or, in a query, as its JSON text.
    fn params(&self) -> Result<(Option<&'a Object>, Option<Object>)> {
        match self.value(&["params"]) {
            Some(Value::Object(params)) => Ok((Some(params), None)),
            Some(Value::String(text)) if !text.trim().is_empty() => match serde_json::from_str(text) {
                Ok(params) => Ok((None, Some(params))),
                Err(error) => Err(Error::bad_request("Invalid params: a JSON object of names and values is needed.")
                    .with_cause(error)),
            },
            _ => Ok((None, None)),
        }
    }
}

/// Non-numeric text counts as its numeric prefix, or zero (7.2).
fn numeric_prefix(text: &str) -> i64 {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    let number: i64 = digits[..end].parse().unwrap_or(if end == 0 { 0 } else { i64::MAX });
    if text.starts_with('-') { -number } else { number }
}

fn split_outside_parentheses(text: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let pieces = text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    });
    pieces.map(|piece| piece.trim().to_owned()).filter(|piece| !piece.is_empty()).collect()
}

/// A scalar as text, without quotes.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::json;

    fn object(value: Value) -> Object {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn numbers_are_read_by_their_prefix() {
        assert_eq!(numeric_prefix("12abc"), 12);
        assert_eq!(numeric_prefix("abc"), 0);
        assert_eq!(numeric_prefix("-1"), -1);
        assert_eq!(numeric_prefix("99999999999999999999"), i64::MAX);
    }

    #[test]
    fn a_bare_record_is_never_searched_for_options() {
        let (query, payload) = (Object::new(), json!({"order": "x", "limit": 3}));
        let request =
            RecordRequest { verb: Verb::Patch, table: "t", id: Some("1"), parameters: &query, payload: &payload };
        let options = Options::read(&request).unwrap();
        assert_eq!((options.order, options.limit), (None, None));
    }

    #[test]
    fn the_query_wins_over_the_body_and_aliases_work() {
        let query = object(json!({"top": "5", "select": "a, b"}));
        let payload = json!({"limit": 7, "where": "a = 1", "ids": [1, 2]});
        let request = RecordRequest { verb: Verb::Get, table: "t", id: None, parameters: &query, payload: &payload };
        let options = Options::read(&request).unwrap();
        assert_eq!(options.limit, Some(5));
        assert_eq!(options.fields, FieldsOption::Named(vec!["a".into(), "b".into()]));
        assert_eq!(options.filter.as_deref(), Some("a = 1"));
        assert_eq!(options.ids, Some(vec![json!(1), json!(2)]));
    }

    #[test]
    fn relation_options_are_found_with_dot_and_underscore() {
        assert_eq!(strip_relation("a_by_b.fields", "a_by_b"), Some("fields"));
        assert_eq!(strip_relation("A_by_b_fields", "a_by_b"), Some("fields"));
        assert_eq!(strip_relation("a_by_b_other", "a_by_b"), None);
        assert_eq!(strip_relation("a_by_b.c_by_d.fields", "a_by_b"), Some("c_by_d.fields"));
    }
}
