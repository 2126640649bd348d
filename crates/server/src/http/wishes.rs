//! How the caller wants the answer written: `accept`, `file` and `wrap`, from the request as scripts left it.

use super::negotiate::Offer;
use antiphon_formats::form;
use antiphon_model::{Request, Value, truthy};
use hyper::header::ACCEPT;
use hyper::http::request::Parts;

/// What decides the form of an answer, but not its content.
#[derive(Debug, Default, PartialEq)]
pub struct Wishes {
    /// The `accept` parameter, else the `Accept` header.
    pub accept: Option<String>,
    /// The answer is to be saved as a file.
    pub file: Option<Download>,
    /// `wrap=false`: a list goes out without its `resource` wrapper.
    pub bare: bool,
}

/// A download asked for by `file=`.
#[derive(Debug, PartialEq)]
pub struct Download {
    /// Name that the client is told.
    pub name: String,
    /// Format that the name's extension forces.
    pub offer: Option<Offer>,
}

impl Wishes {
    /// The wishes in a request.
    pub fn of(request: &Request) -> Wishes {
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let wrap = request.parameters.get("wrap").cloned().or_else(|| request.header("wrap").map(Value::from));
        Wishes {
            accept: filled(request.parameter(&["accept"]))
                .or_else(|| filled(request.header("accept").map(str::to_owned))),
            file: filled(request.parameter(&["file"])).and_then(|wish| Download::of(&wish, request)),
            bare: wrap.is_some_and(|wrap| !truthy(&wrap)),
        }
    }

    /// The format that a request asks for which can't be understood as a whole.
    pub fn of_head(parts: &Parts) -> Wishes {
        let parameter = form::parse(parts.uri.query().unwrap_or_default())
            .ok()
            .and_then(|parameters| parameters.get("accept")?.as_str().map(str::to_owned));
        let header = || parts.headers.get(ACCEPT)?.to_str().ok().map(str::to_owned);
        Wishes { accept: parameter.filter(|wish| !wish.trim().is_empty()).or_else(header), ..Wishes::default() }
    }
}

impl Download {
    /// `true` names the file after the resource; another text is its name, and its extension forces the format.
    fn of(wish: &str, request: &Request) -> Option<Download> {
        let wish = wish.trim();
        if wish.eq_ignore_ascii_case("false") || wish == "0" {
            return None;
        }
        if truthy(&Value::from(wish)) {
            let last = request.resource.trim_end_matches('/').rsplit('/').next().filter(|last| !last.is_empty());
            let name = last.unwrap_or(&request.service);
            return Some(Download { name: safe_name(&format!("{name}.json")), offer: Some(Offer::Json) });
        }
        let offer = wish.rsplit_once('.').and_then(|(_, extension)| match extension.to_ascii_lowercase().as_str() {
            "json" => Some(Offer::Json),
            "xml" => Some(Offer::Xml),
            "csv" => Some(Offer::Csv),
            _ => None,
        });
        Some(Download { name: safe_name(wish), offer })
    }
}

/// A file name that can't leave its header field or its folder.
fn safe_name(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/') || c == ' ' { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use antiphon_model::Verb;

    fn wishes(parameters: &[(&str, &str)], headers: &[(&str, &str)]) -> Wishes {
        let mut request = Request::new(Verb::Get, "db", "_table/todo");
        request.parameters.extend(parameters.iter().map(|(name, value)| (name.to_string(), Value::from(*value))));
        request.headers.extend(headers.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        Wishes::of(&request)
    }

    #[test]
    fn the_accept_parameter_beats_the_header() {
        let header = ("accept", "text/csv");
        assert_eq!(wishes(&[("accept", "xml")], &[header]).accept.as_deref(), Some("xml"));
        assert_eq!(wishes(&[("accept", "")], &[header]).accept.as_deref(), Some("text/csv"));
        assert_eq!(wishes(&[], &[("accept", "")]).accept, None);
    }

    #[test]
    fn a_download_is_named_and_its_extension_forces_the_format() {
        let file = |wish| wishes(&[("file", wish)], &[]).file;
        assert_eq!(file("todo.csv"), Some(Download { name: "todo.csv".into(), offer: Some(Offer::Csv) }));
        assert_eq!(file("todo.txt"), Some(Download { name: "todo.txt".into(), offer: None }));
        assert_eq!(file("true"), Some(Download { name: "todo.json".into(), offer: Some(Offer::Json) }));
        assert_eq!(file("false"), None);
        assert_eq!(file("../a\"\r\n\\é.xml").map(|file| file.name), Some(".._a_____.xml".into()));
    }

    #[test]
    fn wrapping_can_be_switched_off_by_parameter_or_header() {
        assert!(wishes(&[("wrap", "false")], &[]).bare);
        assert!(wishes(&[], &[("wrap", "0")]).bare);
        assert!(!wishes(&[("wrap", "true")], &[("wrap", "false")]).bare);
        assert!(!wishes(&[], &[]).bare);
    }
}
