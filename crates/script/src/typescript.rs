//! TypeScript made into JavaScript: types are blanked out, so that every line and column stays where its author put it.
//!
//! Enums, namespaces, parameter properties, imports and exports mean something while the script runs; they are written anew in
//! JavaScript, each on its own lines. Nothing is checked here: types are for editors and compilers.

mod blanks;
mod classes;
mod enums;
mod eraser;
mod modules;
mod namespaces;
mod nesting;

use crate::host::Library;
use crate::outcome::SyntaxError;
use eraser::Eraser;
use oxc_allocator::Allocator;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;
use std::borrow::Cow;

/// The script type's name.
pub(crate) const KIND: &str = "typescript";

/// Largest text in bytes: with it, the parser's stack is bounded whatever the text is.
const LARGEST: usize = 256 << 10;

/// What a text is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The body of a function: `return` and `await` are allowed, exports mean nothing.
    Script,
    /// A module that others `require` or `import`.
    Library,
}

/// The text as JavaScript; libraries come out as CommonJS modules.
pub(crate) fn to_javascript(source: &str, role: Role) -> Result<String, SyntaxError> {
    if source.len() > LARGEST {
        let message = format!(
            "TypeScript may have {} KiB; compile larger texts before, and store them as JavaScript.",
            LARGEST >> 10
        );
        return Err(SyntaxError { message, line: 1, column: 1 });
    }
    nesting::check(source).map_err(|mistake| mistake.at(source))?;
    nesting::with_stack_for(source.len(), || translate(source, role)).unwrap_or_else(|_| {
        let message = "The text could not be compiled for want of memory; try again.".to_owned();
        Err(SyntaxError { message, line: 1, column: 1 })
    })
}

/// A library's text as an engine loads it: JavaScript, where it is written in TypeScript.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn library(library: &Library) -> Result<Cow<'_, str>, String> {
    if library.kind != KIND {
        return Ok(Cow::Borrowed(&library.source));
    }
    let name = &library.name;
    to_javascript(&library.source, Role::Library)
        .map(Cow::Owned)
        .map_err(|error| format!("The library '{name}' can't be loaded: {error}"))
}

/// A mistake at an offset of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mistake {
    offset: usize,
    message: String,
}

impl Mistake {
    fn new(offset: u32, message: impl Into<String>) -> Mistake {
        Mistake { offset: offset as usize, message: message.into() }
    }

    /// The mistake with its line and column, both from 1.
    fn at(self, source: &str) -> SyntaxError {
        let before = source.get(..self.offset).unwrap_or(source);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        SyntaxError { message: self.message, line: line as u32, column: column as u32 }
    }
}

fn translate(source: &str, role: Role) -> Result<String, SyntaxError> {
    let arena = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(&arena, source, SourceType::ts()).with_options(options).parse();
    if let Some(diagnostic) = parsed.diagnostics.iter().next() {
        let offset = diagnostic.labels.iter().next().map_or(0, |label| label.offset());
        return Err(Mistake::new(offset, diagnostic.message.to_string()).at(source));
    }
    let mut eraser = Eraser::new(source, role);
    eraser.program(&parsed.program);
    eraser.finish().map_err(|mistake| mistake.at(source))
}

#[cfg(test)]
mod tests;
