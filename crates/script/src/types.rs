//! The script types of the product: which names exist.

/// A language that scripts can be written in; an entry of `system/script_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptType {
    /// As stored in a script's `type`.
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    /// For people, one sentence.
    pub description: &'static str,
    /// Whether scripts are kept from the server's files, processes and network.
    pub sandboxed: bool,
    /// Whether a script's text can be stored with it.
    pub supports_inline_execution: bool,
}

/// The types, in the order of listings.
const TYPES: [ScriptType; 7] = [
    ScriptType {
        name: "javascript",
        label: "JavaScript",
        description: "Server-side JavaScript handler using the embedded engine.",
        sandboxed: true,
        supports_inline_execution: true,
    },
    ScriptType {
        name: "nodejs",
        label: "Node.js",
        description: "Server-side JavaScript handler using the Node.js engine.",
        sandboxed: true,
        supports_inline_execution: true,
    },
    ScriptType {
        name: "php",
        label: "PHP",
        description: "Server-side handler for scripts in PHP.",
        sandboxed: true,
        supports_inline_execution: true,
    },
    ScriptType {
        name: "python",
        label: "Python",
        description: "Server-side handler for scripts in Python, run by Python 3.",
        sandboxed: true,
        supports_inline_execution: true,
    },
    ScriptType {
        name: "python3",
        label: "Python3",
        description: "Server-side handler for scripts in Python 3.",
        sandboxed: true,
        supports_inline_execution: true,
    },
    ScriptType {
        name: "typescript",
        label: "TypeScript",
        description: "Server-side TypeScript handler using the embedded engine; types are for the author and are not checked.",
        sandboxed: true,
        supports_inline_execution: true,
    },
    ScriptType {
        name: "v8js",
        label: "V8js",
        description: "Server-side JavaScript handler using the embedded engine, for scripts written for V8js.",
        sandboxed: true,
        supports_inline_execution: true,
    },
];

/// The script types.
pub fn script_types() -> &'static [ScriptType] {
    &TYPES
}

/// Whether this is the name of a script type.
pub fn known_type(name: &str) -> bool {
    TYPES.iter().any(|kind| kind.name == name)
}
