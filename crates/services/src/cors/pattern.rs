//! Patterns of paths and origins: a text with `*`, or a regular expression when it begins with `^`.
//!
//! Both become regular expressions of the kind that needs time in proportion to the text only, so no pattern can be used to
//! slow the server down.

use regex::{Regex, RegexBuilder};

/// What a `*` in an origin stands for: a part of a host name or a port, never a slash or an `@` that would begin another.
const ORIGIN_STAR: &str = "[a-z0-9._-]*";
/// What a `*` in a path stands for: anything.
const PATH_STAR: &str = ".*";

/// A compiled pattern; upper and lower case are the same.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// A pattern for URL paths without their leading slash. A regular expression need not fit the path's end.
    ///
    /// # Errors
    /// Why it can't be used: no regular expression, or one that takes more than `bytes` of memory.
    pub(super) fn of_path(text: &str, bytes: usize) -> Result<Pattern, String> {
        let text = text.trim().trim_start_matches('/');
        if text.starts_with('^') { compile(text, bytes) } else { compile(&glob(text, PATH_STAR), bytes) }
    }

    /// A pattern for origins. It must always fit the whole origin: `^https://a\.example` means nobody at `a.example.evil`.
    ///
    /// # Errors
    /// As for paths.
    pub(super) fn of_origin(text: &str, bytes: usize) -> Result<Pattern, String> {
        let text = text.trim().trim_end_matches('/');
        if text.starts_with('^') {
            compile(&format!("^(?:{text})$"), bytes)
        } else {
            compile(&glob(text, ORIGIN_STAR), bytes)
        }
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

fn glob(text: &str, star: &str) -> String {
    let parts: Vec<String> = text.split('*').map(regex::escape).collect();
    format!("^(?:{})$", parts.join(star))
}

fn compile(expression: &str, bytes: usize) -> Result<Pattern, String> {
    let built =
        RegexBuilder::new(expression).case_insensitive(true).dot_matches_new_line(true).size_limit(bytes).build();
    match built {
        Ok(regex) => Ok(Pattern(regex)),
        Err(regex::Error::CompiledTooBig(_)) => {
            Err(format!("The pattern needs more than {bytes} bytes. Make it simpler."))
        }
        Err(_) => Err("The pattern is not a regular expression that can be used here.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 256 << 10;

    #[test]
    fn a_star_in_a_path_is_anything_and_the_rest_is_taken_literally() {
        let fits = |pattern, path| Pattern::of_path(pattern, BYTES).unwrap().fits(path);
        assert!(fits("api/v2/*", "api/v2/db/_table/todo") && fits("/api/v2/*", "api/v2/") && fits("*", ""));
        assert!(fits("API/v2/db", "api/v2/DB") && fits("a.b", "a.b"));
        assert!(!fits("api/v2/*", "api/v2") && !fits("api/v2/db", "api/v2/db/x") && !fits("a.b", "axb"));
        assert!(fits("^api/v2/(db|files)", "api/v2/files/x") && !fits("^api/v2/(db|files)$", "api/v2/files/x"));
    }

    #[test]
    fn an_origin_is_fitted_as_a_whole() {
        let fits = |pattern, origin| Pattern::of_origin(pattern, BYTES).unwrap().fits(origin);
        assert!(fits("https://a.example/", "https://A.example") && !fits("*", "https://a.example"));
        assert!(
            fits("https://*.example", "https://x.y.example") && fits("http://localhost:*", "http://localhost:3000")
        );
        assert!(!fits("https://*.example", "https://evil.test/.example"));
        assert!(!fits("https://*.example", "https://evil@x.example"));
        assert!(!fits("^https://a\\.example", "https://a.example.evil"));
        assert!(!fits("^https://a|b", "https://evil-b") && fits("^https://(a|b)\\.example", "https://b.example"));
    }

    #[test]
    fn patterns_that_are_wrong_or_huge_are_refused() {
        assert!(Pattern::of_path("^(", BYTES).is_err());
        assert!(Pattern::of_origin("^(a{1000}){1000}", BYTES).unwrap_err().contains("simpler"));
    }
}
