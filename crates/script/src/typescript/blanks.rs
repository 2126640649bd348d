//! Changes of a text that leave its lines where they are.

/// A text and what is to be changed of it. Offsets are bytes of the text.
pub(super) struct Blanks<'s> {
    source: &'s str,
    changes: Vec<Change>,
}

struct Change {
    start: usize,
    end: usize,
    kind: Kind,
}

enum Kind {
    /// Each character becomes a blank, but for those that are put over the first and the last of them.
    Blank { first: &'static str, last: &'static str },
    /// Another text, followed by the line ends of what it replaces.
    Text(String),
}

impl<'s> Blanks<'s> {
    pub(super) fn new(source: &'s str) -> Blanks<'s> {
        Blanks { source, changes: Vec::new() }
    }

    /// Blanks out a range.
    pub(super) fn blank(&mut self, start: u32, end: u32) {
        self.cover(start, end, "", "");
    }

    /// Blanks out a range, with `first` over its beginning and `last` over its end.
    pub(super) fn cover(&mut self, start: u32, end: u32, first: &'static str, last: &'static str) {
        self.change(start, end, Kind::Blank { first, last });
    }

    /// Puts a text in a range's place. The line ends of the range stay, behind the text.
    pub(super) fn replace(&mut self, start: u32, end: u32, text: impl Into<String>) {
        self.change(start, end, Kind::Text(text.into()));
    }

    /// Puts a text before the character at `at`.
    pub(super) fn insert(&mut self, at: u32, text: impl Into<String>) {
        self.replace(at, at, text);
    }

    fn change(&mut self, start: u32, end: u32, kind: Kind) {
        self.changes.push(Change { start: start as usize, end: end as usize, kind });
    }

    /// The first offset from `from` on that is neither white space nor in a comment.
    pub(super) fn skip_trivia(&self, from: u32) -> u32 {
        let mut at = from as usize;
        loop {
            let rest = self.source.get(at..).unwrap_or("");
            let trimmed = rest.trim_start();
            at += rest.len() - trimmed.len();
            let comment = if trimmed.starts_with("//") {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if trimmed.starts_with("/*") {
                trimmed.find("*/").map_or(trimmed.len(), |end| end + 2)
            } else {
                return at as u32;
            };
            at += comment;
        }
    }

    /// The character that is next after white space and comments, and where it is.
    pub(super) fn next(&self, from: u32) -> (u32, Option<char>) {
        let at = self.skip_trivia(from);
        (at, self.text(at, self.source.len() as u32).chars().next())
    }

    /// The word that begins at `at`; empty when none does.
    pub(super) fn word(&self, at: u32) -> &'s str {
        let rest = self.text(at, self.source.len() as u32);
        let end = rest.find(|character: char| !character.is_alphanumeric() && !matches!(character, '_' | '$'));
        &rest[..end.unwrap_or(rest.len())]
    }

    /// A part of the text.
    pub(super) fn text(&self, start: u32, end: u32) -> &'s str {
        self.source.get(start as usize..end as usize).unwrap_or("")
    }

    /// Whether a line ends in the range.
    pub(super) fn breaks_line(&self, start: u32, end: u32) -> bool {
        self.text(start, end).contains(is_line_end)
    }

    /// Whether what follows would be read as going on with an expression that a type ended until now.
    pub(super) fn would_go_on(&self, from: u32) -> bool {
        let (at, next) = self.next(from);
        matches!(next, Some('(' | '[' | '`')) && self.breaks_line(from, at)
    }

    /// The changed text.
    pub(super) fn finish(mut self) -> String {
        // What is put before a character comes before what takes its place.
        self.changes.sort_by_key(|change| (change.start, change.end > change.start));
        let mut text = String::with_capacity(self.source.len() + 64);
        let mut at = 0;
        for change in &self.changes {
            // What lies inside of something that is gone is gone.
            if change.start < at {
                continue;
            }
            text.push_str(self.source.get(at..change.start).unwrap_or(""));
            let old = self.source.get(change.start..change.end).unwrap_or("");
            match &change.kind {
                Kind::Text(new) => {
                    text.push_str(new);
                    text.extend(old.chars().filter(|character| is_line_end(*character)));
                }
                Kind::Blank { first, last } => push_blank(&mut text, old, first, last),
            }
            at = change.end.max(at);
        }
        text.push_str(self.source.get(at..).unwrap_or(""));
        text
    }
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// Blanks as long as `old`. `first` and `last` take the place of as many characters, or come on top where a line ends.
fn push_blank(text: &mut String, old: &str, first: &str, last: &str) {
    let mut characters = old.chars().peekable();
    text.push_str(first);
    for _ in first.chars() {
        characters.next_if(|character| !is_line_end(*character));
    }
    text.extend(characters.map(|character| if is_line_end(character) { character } else { ' ' }));
    if !last.is_empty() {
        if old.len() > first.len() && text.ends_with(' ') {
            text.pop();
        }
        text.push_str(last);
    }
}
