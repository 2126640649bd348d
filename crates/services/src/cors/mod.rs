//! Which web pages may call the API from a browser: the rows of `system/cors`, ready for use (system-and-users 4.6, 7).
//!
//! The rules are kept in memory and swapped whole after a change. Of the rules whose path fits a request the one with the
//! longest path decides alone.

mod pattern;

use antiphon_model::{Limits, Verb, VerbMask};
use arc_swap::ArcSwap;
use pattern::Pattern;
use std::sync::Arc;

/// A row of the table, as stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct CorsRow {
    pub(crate) path: String,
    pub(crate) origin: String,
    pub(crate) header: Option<String>,
    pub(crate) exposed_header: Option<String>,
    pub(crate) verbs: VerbMask,
    pub(crate) max_age: u64,
    pub(crate) supports_credentials: bool,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct CorsRule {
    path: Pattern,
    /// Length of the path's pattern; the longest that fits decides.
    weight: usize,
    origins: Origins,
    /// Header fields that pages may send.
    pub headers: Headers,
    /// Header fields of answers that pages may read, as they are sent.
    pub exposed_headers: Option<String>,
    /// Verbs that pages may use.
    pub verbs: VerbMask,
    /// How long a browser may remember the answer to a preflight, in seconds; 0 = not told.
    pub max_age: u64,
    /// Whether pages may send cookies and the browser's own credentials.
    pub supports_credentials: bool,
}

/// Header fields that a rule allows beyond those that every client of the API needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Headers {
    /// Whatever the page asks for.
    Any,
    /// These.
    Listed(Vec<String>),
}

#[derive(Debug, Clone)]
enum Origins {
    Any,
    Some(Vec<Pattern>),
}

impl CorsRule {
    /// The rule of a row.
    ///
    /// # Errors
    /// The column that can't be used, and why.
    pub(crate) fn of(row: &CorsRow, limits: &Limits) -> Result<CorsRule, (&'static str, String)> {
        let bytes = limits.cors_pattern_bytes;
        let path = Pattern::of_path(&row.path, bytes).map_err(|reason| ("path", reason))?;
        let origins = Origins::of(&row.origin, bytes).map_err(|reason| ("origin", reason))?;
        if row.supports_credentials && matches!(origins, Origins::Any) {
            let reason =
                "Every origin with credentials is no rule: any page could act for its visitor. Name the origins.";
            return Err(("supports_credentials", reason.to_owned()));
        }
        let headers = match list(row.header.as_deref().unwrap_or_default()) {
            names if names.iter().any(|name| name == "*") => Headers::Any,
            names => Headers::Listed(names),
        };
        let exposed_headers = Some(list(row.exposed_header.as_deref().unwrap_or_default()).join(", "));
        for (column, name) in
            [("header", headers.listed().join(",")), ("exposed_header", exposed_headers.clone().unwrap_or_default())]
        {
            if !name.chars().all(is_header_list) {
                return Err((column, "Write names of header fields with commas between, or *.".to_owned()));
            }
        }
        Ok(CorsRule {
            path,
            weight: row.path.trim().trim_start_matches('/').len(),
            origins,
            headers,
            exposed_headers: exposed_headers.filter(|names| !names.is_empty()),
            verbs: row.verbs,
            max_age: row.max_age,
            supports_credentials: row.supports_credentials,
        })
    }

    /// A rule for every path that lets pages of these origins use every verb and header; `*` stands for all origins.
    ///
    /// # Errors
    /// Why an origin can't be used.
    pub fn of_origins(origins: &[String], limits: &Limits) -> Result<CorsRule, String> {
        let row = CorsRow {
            path: "*".to_owned(),
            origin: origins.join(","),
            header: Some("*".to_owned()),
            verbs: VerbMask::ALL,
            ..CorsRow::default()
        };
        CorsRule::of(&row, limits).map_err(|(_, reason)| reason)
    }

    /// Whether pages of this origin may use the verb.
    pub fn allows(&self, origin: &str, verb: Verb) -> bool {
        self.verbs.contains(verb) && self.allows_origin(origin)
    }

    /// Whether pages of this origin may use any verb.
    pub fn allows_origin(&self, origin: &str) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::Some(patterns) => patterns.iter().any(|pattern| pattern.fits(origin)),
        }
    }
}

