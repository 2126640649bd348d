//! Classes: modifiers, signatures without bodies, and parameters that are properties.

use super::eraser::Eraser;
use oxc_ast::ast::*;
use oxc_ast_visit::Visit;
use oxc_span::{GetSpan, Span};
use oxc_syntax::scope::ScopeFlags;

/// Words before a member's name that only types know.
const MODIFIERS: [&str; 7] = ["public", "private", "protected", "readonly", "abstract", "override", "declare"];

impl Eraser<'_> {
    pub(super) fn class<'a>(&mut self, it: &Class<'a>) {
        self.visit_decorators(&it.decorators);
        if it.r#abstract {
            let at = self.blanks.skip_trivia(it.span.start);
            self.blanks.blank(at, at + "abstract".len() as u32);
        }
        if let Some(types) = &it.type_parameters {
            self.visit_ts_type_parameter_declaration(types);
        }
        if let Some(heritage) = &it.heritage {
            self.visit_class_heritage(heritage);
        }
        if let Some(first) = it.implements.first() {
            let start = implements_word(self, it, first.span.start);
            self.blanks.blank(start, it.body.span.start);
        }
        for element in &it.body.body {
            self.element(element, it.heritage.is_some());
        }
    }

    fn element<'a>(&mut self, element: &ClassElement<'a>, derived: bool) {
        match element {
            ClassElement::StaticBlock(it) => self.visit_static_block(it),
            ClassElement::MethodDefinition(it) => self.method(it, derived),
            ClassElement::PropertyDefinition(it) => self.property(it),
            ClassElement::AccessorProperty(it) => {
                self.refuse(it.span, "Members declared with 'accessor' are not supported; write get and set.");
            }
            ClassElement::TSIndexSignature(it) => self.erase(it.span),
        }
    }

    fn method<'a>(&mut self, it: &MethodDefinition<'a>, derived: bool) {
        self.visit_decorators(&it.decorators);
        let Some(body) = it.value.body.as_ref().filter(|_| it.r#type == MethodDefinitionType::MethodDefinition) else {
            return self.erase(it.span);
        };
        self.modifiers(it.span.start, it.key.span().start);
        if it.optional {
            self.mark(self.after_key(&it.key, it.computed), "");
        }
        self.visit_property_key(&it.key);
        if it.kind == MethodDefinitionKind::Constructor {
            self.parameter_properties(&it.value.params, body, derived);
        }
        self.visit_function(&it.value, ScopeFlags::Function);
    }

    fn property<'a>(&mut self, it: &PropertyDefinition<'a>) {
        self.visit_decorators(&it.decorators);
        if it.declare || it.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition {
            return self.erase(it.span);
        }
        self.modifiers(it.span.start, it.key.span().start);
        self.visit_property_key(&it.key);
        // Nothing may be read as going on with a field whose type ended it.
        let end = if it.value.is_none() { ";" } else { "" };
        if it.optional || it.definite {
            self.mark(self.after_key(&it.key, it.computed), if it.type_annotation.is_none() { end } else { "" });
        }
        if let Some(annotation) = &it.type_annotation {
            self.blanks.cover(annotation.span.start, annotation.span.end, "", end);
        }
        if let Some(value) = &it.value {
            self.visit_expression(value);
        }
    }

    fn after_key(&self, key: &PropertyKey<'_>, computed: bool) -> u32 {
        let (at, next) = self.blanks.next(key.span().end);
        if computed && next == Some(']') { at + 1 } else { key.span().end }
    }

    /// Blanks out the modifiers between a member's start and its name.
    fn modifiers(&mut self, start: u32, key: u32) {
        let mut at = self.blanks.skip_trivia(start);
        while at < key {
            let word = self.blanks.word(at);
            let end = at + word.len().max(1) as u32;
            if MODIFIERS.contains(&word) {
                // What follows may be `[` or `*`, which would go on with the member before.
                self.blanks.cover(at, end, if at == start { ";" } else { "" }, "");
            }
            at = self.blanks.skip_trivia(end);
        }
    }

    /// `constructor(private x: T)`: the parameter is also assigned to the property, after `super(…)` where there is one.
    fn parameter_properties(&mut self, params: &FormalParameters<'_>, body: &FunctionBody<'_>, derived: bool) {
        let mut assignments = String::new();
        for parameter in &params.items {
            if parameter.accessibility.is_none() && !parameter.readonly && !parameter.r#override {
                continue;
            }
            match &parameter.pattern {
                BindingPattern::BindingIdentifier(name) => {
                    let name = &name.name;
                    assignments.push_str(&format!("this.{name}={name};"));
                }
                other => self.refuse(other.span(), "A parameter that is a property needs a plain name."),
            }
        }
        if assignments.is_empty() {
            return;
        }
        match if derived { super_call(body) } else { Some(body.span.start + 1) } {
            Some(at) => self.blanks.insert(at, format!("{}{assignments}", if derived { ";" } else { "" })),
            None => self.refuse(
                body.span,
                "A class with parameters that are properties must call super(...) as a statement of its constructor.",
            ),
        }
    }
}

/// Where the word `implements` stands: last before the first type, comments aside.
fn implements_word(eraser: &Eraser<'_>, it: &Class<'_>, first: u32) -> u32 {
    let mut at = it
        .heritage
        .as_ref()
        .map(|heritage| heritage.type_arguments.as_ref().map_or(heritage.expression.span().end, |types| types.span.end))
        .or(it.type_parameters.as_ref().map(|types| types.span.end))
        .or(it.id.as_ref().map(|id| id.span.end))
        .unwrap_or(it.span.start);
    while at < first {
        at = eraser.blanks.skip_trivia(at);
        let word = eraser.blanks.word(at);
        if word == "implements" {
            return at;
        }
        at += word.len().max(1) as u32;
    }
    first
}

/// Where the statement that calls `super(…)` ends.
fn super_call(body: &FunctionBody<'_>) -> Option<u32> {
    body.statements.iter().find_map(|statement| match statement {
        Statement::ExpressionStatement(it) => match &it.expression {
            Expression::CallExpression(call) if matches!(call.callee, Expression::Super(_)) => Some(end(it.span)),
            _ => None,
        },
        _ => None,
    })
}

fn end(span: Span) -> u32 {
    span.end
}
