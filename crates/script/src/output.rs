//! What a script prints, up to its limit.

/// Written behind output that was cut.
const CUT: &str = "\n[The rest of the output was cut.]\n";

/// Printed text; beyond the limit it is cut, and says so.
#[derive(Debug)]
pub(crate) struct Output {
    text: String,
    limit: usize,
    cut: bool,
}

impl Output {
    /// Nothing printed yet; `limit` in bytes.
    pub(crate) fn new(limit: usize) -> Output {
        Output { text: String::new(), limit, cut: false }
    }

    /// Adds one line.
    pub(crate) fn line(&mut self, line: &str) {
        self.add(line);
        self.add("\n");
    }

    /// Adds text as it is.
    pub(crate) fn add(&mut self, text: &str) {
        if self.cut {
            return;
        }
        let room = self.limit.saturating_sub(self.text.len());
        if text.len() <= room {
            self.text.push_str(text);
            return;
        }
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        self.text.push_str(CUT);
        self.cut = true;
    }

    /// What was printed.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_cut_between_characters_once() {
        let mut output = Output::new(5);
        output.line("ab");
        output.add("cäé");
        output.line("more");
        assert_eq!(output.into_text(), format!("ab\nc{CUT}"));
    }
}
