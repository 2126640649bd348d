//! XML bodies and answers. Answers have the root `dfapi`; a list repeats the element of its name.

use crate::DEPTH;
use antiphon_model::{Error, Object, Result, Value};
use quick_xml::events::{BytesRef, Event};
use quick_xml::{Reader, escape};

/// Root element of answers.
pub const ROOT: &str = "dfapi";
/// Element of list items that no name goes with.
const ITEM: &str = "item";
/// The one root element of a body that is not taken away.
const WRAPPER: &str = "resource";

/// Reads an XML body: elements are members, repeated ones lists, empty ones null, other texts strings. Attributes are not
/// read. The root is taken away unless it is `resource`. Document types are refused, so no entity can grow.
pub fn decode(body: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(body).map_err(|_| unreadable("it is not UTF-8 text", 0))?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element> = Vec::new();
    let mut root: Option<Element> = None;
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| unreadable(&error.to_string(), reader.error_position()))?;
        match event {
            Event::Start(_) | Event::Empty(_) if root.is_some() => return Err(unreadable("it has two roots", at)),
            Event::Start(_) if open.len() == DEPTH => {
                return Err(unreadable(&format!("it is nested deeper than {DEPTH} elements"), at));
            }
            Event::Start(tag) => open.push(Element::new(tag.name().as_ref())),
            Event::Empty(tag) => close(Element::new(tag.name().as_ref()), &mut open, &mut root),
            Event::End(_) => {
                if let Some(element) = open.pop() {
                    close(element, &mut open, &mut root);
                }
            }
            Event::Text(part) => append(&mut open, &part.xml10_content()),
            Event::CData(part) => append(&mut open, &part.xml10_content()),
            Event::GeneralRef(entity) => {
                let text = resolve(&entity).ok_or_else(|| unreadable("it uses an unknown entity", at))?;
                append(&mut open, &text);
            }
            Event::DocType(_) => return Err(unreadable("document types are not allowed", at)),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root.into_body()),
        _ => Err(unreadable("an element is not closed", reader.buffer_position())),
    }
}

fn unreadable(reason: &str, position: u64) -> Error {
    Error::bad_request(format!(
        "The request body is not valid XML: {reason} (at byte {position}). Correct it and send it again."
    ))
}

struct Element {
    name: String,
    text: String,
    members: Object,
    /// Names that occurred more than once, whose values are lists.
    repeated: Vec<String>,
}

impl Element {
    fn new(name: &str) -> Element {
        Element { name: name.to_owned(), text: String::new(), members: Object::new(), repeated: Vec::new() }
    }

    fn add(&mut self, name: String, value: Value) {
        match self.members.get_mut(&name) {
            None => {
                self.members.insert(name, value);
            }
            Some(Value::Array(list)) if self.repeated.contains(&name) => list.push(value),
            Some(first) => {
                *first = Value::Array(vec![first.take(), value]);
                self.repeated.push(name);
            }
        }
    }

    fn into_value(self) -> Value {
        match (self.members.is_empty(), self.text.is_empty()) {
            (false, _) => Value::Object(self.members),
            (true, false) => Value::String(self.text),
            (true, true) => Value::Null,
        }
    }

    fn into_body(self) -> Value {
        if self.name != WRAPPER {
            return self.into_value();
        }
        let mut body = Object::new();
        body.insert(WRAPPER.to_owned(), self.into_value());
        Value::Object(body)
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => {
            let name = element.name.clone();
            parent.add(name, element.into_value());
        }
        None => *root = Some(element),
    }
}

fn resolve(entity: &BytesRef<'_>) -> Option<String> {
    match entity.resolve_char_ref() {
        Ok(Some(character)) => Some(character.to_string()),
        Ok(None) => escape::resolve_predefined_entity(entity).map(str::to_owned),
        Err(_) => None,
    }
}

/// Writes an answer, indented by tabs.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = String::from("<?xml version=\"1.0\" ?>");
    match value {
        Value::Array(_) => {
            out.push_str(&format!("<{ROOT}>\n"));
            write(&mut out, WRAPPER, value, 1);
            out.push_str(&format!("</{ROOT}>\n"));
        }
        other => write(&mut out, ROOT, other, 0),
    }
    out.into_bytes()
}

