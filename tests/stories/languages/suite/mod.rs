//! The same stories in every language. Tests named after a statement of the checklist hold it for each language; what JavaScript
//! alone is asked in the files above (`lifecycle.rs`, `responses.rs`, ...) is not repeated where the language makes no difference.

mod api;
mod errors;
mod event;
mod lifecycle;
mod responses;
mod worlds;
