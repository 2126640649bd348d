//! Which media type an answer goes out in. Source: the reference on content negotiation.

/// A format in which native values can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// `application/json`.
    Json,
    /// `application/xml`.
    Xml,
    /// `text/xml`, the same text under the other name.
    TextXml,
    /// `text/csv`.
    Csv,
}

impl Offer {
    /// The media type as sent.
    pub const fn content_type(self) -> &'static str {
        match self {
            Offer::Json => "application/json",
            Offer::Xml => "application/xml",
            Offer::TextXml => "text/xml; charset=UTF-8",
            Offer::Csv => "text/csv; charset=UTF-8",
        }
    }

    /// The format that a media range or a short name (`json`, `xml`, `csv`) asks for.
    pub fn named(range: &str) -> Option<Offer> {
        match range.to_ascii_lowercase().as_str() {
            "application/json" | "text/json" | "application/*" | "*/*" | "*" | "json" => Some(Offer::Json),
            "application/xml" | "xml" => Some(Offer::Xml),
            "text/xml" | "text/*" => Some(Offer::TextXml),
            "text/csv" | "csv" => Some(Offer::Csv),
            _ => None,
        }
    }
}

/// The format that an `Accept` text asks for; JSON when there is none. None when nothing that it names is offered.
///
/// A wildcard beside a wish that can't be met means JSON: that is what browsers send, and they want no XML.
pub fn negotiate(accept: Option<&str>) -> Option<Offer> {
    let ranges = ranges(accept);
    let Some((first, _)) = ranges.first() else { return Some(Offer::Json) };
    if let Some(offer) = Offer::named(first) {
        return Some(offer);
    }
    if ranges.iter().any(|(range, _)| is_wildcard(range)) {
        return Some(Offer::Json);
    }
    ranges.iter().find_map(|(range, _)| Offer::named(range))
}

/// Whether an `Accept` text names this media type, itself or as `type/*`; wildcards for everything don't count.
pub fn names(accept: Option<&str>, media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let main = essence.split('/').next().unwrap_or_default();
    ranges(accept).iter().any(|(range, _)| {
        range.eq_ignore_ascii_case(essence)
            || range.strip_suffix("/*").is_some_and(|range| range != "*" && range.eq_ignore_ascii_case(main))
    })
}

/// Whether an `Accept` text leaves the choice open: it is absent, or has a wildcard for everything.
pub fn is_open(accept: Option<&str>) -> bool {
    let ranges = ranges(accept);
    ranges.is_empty() || ranges.iter().any(|(range, _)| is_wildcard(range))
}

fn is_wildcard(range: &str) -> bool {
    matches!(range, "*/*" | "*")
}

/// The media ranges of an `Accept` text, the most wanted first, those with weight 0 left out (RFC 9110, section 12.5.1).
fn ranges(accept: Option<&str>) -> Vec<(&str, f32)> {
    let mut ranges: Vec<(&str, f32)> = accept
        .unwrap_or_default()
        .split(',')
        .filter_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let range = parts.next().filter(|range| !range.is_empty())?;
            let weight = parts
                .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
                .map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
            (weight > 0.0).then_some((range, weight))
        })
        .collect();
    ranges.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_unless_something_else_is_wanted() {
        for accept in [None, Some(""), Some("*/*"), Some("application/json"), Some("text/json"), Some("application/*")]
        {
            assert_eq!(negotiate(accept), Some(Offer::Json), "{accept:?}");
        }
        assert_eq!(negotiate(Some("application/xml")), Some(Offer::Xml));
        assert_eq!(negotiate(Some("text/xml")), Some(Offer::TextXml));
        assert_eq!(negotiate(Some("TEXT/CSV")), Some(Offer::Csv));
        assert_eq!(negotiate(Some("csv")), Some(Offer::Csv));
    }

    #[test]
    fn weights_decide_and_browsers_get_json() {
        assert_eq!(negotiate(Some("application/xml;q=0.5, application/json")), Some(Offer::Json));
        assert_eq!(negotiate(Some("application/json;q=0.5, text/csv, */*;q=0.1")), Some(Offer::Csv));
        assert_eq!(
            negotiate(Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")),
            Some(Offer::Json)
        );
        assert_eq!(negotiate(Some("text/html, text/csv;q=0.5")), Some(Offer::Csv));
    }

    #[test]
    fn what_is_not_offered_cannot_be_had() {
        for accept in ["text/html", "application/csv", "image/png", "application/json;q=0, image/png"] {
            assert_eq!(negotiate(Some(accept)), None, "{accept}");
        }
    }

    #[test]
    fn a_type_is_named_by_itself_or_its_range() {
        assert!(names(Some("text/html"), "text/html; charset=UTF-8"));
        assert!(names(Some("application/json, text/*"), "text/plain"));
        assert!(!names(Some("*/*"), "text/plain"));
        assert!(is_open(None) && is_open(Some("text/html, */*;q=0.1")) && !is_open(Some("text/html")));
    }
}
