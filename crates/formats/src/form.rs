//! Form-urlencoded text: query strings and form bodies, with brackets for lists (`a[]=1`) and objects (`a[b]=1`).

use crate::DEPTH;
use antiphon_model::{Error, Object, Result, Value};
use indexmap::IndexMap;
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// Most `name=value` pairs in one query or form: the bracket syntax lets few bytes make many values.
pub const PAIRS: usize = 10_000;

/// Reads a form body.
pub fn decode(body: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(body).map_err(|_| {
        Error::bad_request("The form in the request body is not UTF-8 text. Percent-encode its values.")
    })?;
    parse(text.trim_end_matches(['\r', '\n'])).map(Value::Object)
}

/// Reads `name=value&…`. A name without `=` has an empty value; the last of equal names wins; a value
/// without a name is left out; `+` is a blank.
pub fn parse(text: &str) -> Result<Object> {
    let mut fields = Fields::default();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.push(&plain(name)?, plain(value)?)?;
    }
    Ok(fields.finish())
}

/// Fields of a form, put together by the brackets of their names.
#[derive(Default)]
pub(crate) struct Fields {
    root: Branch,
    count: usize,
}

impl Fields {
    /// Adds a field; one without a name is left out.
    pub(crate) fn push(&mut self, name: &str, text: String) -> Result<()> {
        if self.count == PAIRS {
            return Err(Error::bad_request(format!("The query or form has more than {PAIRS} values. Send fewer.")));
        }
        self.count += 1;
        if !name.is_empty() {
            self.root.insert(&path(name)?, text);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Object {
        self.root.children.into_iter().map(|(name, node)| (name, node.into_value())).collect()
    }
}

/// A value that is being put together from its bracketed names.
enum Node {
    Text(String),
    Branch(Branch),
}

#[derive(Default)]
struct Branch {
    children: IndexMap<String, Node>,
    /// The index that the next `[]` gets.
    next: u64,
}

impl Branch {
    /// Puts a text at its path; an empty step appends.
    fn insert(&mut self, path: &[String], text: String) {
        let Some((step, rest)) = path.split_first() else { return };
        let name = if step.is_empty() { self.next.to_string() } else { step.clone() };
        if let Ok(index) = name.parse::<u64>() {
            self.next = self.next.max(index.saturating_add(1));
        }
        if rest.is_empty() {
            self.children.insert(name, Node::Text(text));
            return;
        }
        let child = self.children.entry(name).or_insert_with(|| Node::Branch(Branch::default()));
        if let Node::Text(_) = child {
            *child = Node::Branch(Branch::default());
        }
        if let Node::Branch(branch) = child {
            branch.insert(rest, text);
        }
    }
}

impl Node {
    /// A branch whose names are 0, 1, 2 … is a list, any other an object.
    fn into_value(self) -> Value {
        match self {
            Node::Text(text) => Value::String(text),
            Node::Branch(branch) => {
                let is_list =
                    branch.children.keys().enumerate().all(|(index, name)| name.parse::<usize>() == Ok(index));
                if is_list {
                    Value::Array(branch.children.into_values().map(Node::into_value).collect())
                } else {
                    let members = branch.children.into_iter().map(|(name, node)| (name, node.into_value()));
                    Value::Object(members.collect())
                }
            }
        }
    }
}

/// The steps of a bracketed name: `a[b][]` is `a`, `b` and an empty one. A name whose brackets make no sense is itself.
fn path(name: &str) -> Result<Vec<String>> {
    let whole = || vec![name.to_owned()];
    let Some(open) = name.find('[').filter(|open| *open > 0 && name.ends_with(']')) else { return Ok(whole()) };
    let inner = &name[open + 1..name.len() - 1];
    let mut steps = vec![name[..open].to_owned()];
    steps.extend(inner.split("][").map(str::to_owned));
    if steps.iter().skip(1).any(|step| step.contains(['[', ']'])) {
        return Ok(whole());
    }
    if steps.len() > DEPTH {
        return Err(Error::bad_request(format!(
            "A name in the query or form has more than {DEPTH} brackets. Use fewer."
        )));
    }
    Ok(steps)
}

fn plain(text: &str) -> Result<String> {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes()).decode_utf8().map(Cow::into_owned).map_err(|_| {
        Error::bad_request("A value in the query or form is not UTF-8 text after percent-decoding. Encode it as UTF-8.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Value {
        Value::Object(parse(text).unwrap())
    }

    #[test]
    fn names_values_blanks_and_the_last_of_equal_names() {
        assert_eq!(read("a=1&b=x+y%2Bz&c&a=2&&=x"), json!({"a": "2", "b": "x y+z", "c": ""}));
        assert_eq!(read(""), json!({}));
    }

    #[test]
    fn brackets_make_lists_and_objects() {
        assert_eq!(read("a[]=1&a[]=2&b[x]=3&b[y][]=4"), json!({"a": ["1", "2"], "b": {"x": "3", "y": ["4"]}}));
        assert_eq!(read("r%5B0%5D%5Bname%5D=one&r[1][name]=two"), json!({"r": [{"name": "one"}, {"name": "two"}]}));
        assert_eq!(read("a[5]=x"), json!({"a": {"5": "x"}}));
    }

    #[test]
    fn odd_brackets_are_part_of_the_name() {
        assert_eq!(read("[a]=1&b[=2&c[x]y=3&d[[x]]=4"), json!({"[a]": "1", "b[": "2", "c[x]y": "3", "d[[x]]": "4"}));
        assert_eq!(read("a=1&a[x]=2"), json!({"a": {"x": "2"}}));
    }

    #[test]
    fn what_grows_without_bound_is_refused() {
        assert!(parse(&"a[]=&".repeat(PAIRS + 1)).is_err());
        assert!(parse(&format!("a{}=1", "[x]".repeat(DEPTH + 1))).is_err());
        assert_eq!(parse("a=%FF").unwrap_err().status, 400);
    }
}
