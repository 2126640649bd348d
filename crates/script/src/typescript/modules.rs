//! Imports and exports: scripts import libraries, libraries come out as CommonJS modules.

use super::Role;
use super::eraser::{Eraser, is_type_only};
use antiphon_model::json;
use oxc_ast::ast::*;
use oxc_ast_visit::Visit;
use oxc_span::{GetSpan, Span};
use std::collections::HashSet;
use std::fmt::Write;

/// What the default import of a module is: its default export, or the whole of a module that was not written as one.
const DEFAULT: &str = "(m=>m&&m.__esModule?m.default:m)";

/// What is known of a text's imports and exports.
#[derive(Default)]
pub(super) struct Module {
    /// Names that are used as values.
    mentioned: HashSet<String>,
    /// Names that are types only, and names that are values, at the top level.
    types: HashSet<String>,
    values: HashSet<String>,
    imports: Vec<Import>,
    /// Exported names, and the expression for each.
    exports: Vec<(String, String)>,
    is_module: bool,
}

struct Import {
    span: Span,
    source: String,
    default: Option<String>,
    namespace: Option<String>,
    /// Names over there and here.
    named: Vec<(String, String)>,
    /// `import 'lib'`.
    bare: bool,
}

impl Module {
    /// Notes that a name is used as a value.
    pub(super) fn mention(&mut self, name: &str) {
        if !self.mentioned.contains(name) {
            self.mentioned.insert(name.to_owned());
        }
    }
}

impl Eraser<'_> {
    /// The whole text.
    pub(super) fn program<'a>(&mut self, program: &Program<'a>) {
        for statement in &program.body {
            self.top_level(statement);
        }
    }

    fn top_level<'a>(&mut self, statement: &Statement<'a>) {
        match statement {
            Statement::ImportDeclaration(it) => self.import(it),
            Statement::ExportDeclaration(it) => self.export_declaration(it),
            Statement::ExportNamedDeclaration(it) => self.export_named(it),
            Statement::ExportFromDeclaration(it) => self.export_from(it),
            Statement::ExportAllDeclaration(it) => self.export_all(it),
            Statement::ExportDefaultDeclaration(it) => self.export_default(it),
            Statement::TSExportAssignment(it) => {
                if self.may_export(it.span) {
                    self.blanks.replace(it.span.start, it.expression.span().start, "module.exports=");
                    self.visit_expression(&it.expression);
                }
            }
            Statement::TSNamespaceExportDeclaration(it) => self.erase(it.span),
            other => {
                if let Some(declaration) = other.as_declaration() {
                    self.note(declaration);
                }
                self.visit_statement(other);
            }
        }
    }

    fn note(&mut self, declaration: &Declaration<'_>) {
        let names = bound_names(declaration);
        let known = if is_type_only(declaration) { &mut self.module.types } else { &mut self.module.values };
        known.extend(names);
    }

    /// Exports mean something in libraries only.
    fn may_export(&mut self, span: Span) -> bool {
        if self.role == Role::Script {
            self.refuse(span, "A script has no exports; use 'return' to answer, or make it a library.");
        }
        self.module.is_module = true;
        self.role == Role::Library
    }

    fn import(&mut self, it: &ImportDeclaration<'_>) {
        if it.import_kind == ImportOrExportKind::Type {
            return self.erase(it.span);
        }
        if it.phase.is_some() || it.with_clause.is_some() {
            return self.refuse(it.span, "Imports with attributes or phases are not supported.");
        }
        let mut import = Import {
            span: it.span,
            source: it.source.value.to_string(),
            default: None,
            namespace: None,
            named: Vec::new(),
            bare: it.specifiers.is_none(),
        };
        for specifier in it.specifiers.iter().flatten() {
            match specifier {
                ImportDeclarationSpecifier::ImportDefaultSpecifier(it) => {
                    import.default = Some(it.local.name.to_string())
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(it) => {
                    import.namespace = Some(it.local.name.to_string());
                }
                ImportDeclarationSpecifier::ImportSpecifier(it) if it.import_kind == ImportOrExportKind::Type => {}
                ImportDeclarationSpecifier::ImportSpecifier(it) => {
                    import.named.push((it.imported.name().to_string(), it.local.name.to_string()));
                }
            }
        }
        self.module.imports.push(import);
    }

    fn export_declaration<'a>(&mut self, it: &ExportDeclaration<'a>) {
        if is_type_only(&it.declaration) {
            self.note(&it.declaration);
            return self.erase(it.span);
        }
        if self.may_export(it.span) {
            self.note(&it.declaration);
            self.blanks.blank(it.span.start, it.declaration.span().start);
            for name in bound_names(&it.declaration) {
                self.module.exports.push((name.clone(), name));
            }
            self.visit_declaration(&it.declaration);
        }
    }

    fn export_named(&mut self, it: &ExportNamedDeclaration<'_>) {
        let values = it.specifiers.iter().filter(|one| one.export_kind == ImportOrExportKind::Value);
        if it.export_kind == ImportOrExportKind::Value && values.clone().next().is_some() {
            if !self.may_export(it.span) {
                return;
            }
            for one in values {
                let local = one.local.name().to_string();
                self.module.mention(&local);
                self.module.exports.push((one.exported.name().to_string(), local));
            }
        }
        self.erase(it.span);
    }

    fn export_from(&mut self, it: &ExportFromDeclaration<'_>) {
        if it.export_kind == ImportOrExportKind::Value && self.may_export(it.span) {
            let source = json!(it.source.value.as_str());
            for one in it.specifiers.iter().filter(|one| one.export_kind == ImportOrExportKind::Value) {
                let value = match one.local.name().as_str() {
                    "default" => format!("{DEFAULT}(require({source}))"),
                    name => format!("require({source})[{}]", json!(name)),
                };
                self.module.exports.push((one.exported.name().to_string(), value));
            }
        }
        self.erase(it.span);
    }

    fn export_all(&mut self, it: &ExportAllDeclaration<'_>) {
        if it.export_kind == ImportOrExportKind::Type {
            return self.erase(it.span);
        }
        if !self.may_export(it.span) {
            return;
        }
        let source = json!(it.source.value.as_str());
        if let Some(name) = &it.exported {
            self.module.exports.push((name.name().to_string(), format!("require({source})")));
            return self.erase(it.span);
        }
        let copy = "(m=>{for(const k of Object.keys(m))if(k!=='default'&&!(k in exports))exports[k]=m[k]})";
        self.blanks.replace(it.span.start, it.span.end, format!(";{copy}(require({source}));"));
    }

    fn export_default<'a>(&mut self, it: &ExportDefaultDeclaration<'a>) {
        let declaration = &it.declaration;
        let name = match declaration {
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => return self.erase(it.span),
            ExportDefaultDeclarationKind::FunctionDeclaration(function) if function.body.is_none() => {
                return self.erase(it.span);
            }
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => function.id.as_ref(),
            ExportDefaultDeclarationKind::ClassDeclaration(class) => class.id.as_ref(),
            _ => None,
        };
        if !self.may_export(it.span) {
            return;
        }
        match name {
            Some(name) => {
                self.blanks.blank(it.span.start, declaration.span().start);
                self.module.exports.push(("default".to_owned(), name.name.to_string()));
            }
            None => {
                self.blanks.replace(it.span.start, declaration.span().start, "exports.default=");
                self.blanks.insert(it.span.end, ";");
            }
        }
        self.visit_export_default_declaration_kind(declaration);
    }

    /// Writes what could be known only at the end: imports that are used, and the list of exports.
    pub(super) fn finish_module(&mut self) {
        let module = std::mem::take(&mut self.module);
        for import in &module.imports {
            match require(import, &module.mentioned) {
                Some(text) => self.blanks.replace(import.span.start, import.span.end, text),
                None => self.erase(import.span),
            }
        }
        if !module.is_module {
            return;
        }
        let mut head = "Object.defineProperty(exports,'__esModule',{value:true});".to_owned();
        for (name, value) in &module.exports {
            if module.types.contains(value) && !module.values.contains(value) {
                continue;
            }
            let name = json!(name);
            let _ = write!(head, "Object.defineProperty(exports,{name},{{enumerable:true,get:()=>{value}}});");
        }
        self.blanks.insert(0, head);
    }
}