fn write(out: &mut String, name: &str, value: &Value, depth: usize) {
    match value {
        Value::Array(list) if !list.is_empty() => {
            for item in list {
                match item {
                    // A list in a list has no name of its own to repeat.
                    Value::Array(_) => {
                        open_tag(out, name, depth);
                        out.push('\n');
                        write(out, ITEM, item, depth + 1);
                        close_tag(out, name, depth);
                    }
                    other => write(out, name, other, depth),
                }
            }
        }
        Value::Object(members) if !members.is_empty() => {
            open_tag(out, name, depth);
            out.push('\n');
            for (member, value) in members {
                write(out, &element_name(member), value, depth + 1);
            }
            close_tag(out, name, depth);
        }
        scalar => {
            open_tag(out, name, depth);
            push_text(out, scalar);
            close_tag(out, name, 0);
        }
    }
}

fn open_tag(out: &mut String, name: &str, depth: usize) {
    indent(out, depth);
    out.push_str(&format!("<{name}>"));
}

fn close_tag(out: &mut String, name: &str, depth: usize) {
    indent(out, depth);
    out.push_str(&format!("</{name}>\n"));
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n('\t', depth));
}

fn push_text(out: &mut String, value: &Value) {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return,
    };
    // XML 1.0 has no way to write other control characters, not even as references.
    let allowed: String =
        text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r') || *c > '\u{7e}').collect();
    out.push_str(&escape::partial_escape(allowed));
}

/// A member's name as an element's: what a name can't hold becomes `_`.
fn element_name(member: &str) -> String {
    let mut name: String =
        member.chars().map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' }).collect();
    if !name.starts_with(|first: char| first.is_alphabetic() || first == '_') {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn write_text(value: Value) -> String {
        String::from_utf8(encode(&value)).unwrap()
    }

    #[test]
    fn an_answer_is_written_as_recorded() {
        let answer = json!({"resource": [
            {"id": 1, "name": "Task 01", "complete": false, "note": null},
            {"id": 2, "name": "<&>", "complete": true, "note": ""},
        ]});
        assert_eq!(
            write_text(answer),
            "<?xml version=\"1.0\" ?><dfapi>\n\t<resource>\n\t\t<id>1</id>\n\t\t<name>Task 01</name>\n\t\t\
             <complete>false</complete>\n\t\t<note></note>\n\t</resource>\n\t<resource>\n\t\t<id>2</id>\n\t\t\
             <name>&lt;&amp;&gt;</name>\n\t\t<complete>true</complete>\n\t\t<note></note>\n\t</resource>\n</dfapi>\n"
        );
        assert_eq!(write_text(json!({"a": 1})), "<?xml version=\"1.0\" ?><dfapi>\n\t<a>1</a>\n</dfapi>\n");
        assert_eq!(write_text(json!(26)), "<?xml version=\"1.0\" ?><dfapi>26</dfapi>\n");
    }

    #[test]
    fn lists_without_wrapper_lists_in_lists_and_odd_names() {
        assert_eq!(
            write_text(json!([{"1 x": [[1, 2]]}])),
            "<?xml version=\"1.0\" ?><dfapi>\n\t<resource>\n\t\t<_1_x>\n\t\t\t<item>1</item>\n\t\t\t<item>2</item>\n\
             \t\t</_1_x>\n\t</resource>\n</dfapi>\n"
        );
        assert!(write_text(json!({"a": "x\u{0}y"})).contains("<a>xy</a>"));
    }

    #[test]
    fn the_root_is_taken_away_unless_it_is_the_wrapper() {
        let two = b"<?xml version=\"1.0\"?><dfapi><resource><name>a &amp; &#98;</name></resource><resource><name><![CDATA[<c>]]></name></resource></dfapi>";
        assert_eq!(decode(two).unwrap(), json!({"resource": [{"name": "a & b"}, {"name": "<c>"}]}));
        assert_eq!(
            decode(b"<resource><name>x</name><note/></resource>").unwrap(),
            json!({"resource": {"name": "x", "note": null}})
        );
    }

    #[test]
    fn broken_or_hostile_documents_are_refused() {
        let deep = "<a>".repeat(DEPTH + 1);
        let bomb = "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>";
        for body in ["<resource><name>x</resource>", "<a>", "text", "<a/><b/>", "<a>&unknown;</a>", bomb, &deep] {
            assert_eq!(decode(body.as_bytes()).unwrap_err().status, 400, "{body:.40}");
        }
    }

    #[test]
    fn what_was_written_reads_back() {
        let answer = json!({"resource": [{"name": "a"}, {"name": "b\nc"}]});
        let text = write_text(answer.clone());
        assert_eq!(decode(text.as_bytes()).unwrap(), answer);
    }
}
