//! The text that comes with the product: the prelude, and the libraries for `require`. Each is compiled once per process.

use antiphon_quickjs::{Budget, Bytecode, Engine, Failure, Sizes};
use std::sync::OnceLock;
use std::time::Duration;

/// Name of the prelude in stacks.
pub(crate) const PRELUDE_NAME: &str = "platform";
const PRELUDE: &str = include_str!("prelude.js");
/// What compiling our own text may take, whatever the limits of scripts are.
const COMPILING: Budget = Budget { wall: Duration::from_secs(20), cpu: Duration::from_secs(20) };
const SCRATCH: Sizes = Sizes { memory: 32 << 20, stack: 512 << 10 };

/// A built-in library.
pub(crate) struct Library {
    /// The name under which it is loaded.
    pub(crate) name: &'static str,
    /// Other names that scripts use for it.
    pub(crate) aliases: &'static [&'static str],
    /// Its text.
    pub(crate) text: &'static str,
}

/// All of them.
pub(crate) const LIBRARIES: [Library; 2] = [
    Library {
        name: "lodash.min.js",
        aliases: &["lodash", "lodash.js"],
        text: include_str!("../../library/lodash.min.js"),
    },
    Library {
        name: "underscore-min.js",
        aliases: &["underscore", "underscore.js", "underscore.min.js"],
        text: include_str!("../../library/underscore-min.js"),
    },
];

impl Library {
    /// The library as a function `(module, exports, require)`.
    pub(crate) fn compiled(&self) -> Result<Bytecode, Failure> {
        static COMPILED: [OnceLock<Bytecode>; LIBRARIES.len()] = [const { OnceLock::new() }; LIBRARIES.len()];
        let index = LIBRARIES.iter().position(|library| library.name == self.name).unwrap_or_default();
        let function = || format!("(function (module, exports, require) {{{}\n}})", self.text);
        once(&COMPILED[index], self.name, function)
    }
}

/// The prelude.
pub(crate) fn prelude() -> Result<Bytecode, Failure> {
    static COMPILED: OnceLock<Bytecode> = OnceLock::new();
    once(&COMPILED, PRELUDE_NAME, || PRELUDE.to_owned())
}

fn once(place: &OnceLock<Bytecode>, name: &str, source: impl FnOnce() -> String) -> Result<Bytecode, Failure> {
    if let Some(code) = place.get() {
        return Ok(code.clone());
    }
    let code = Engine::new(SCRATCH)?.compile(name, &source(), &COMPILING)?;
    Ok(place.get_or_init(|| code).clone())
}

/// The built-in library of that name.
pub(crate) fn library(name: &str) -> Option<&'static Library> {
    LIBRARIES.iter().find(|library| library.name == name || library.aliases.contains(&name))
}

/// The built-in libraries that a text names in `require('…')`. Naming one in a comment costs memory, not correctness.
pub(crate) fn named_in(source: &str) -> Vec<&'static Library> {
    let mut named: Vec<&'static Library> = Vec::new();
    for (at, word) in source.match_indices("require") {
        let rest = source[at + word.len()..].trim_start();
        let Some(rest) = rest.strip_prefix('(').map(str::trim_start) else { continue };
        let Some(quote) = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"' | '`')) else { continue };
        let name = rest[1..].split(quote).next().unwrap_or_default();
        if let Some(found) = library(name)
            && !named.iter().any(|library| library.name == found.name)
        {
            named.push(found);
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_by_any_of_their_names() {
        let names = |source| named_in(source).iter().map(|library| library.name).collect::<Vec<_>>();
        assert_eq!(names("const _ = require('lodash')._; require ( \"lodash.min.js\" )"), ["lodash.min.js"]);
        assert_eq!(names("require(name); require('mine.js'); require(`underscore`)"), ["underscore-min.js"]);
    }
}
