//! The function around a script's text, and positions in that text.

use super::literals::LOOKUP_NAME;

/// The function around a script. The text begins on the function's first line, so that lines count as the author sees them.
pub(crate) struct Wrapped {
    /// The function as an expression.
    pub(crate) text: String,
    /// Length of what precedes the script on its first line, in characters.
    prefix: u32,
}

impl Wrapped {
    /// `asynchronous` allows `await`.
    pub(crate) fn new(source: &str, asynchronous: bool) -> Wrapped {
        let function = if asynchronous { "async function" } else { "function" };
        let (open, close) = match assigns_event(source) {
            true => ("try{", "\n}finally{capture$(event)}})"),
            false => ("", "\n})"),
        };
        let prefix = format!("({function}(event,platform,{LOOKUP_NAME},capture$){{{open}");
        let length = prefix.len() as u32;
        Wrapped { text: format!("{prefix}{source}{close}"), prefix: length }
    }

    /// The function's text as the engine gives it.
    pub(crate) fn function(&self) -> &str {
        &self.text[1..self.text.len() - 1]
    }

    /// The author's own line and column of the innermost frame in the script; `name` is the script's name.
    pub(crate) fn position(&self, stack: &str, name: &str) -> Option<(u32, u32)> {
        stack.lines().find_map(|frame| self.in_frame(frame, name)).map(|(line, column, _)| (line, column))
    }

    /// The script's own frames with the author's positions.
    pub(crate) fn own_frames(&self, stack: &str, name: &str) -> String {
        let mut frames = String::new();
        for frame in stack.lines() {
            if let Some((line, column, function)) = self.in_frame(frame, name) {
                frames.push_str(&format!("at {function}{name}:{line}:{column}\n"));
            }
        }
        frames
    }

    /// Line, column and leading text (`f `, or nothing) of a frame like `at f (name:3:14)` or `at name:3:14`.
    fn in_frame<'f>(&self, frame: &'f str, name: &str) -> Option<(u32, u32, &'f str)> {
        let frame = frame.trim().strip_prefix("at ")?;
        let start = frame.find(&format!("{name}:"))?;
        let function = frame[..start].trim_end_matches('(');
        let mut numbers = frame[start + name.len() + 1..].trim_end_matches(')').split(':');
        let line = numbers.next()?.parse().ok()?;
        let column: u32 = numbers.next()?.parse().ok()?;
        let column = if line == 1 { column.saturating_sub(self.prefix).max(1) } else { column };
        Some((line, column, if function.starts_with('<') { "" } else { function }))
    }
}

/// Whether the text may assign to `event` itself: then its last value has to be caught when the function is left.
fn assigns_event(source: &str) -> bool {
    source.match_indices("event").any(|(at, word)| {
        let before = source[..at].chars().next_back();
        let rest = source[at + word.len()..].trim_start();
        let own_word = !before.is_some_and(|before| before.is_alphanumeric() || matches!(before, '.' | '_' | '$'));
        own_word && rest.starts_with('=') && !rest.starts_with("==") && !rest.starts_with("=>")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_assign_the_event_itself_are_watched() {
        for source in ["event = {}", "x; event={a: 1}", "if (a) event  =\n null"] {
            assert!(assigns_event(source), "{source}");
        }
        for source in ["event.response = 1", "event == 1", "my.event = 1", "events = 1", "event => 1", "preevent = 1"] {
            assert!(!assigns_event(source), "{source}");
        }
    }

    #[test]
    fn positions_are_the_authors() {
        let wrapped = Wrapped::new("throw 1", false);
        let shift = wrapped.prefix;
        let stack = format!(
            "    at inner (todo.get:1:{})\n    at <anonymous> (todo.get:7:2)\n    at begin (platform:9:1)\n",
            shift + 7
        );
        assert_eq!(wrapped.position(&stack, "todo.get"), Some((1, 7)));
        assert_eq!(wrapped.own_frames(&stack, "todo.get"), "at inner todo.get:1:7\nat todo.get:7:2\n");
    }
}
