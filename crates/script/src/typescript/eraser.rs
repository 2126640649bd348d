//! The walk over the syntax tree that blanks out types.

use super::blanks::Blanks;
use super::modules::Module;
use super::{Mistake, Role};
use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};

/// Collects the changes of one text.
pub(super) struct Eraser<'s> {
    pub(super) blanks: Blanks<'s>,
    pub(super) module: Module,
    pub(super) role: Role,
    mistake: Option<Mistake>,
}

impl<'s> Eraser<'s> {
    pub(super) fn new(source: &'s str, role: Role) -> Eraser<'s> {
        Eraser { blanks: Blanks::new(source), module: Module::default(), role, mistake: None }
    }

    /// The changed text, or the first mistake.
    pub(super) fn finish(mut self) -> Result<String, Mistake> {
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        self.finish_module();
        Ok(self.blanks.finish())
    }

    /// Notes a mistake; the first one counts.
    pub(super) fn refuse(&mut self, at: Span, message: &str) {
        self.mistake.get_or_insert_with(|| Mistake::new(at.start, message));
    }

    /// Blanks out a whole statement or member. The semicolon keeps its neighbours apart.
    pub(super) fn erase(&mut self, span: Span) {
        self.blanks.cover(span.start, span.end, ";", "");
    }

    /// Visits a declaration, or erases it when it is none while the script runs.
    pub(super) fn declaration<'a>(&mut self, declaration: &Declaration<'a>) {
        match is_type_only(declaration) {
            true => self.erase(declaration.span()),
            false => self.visit_declaration(declaration),
        }
    }

    /// Blanks out what follows an expression: `as T`, `satisfies T`, `<T>`.
    fn tail(&mut self, inner: &Expression<'_>, span: Span) {
        let first = if self.blanks.would_go_on(span.end) { ";" } else { "" };
        self.blanks.cover(inner.span().end, span.end, first, "");
    }

    /// Blanks out a mark such as `?` or `!` when it is next after `from`.
    pub(super) fn mark(&mut self, from: u32, instead: &'static str) {
        let (at, next) = self.blanks.next(from);
        if matches!(next, Some('?' | '!')) {
            self.blanks.cover(at, at + 1, instead, "");
        }
    }

    /// `(a, b): T =>`: no line may end before the arrow, so the parenthesis moves to the type's end.
    fn arrow_types(&mut self, it: &ArrowFunctionExpression<'_>) {
        let params = it.params.span;
        if let Some(types) = &it.type_parameters {
            match self.blanks.breaks_line(types.span.start, params.start) {
                true => self.blanks.cover(types.span.start, params.start + 1, "(", ""),
                false => self.blanks.blank(types.span.start, types.span.end),
            }
        }
        if let Some(result) = &it.return_type {
            match self.blanks.breaks_line(params.end, result.span.end) {
                true => self.blanks.cover(params.end - 1, result.span.end, "", ")"),
                false => self.blanks.blank(result.span.start, result.span.end),
            }
        }
    }
}

/// Whether a declaration means nothing while the script runs.
pub(super) fn is_type_only(declaration: &Declaration<'_>) -> bool {
    match declaration {
        Declaration::VariableDeclaration(it) => it.declare,
        Declaration::FunctionDeclaration(it) => it.declare || it.body.is_none(),
        Declaration::ClassDeclaration(it) => it.declare,
        Declaration::TSEnumDeclaration(it) => it.declare,
        Declaration::TSNamespaceDeclaration(it) => it.declare || super::namespaces::is_empty(it),
        Declaration::TSImportEqualsDeclaration(it) => it.import_kind == ImportOrExportKind::Type,
        Declaration::TSTypeAliasDeclaration(_)
        | Declaration::TSInterfaceDeclaration(_)
        | Declaration::TSExternalModuleDeclaration(_)
        | Declaration::TSGlobalDeclaration(_) => true,
    }
}

impl<'a> Visit<'a> for Eraser<'_> {
    fn visit_statement(&mut self, it: &Statement<'a>) {
        match it.as_declaration() {
            Some(declaration) => self.declaration(declaration),
            None => walk::walk_statement(self, it),
        }
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.module.mention(&it.name);
    }

    fn visit_ts_type_annotation(&mut self, it: &TSTypeAnnotation<'a>) {
        self.blanks.blank(it.span.start, it.span.end);
    }

    fn visit_ts_type_parameter_declaration(&mut self, it: &TSTypeParameterDeclaration<'a>) {
        self.blanks.blank(it.span.start, it.span.end);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, it: &TSTypeParameterInstantiation<'a>) {
        self.blanks.blank(it.span.start, it.span.end);
    }

    fn visit_ts_this_parameter(&mut self, it: &TSThisParameter<'a>) {
        let (at, next) = self.blanks.next(it.span.end);
        let end = if next == Some(',') { at + 1 } else { it.span.end };
        self.blanks.blank(it.span.start, end);
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.tail(&it.expression, it.span);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.tail(&it.expression, it.span);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_instantiation_expression(&mut self, it: &TSInstantiationExpression<'a>) {
        self.tail(&it.expression, it.span);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.visit_expression(&it.expression);
        self.blanks.blank(it.span.end - 1, it.span.end);
    }

    /// `<T>x` becomes `(x)`: without the parentheses `() => <T>{}` would be a function without a result.
    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        self.blanks.cover(it.span.start, it.expression.span().start, "(", "");
        self.visit_expression(&it.expression);
        self.blanks.insert(it.span.end, ")");
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite {
            self.mark(it.id.span().end, "");
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        if it.accessibility.is_some() || it.readonly || it.r#override {
            self.blanks.blank(it.span.start, it.pattern.span().start);
        }
        if it.optional {
            self.mark(it.pattern.span().end, "");
        }
        walk::walk_formal_parameter(self, it);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.arrow_types(it);
        self.visit_formal_parameters(&it.params);
        self.visit_arrow_function_body(&it.body);
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        self.class(it);
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.refuse(it.span, "Decorators are not supported; call a function instead.");
    }

    fn visit_ts_enum_declaration(&mut self, it: &TSEnumDeclaration<'a>) {
        self.enumeration(it, None);
    }

    fn visit_ts_namespace_declaration(&mut self, it: &TSNamespaceDeclaration<'a>) {
        self.namespace(it, None);
    }

    fn visit_ts_import_equals_declaration(&mut self, it: &TSImportEqualsDeclaration<'a>) {
        // As long as the word that it replaces.
        self.blanks.replace(it.span.start, it.span.start + 6, "const ");
        walk::walk_ts_import_equals_declaration(self, it);
    }
}