/// An import as a call of `require`; none when nothing of it is used, as then it is for types only.
fn require(import: &Import, mentioned: &HashSet<String>) -> Option<String> {
    let source = json!(import.source);
    if import.bare {
        return Some(format!("require({source});"));
    }
    let used = |name: &&String| mentioned.contains(name.as_str());
    let mut parts = Vec::new();
    if let Some(name) = import.default.as_ref().filter(used) {
        parts.push(format!("{name}={DEFAULT}(require({source}))"));
    }
    if let Some(name) = import.namespace.as_ref().filter(used) {
        parts.push(format!("{name}=require({source})"));
    }
    let named: Vec<String> = import
        .named
        .iter()
        .filter(|(_, local)| mentioned.contains(local))
        .map(|(imported, local)| match imported == "default" {
            true => format!("default:{local}"),
            false => format!("{}:{local}", json!(imported)),
        })
        .collect();
    if !named.is_empty() {
        parts.push(format!("{{{}}}=require({source})", named.join(",")));
    }
    if parts.is_empty() { None } else { Some(format!("const {};", parts.join(","))) }
}

/// The names that a declaration binds.
pub(super) fn bound_names(declaration: &Declaration<'_>) -> Vec<String> {
    let one = |name: &str| vec![name.to_owned()];
    match declaration {
        Declaration::VariableDeclaration(it) => {
            let mut names = Vec::new();
            for declarator in &it.declarations {
                pattern_names(&declarator.id, &mut names);
            }
            names
        }
        Declaration::FunctionDeclaration(it) => it.id.as_ref().map(|id| id.name.to_string()).into_iter().collect(),
        Declaration::ClassDeclaration(it) => it.id.as_ref().map(|id| id.name.to_string()).into_iter().collect(),
        Declaration::TSEnumDeclaration(it) => one(&it.id.name),
        Declaration::TSNamespaceDeclaration(it) => one(&it.id.name),
        Declaration::TSImportEqualsDeclaration(it) => one(&it.id.name),
        Declaration::TSTypeAliasDeclaration(it) => one(&it.id.name),
        Declaration::TSInterfaceDeclaration(it) => one(&it.id.name),
        Declaration::TSExternalModuleDeclaration(_) | Declaration::TSGlobalDeclaration(_) => Vec::new(),
    }
}

fn pattern_names(pattern: &BindingPattern<'_>, names: &mut Vec<String>) {
    match pattern {
        BindingPattern::BindingIdentifier(it) => names.push(it.name.to_string()),
        BindingPattern::AssignmentPattern(it) => pattern_names(&it.left, names),
        BindingPattern::ObjectPattern(it) => {
            for property in &it.properties {
                pattern_names(&property.value, names);
            }
            if let Some(rest) = &it.rest {
                pattern_names(&rest.argument, names);
            }
        }
        BindingPattern::ArrayPattern(it) => {
            for element in it.elements.iter().flatten() {
                pattern_names(element, names);
            }
            if let Some(rest) = &it.rest {
                pattern_names(&rest.argument, names);
            }
        }
    }
}
