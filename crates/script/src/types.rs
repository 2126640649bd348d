//! The script types of the product: which names exist, and which of them this build can run.

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

/// The types that this build can run, in the order of listings.
const RUNNABLE: [ScriptType; 6] = [
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
        name: "v8js",
        label: "V8js",
        description: "Server-side JavaScript handler using the embedded engine, for scripts written for V8js.",
        sandboxed: true,
        supports_inline_execution: true,
    },
];

/// Names that scripts may have been stored with, though nothing here runs them.
const KNOWN: [&str; 1] = ["typescript"];

/// The types that this build can run.
pub fn script_types() -> &'static [ScriptType] {
    &RUNNABLE
}

/// Whether scripts of this type can run.
pub fn is_runnable(name: &str) -> bool {
    RUNNABLE.iter().any(|kind| kind.name == name)
}

/// Whether this is the name of a script type at all, runnable here or not.
pub fn known_type(name: &str) -> bool {
    is_runnable(name) || KNOWN.contains(&name)
}
