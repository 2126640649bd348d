//! Enums become objects, one member on its own line as before.

use super::eraser::Eraser;
use antiphon_model::json;
use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_span::GetSpan;
use oxc_syntax::operator::{BinaryOperator, UnaryOperator};
use std::collections::HashMap;

/// The value of the member before, as far as the next one needs it.
enum Before {
    Nothing,
    Number(f64),
    /// Known only while the script runs, by the member's name.
    Computed(String),
    Text,
}

impl Eraser<'_> {
    /// `enum E {…}`, as a member of `owner` when that exports it.
    pub(super) fn enumeration<'a>(&mut self, it: &TSEnumDeclaration<'a>, owner: Option<&str>) {
        let name = it.id.name.as_str();
        let open = opening(name, owner);
        self.blanks.replace(it.span.start, it.body.span.start + 1, open);
        let mut texts = HashMap::new();
        let mut before = Before::Nothing;
        for member in &it.body.members {
            before = self.enum_member(name, member, &mut texts, &before);
        }
        self.blanks.replace(it.body.span.end - 1, it.body.span.end, closing(name, owner));
    }

    /// Writes one member as an assignment. `texts` tells of each member so far whether its value is a text.
    fn enum_member<'a>(
        &mut self,
        name: &str,
        member: &TSEnumMember<'a>,
        texts: &mut HashMap<String, bool>,
        before: &Before,
    ) -> Before {
        let Some(key) = member_name(&member.id) else {
            self.refuse(member.span, "The name of an enum's member must be a plain text.");
            return Before::Nothing;
        };
        let quoted = json!(key).to_string();
        let (after, close) = match &member.initializer {
            None => {
                let value = match before {
                    Before::Nothing => "0".to_owned(),
                    Before::Number(number) => (number + 1.0).to_string(),
                    Before::Computed(other) => format!("{name}[{}]+1", json!(other)),
                    Before::Text => {
                        self.refuse(
                            member.span,
                            "This enum member needs a value, because the one before it is a text.",
                        );
                        return Before::Nothing;
                    }
                };
                let assignment = format!("{name}[{name}[{quoted}]={value}]={quoted};");
                self.blanks.replace(member.span.start, member.span.end, assignment);
                let after = match before {
                    Before::Nothing => Before::Number(0.0),
                    Before::Number(number) => Before::Number(number + 1.0),
                    _ => Before::Computed(key.clone()),
                };
                (after, String::new())
            }
            Some(value) => {
                let text = is_text(value, texts);
                let (open, close) = match text {
                    true => (format!("{name}[{quoted}]=("), ");".to_owned()),
                    false => (format!("{name}[{name}[{quoted}]=("), format!(")]={quoted};")),
                };
                self.blanks.replace(member.span.start, value.span().start, open);
                self.visit_expression(value);
                MemberNames { eraser: self, name, texts }.visit_expression(value);
                let after = match number(value) {
                    _ if text => Before::Text,
                    Some(number) => Before::Number(number),
                    None => Before::Computed(key.clone()),
                };
                texts.insert(key.clone(), text);
                (after, close)
            }
        };
        if !close.is_empty() {
            self.blanks.insert(member.span.end, close);
        }
        texts.entry(key).or_insert(false);
        let (comma, next) = self.blanks.next(member.span.end);
        if next == Some(',') {
            self.blanks.blank(comma, comma + 1);
        }
        after
    }
}

/// The beginning of what an enum or a namespace becomes: a function over the object of that name.
pub(super) fn opening(name: &str, owner: Option<&str>) -> String {
    match owner {
        Some(owner) => format!("var {name}={owner}.{name}||({owner}.{name}={{}});(function({name}){{"),
        None => format!("var {name};(function({name}){{"),
    }
}

/// The end of it.
pub(super) fn closing(name: &str, owner: Option<&str>) -> String {
    match owner {
        Some(_) => format!("}})({name});"),
        None => format!("}})({name}||({name}={{}}));"),
    }
}

fn member_name(name: &TSEnumMemberName<'_>) -> Option<String> {
    match name {
        TSEnumMemberName::Identifier(it) => Some(it.name.to_string()),
        TSEnumMemberName::String(it) | TSEnumMemberName::ComputedString(it) => Some(it.value.to_string()),
        TSEnumMemberName::ComputedTemplateString(it) => {
            it.quasis.first().and_then(|quasi| quasi.value.cooked.as_ref()).map(ToString::to_string)
        }
    }
}

/// Whether the value is a text, as far as it can be seen: such members have no way back from value to name.
fn is_text(value: &Expression<'_>, texts: &HashMap<String, bool>) -> bool {
    match value.get_inner_expression() {
        Expression::StringLiteral(_) | Expression::TemplateLiteral(_) => true,
        Expression::Identifier(it) => texts.get(it.name.as_str()) == Some(&true),
        Expression::StaticMemberExpression(it) => texts.get(it.property.name.as_str()) == Some(&true),
        Expression::BinaryExpression(it) if it.operator == BinaryOperator::Addition => {
            is_text(&it.left, texts) || is_text(&it.right, texts)
        }
        _ => false,
    }
}

fn number(value: &Expression<'_>) -> Option<f64> {
    match value.get_inner_expression() {
        Expression::NumericLiteral(it) => Some(it.value),
        Expression::UnaryExpression(it) if it.operator == UnaryOperator::UnaryNegation => {
            number(&it.argument).map(|number| -number)
        }
        _ => None,
    }
}

/// Members named in a member's value are members of the enum.
struct MemberNames<'e, 's, 't> {
    eraser: &'e mut Eraser<'s>,
    name: &'t str,
    texts: &'t HashMap<String, bool>,
}

impl<'a> Visit<'a> for MemberNames<'_, '_, '_> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if self.texts.contains_key(it.name.as_str()) {
            self.eraser.blanks.insert(it.span.start, format!("{}.", self.name));
        }
        walk::walk_identifier_reference(self, it);
    }

    fn visit_ts_type(&mut self, _: &TSType<'a>) {}
}
