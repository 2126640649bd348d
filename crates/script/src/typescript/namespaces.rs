//! Namespaces become functions over an object; what they export are members of it that read and write the variables inside.

use super::enums::{closing, opening};
use super::eraser::{Eraser, is_type_only};
use super::modules::bound_names;
use oxc_ast::ast::*;
use oxc_ast_visit::Visit;
use oxc_span::GetSpan;

impl Eraser<'_> {
    /// `namespace N {…}`, as a member of `owner` when that exports it.
    pub(super) fn namespace<'a>(&mut self, it: &TSNamespaceDeclaration<'a>, owner: Option<&str>) {
        let name = it.id.name.as_str();
        let (open, close) = (opening(name, owner), closing(name, owner));
        match &it.body {
            TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) => {
                self.blanks.replace(it.span.start, inner.span.start, open);
                self.namespace(inner, Some(name));
                self.blanks.insert(it.span.end, close);
            }
            TSNamespaceDeclarationBody::TSModuleBlock(block) => {
                let mut members = String::new();
                for statement in &block.body {
                    self.namespace_statement(statement, name, &mut members);
                }
                self.blanks.replace(it.span.start, block.span.start + 1, format!("{open}{members}"));
                self.blanks.replace(block.span.end - 1, block.span.end, close);
            }
        }
    }

    fn namespace_statement<'a>(&mut self, statement: &Statement<'a>, name: &str, members: &mut String) {
        let export = match statement {
            Statement::ExportDeclaration(export) => export,
            Statement::ExportNamedDeclaration(_) | Statement::ExportDefaultDeclaration(_) => {
                return self.refuse(statement.span(), "A namespace exports declarations; write 'export' before them.");
            }
            other => return self.visit_statement(other),
        };
        let declaration = &export.declaration;
        if is_type_only(declaration) {
            return self.erase(export.span);
        }
        self.blanks.blank(export.span.start, declaration.span().start);
        match declaration {
            Declaration::TSEnumDeclaration(it) => return self.enumeration(it, Some(name)),
            Declaration::TSNamespaceDeclaration(it) => return self.namespace(it, Some(name)),
            _ => {}
        }
        let fixed =
            !matches!(declaration, Declaration::VariableDeclaration(it) if it.kind != VariableDeclarationKind::Const);
        for bound in bound_names(declaration) {
            let write = if fixed { String::new() } else { format!(",set:$=>{{{bound}=$}}") };
            let member =
                format!(r#"Object.defineProperty({name},"{bound}",{{enumerable:true,get:()=>{bound}{write}}});"#);
            members.push_str(&member);
        }
        self.visit_declaration(declaration);
    }
}

/// Whether a namespace has nothing that is there while the script runs.
pub(super) fn is_empty(it: &TSNamespaceDeclaration<'_>) -> bool {
    match &it.body {
        TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) => is_empty(inner),
        TSNamespaceDeclarationBody::TSModuleBlock(block) => block.body.iter().all(|statement| match statement {
            Statement::ExportDeclaration(export) => is_type_only(&export.declaration),
            other => other.as_declaration().is_some_and(is_type_only),
        }),
    }
}