impl Headers {
    /// The listed names; none when all are allowed.
    pub fn listed(&self) -> &[String] {
        match self {
            Headers::Any => &[],
            Headers::Listed(names) => names,
        }
    }
}

impl Origins {
    fn of(text: &str, bytes: usize) -> Result<Origins, String> {
        // A regular expression may have commas of its own.
        let texts = if text.trim_start().starts_with('^') { vec![text.to_owned()] } else { list(text) };
        if texts.iter().any(|text| text == "*") {
            return Ok(Origins::Any);
        }
        texts.iter().map(|text| Pattern::of_origin(text, bytes)).collect::<Result<_, _>>().map(Origins::Some)
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Part of names of header fields (RFC 9110, 5.1) or of a list of them.
fn is_header_list(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~, ".contains(character)
}

/// The rules in force.
#[derive(Debug, Default)]
pub struct CorsIndex {
    rules: ArcSwap<Vec<Arc<CorsRule>>>,
}

impl CorsIndex {
    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.load().is_empty()
    }

    /// The rule that decides about a request that is known under these paths, none of them with a leading slash.
    pub fn decide(&self, paths: &[&str]) -> Option<Arc<CorsRule>> {
        let rules = self.rules.load();
        let fitting = rules.iter().filter(|rule| paths.iter().any(|path| rule.path.fits(path)));
        // Of equally long ones the first.
        fitting.rev().max_by_key(|rule| rule.weight).cloned()
    }

    /// Puts these rules in place of all others.
    pub(crate) fn replace_all(&self, rules: Vec<CorsRule>) {
        self.rules.store(Arc::new(rules.into_iter().map(Arc::new).collect()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, origin: &str) -> CorsRow {
        CorsRow { path: path.into(), origin: origin.into(), verbs: VerbMask::of(&[Verb::Get]), ..CorsRow::default() }
    }

    fn rule(row: &CorsRow) -> Result<CorsRule, (&'static str, String)> {
        CorsRule::of(row, &Limits::default())
    }

    #[test]
    fn the_longest_path_that_fits_decides_alone() {
        let index = CorsIndex::default();
        assert!(index.is_empty() && index.decide(&["api/v2/db"]).is_none());
        let rows = [row("*", "https://all"), row("api/v2/db/*", "https://db"), row("/api/v2/*", "https://api")];
        index.replace_all(rows.iter().map(|row| rule(row).unwrap()).collect());
        let origin_of = |paths: &[&str]| {
            let rule = index.decide(paths).unwrap();
            ["https://all", "https://api", "https://db"].into_iter().find(|origin| rule.allows_origin(origin))
        };
        assert_eq!(origin_of(&["status"]), Some("https://all"));
        assert_eq!(origin_of(&["api/v2/system"]), Some("https://api"));
        assert_eq!(origin_of(&["api/DB/x", "api/v2/db/x"]), Some("https://db"));
    }

    #[test]
    fn an_origin_is_one_of_a_list_a_pattern_or_any() {
        let allows = |text: &str, origin: &str| rule(&row("*", text)).unwrap().allows_origin(origin);
        assert!(allows("*", "null") && allows("http://a, http://b:*", "http://b:80"));
        assert!(allows("^https://[a-z]{1,3}\\.example", "https://abc.example"));
        assert!(!allows("http://a, http://b", "http://c") && !allows("http://a", "null"));
    }

    #[test]
    fn only_the_verbs_of_a_rule_are_allowed() {
        let rule = rule(&row("*", "*")).unwrap();
        assert!(rule.allows("http://a", Verb::Get) && !rule.allows("http://a", Verb::Post));
    }

    #[test]
    fn what_cannot_be_a_rule_is_refused_by_its_column() {
        let column = |row: CorsRow| rule(&row).unwrap_err().0;
        assert_eq!(column(row("^(", "*")), "path");
        assert_eq!(column(row("*", "^(")), "origin");
        assert_eq!(column(CorsRow { supports_credentials: true, ..row("*", "http://a, *") }), "supports_credentials");
        assert_eq!(column(CorsRow { header: Some("X-A\r\nX-B".into()), ..row("*", "*") }), "header");
        assert_eq!(column(CorsRow { exposed_header: Some("é".into()), ..row("*", "*") }), "exposed_header");
    }
}
