//! Where in a client's stream of requests a byte is: request line, header field or body.
//!
//! A change inside a body would shift all that follows it, and let a client smuggle a request past a proxy. So only the
//! plain case is followed (RFC 9112): a path, at most one length, no transfer coding, no upgrade. Anything else ends it
//! for the rest of the connection: from there on nothing is changed.

#[cfg(test)]
mod tests;

/// What the fields that decide about a body are called, in lower case.
const LENGTH_FIELD: &[u8] = b"content-length";
/// Fields after which the stream is not followed any more.
const ENDING_FIELDS: [&[u8]; 2] = [b"transfer-encoding", b"upgrade"];
/// Enough of a field's name to recognise those, and to tell a longer name from them.
const NAME_BYTES: usize = 18;
/// The method that turns a connection into a tunnel.
const TUNNEL: &[u8] = b"CONNECT";
/// What versions that are followed begin with; one digit ends it.
const VERSION: &[u8] = b"HTTP/1.";

/// Where the next byte is.
#[derive(Debug)]
enum Place {
    /// Before a request line, where empty lines may be.
    Between,
    /// In a method of so many bytes so far.
    Method { length: usize, may_be_tunnel: bool },
    /// At the first byte of a target.
    TargetStart,
    /// In a target that is a path.
    Target,
    /// In the version, after so many bytes of it.
    Version(usize),
    /// In the name of a field, or in the empty line after the last field.
    Name(Name),
    /// In the value of a field that does not matter here.
    Value,
    /// In the value of `content-length`.
    Length(Digits),
    /// In a body with so many bytes to come.
    Body(u64),
    /// Not followed any more.
    Lost,
}

/// The name of a field in lower case, as far as it matters.
#[derive(Debug, Default)]
struct Name {
    bytes: [u8; NAME_BYTES],
    length: usize,
}

impl Name {
    fn push(&mut self, byte: u8) {
        if let Some(free) = self.bytes.get_mut(self.length) {
            *free = byte.to_ascii_lowercase();
            self.length += 1;
        }
    }

    fn is(&self, name: &[u8]) -> bool {
        &self.bytes[..self.length] == name
    }
}

/// A number with white space around it.
#[derive(Debug, Default)]
struct Digits {
    number: Option<u64>,
    has_ended: bool,
}

impl Digits {
    /// Takes one more byte; `None` when this is not one number.
    fn push(&mut self, byte: u8) -> Option<()> {
        match byte {
            b' ' | b'\t' => self.has_ended = self.number.is_some(),
            b'0'..=b'9' if !self.has_ended => {
                let digit = u64::from(byte - b'0');
                self.number = Some(self.number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
            }
            _ => return None,
        }
        Some(())
    }
}

/// Follows the requests in a stream of bytes.
#[derive(Debug)]
pub struct Framing {
    place: Place,
    /// The last byte was a carriage return: only the line's end may follow.
    has_returned: bool,
    /// Bytes of the current head so far.
    head: usize,
    head_limit: usize,
    /// The length of the current request's body, once it is known.
    body: Option<u64>,
}

impl Framing {
    /// At the start of a connection; a head of more than `head_limit` bytes is not followed.
    pub fn new(head_limit: usize) -> Framing {
        Framing { place: Place::Between, has_returned: false, head: 0, head_limit, body: None }
    }

    /// Follows the stream through these bytes, up to and with the first that must be percent-encoded; its position.
    /// `None` when all of them were followed and none must be.
    pub fn scan(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut index = 0;
        while let Some(byte) = bytes.get(index).copied() {
            let skipped = self.skip(&bytes[index..]);
            if skipped > 0 {
                index += skipped;
            } else if self.step(byte) {
                return Some(index);
            } else {
                index += 1;
            }
        }
        None
    }

    /// How many of these bytes stay where the stream is and need no change.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        let run = |is_part: fn(u8) -> bool| bytes.iter().position(|&byte| !is_part(byte)).unwrap_or(bytes.len());
        let length = match &mut self.place {
            _ if self.has_returned => 0,
            Place::Lost => return bytes.len(),
            Place::Body(rest) => {
                let length = usize::try_from(*rest).unwrap_or(usize::MAX).min(bytes.len());
                *rest -= length as u64;
                if *rest == 0 {
                    self.place = Place::Between;
                }
                return length;
            }
            Place::Target => run(is_target_byte),
            Place::Value => run(is_value_byte),
            _ => 0,
        };
        self.head += length;
        length
    }

    /// Takes one byte of a head; whether it must be encoded.
    fn step(&mut self, byte: u8) -> bool {
        self.head += 1;
        if self.head <= self.head_limit {
            if matches!(self.place, Place::Target) && !self.has_returned && must_be_encoded(byte) {
                return true;
            }
            if self.advance(byte).is_some() {
                return false;
            }
        }
        self.place = Place::Lost;
        self.has_returned = false;
        false
    }

    /// Moves on by one byte; `None` when the stream can't be followed any more.
    fn advance(&mut self, byte: u8) -> Option<()> {
        if byte == b'\n' {
            self.has_returned = false;
            return self.end_line();
        }
        if self.has_returned {
            return None;
        }
        if byte == b'\r' {
            self.has_returned = true;
            return Some(());
        }
        match &mut self.place {
            Place::Between if is_name_byte(byte) => {
                self.place = Place::Method { length: 1, may_be_tunnel: is_part_of(TUNNEL, 0, byte) };
            }
            Place::Method { length, may_be_tunnel } if byte == b' ' => {
                if *may_be_tunnel && *length == TUNNEL.len() {
                    return None;
                }
                self.place = Place::TargetStart;
            }
            Place::Method { length, may_be_tunnel } if is_name_byte(byte) => {
                *may_be_tunnel &= is_part_of(TUNNEL, *length, byte);
                *length += 1;
            }
            Place::TargetStart if byte == b'/' => self.place = Place::Target,
            Place::Target if byte == b' ' => self.place = Place::Version(0),
            Place::Version(length) => {
                let is_part = if *length == VERSION.len() {
                    matches!(byte, b'0' | b'1')
                } else {
                    VERSION.get(*length) == Some(&byte)
                };
                *length += usize::from(is_part);
                return is_part.then_some(());
            }
            Place::Name(name) if byte == b':' => self.place = value_of(name)?,
            Place::Name(name) if is_name_byte(byte) => name.push(byte),
            Place::Length(digits) => return digits.push(byte),
            _ => return None,
        }
        Some(())
    }

    /// Moves on to the next line; `None` when the stream can't be followed any more.
    fn end_line(&mut self) -> Option<()> {
        self.place = match &self.place {
            Place::Between => Place::Between,
            Place::Version(length) if *length == VERSION.len() + 1 => Place::Name(Name::default()),
            Place::Value => Place::Name(Name::default()),
            Place::Length(digits) => {
                let length = digits.number?;
                if self.body.replace(length).is_some() {
                    return None;
                }
                Place::Name(Name::default())
            }
            Place::Name(name) if name.length == 0 => {
                self.head = 0;
                match self.body.take() {
                    None | Some(0) => Place::Between,
                    Some(length) => Place::Body(length),
                }
            }
            _ => return None,
        };
        Some(())
    }
}

/// Where the value of this field is; `None` when the stream can't be followed after it.
fn value_of(name: &Name) -> Option<Place> {
    if name.length == 0 || ENDING_FIELDS.iter().any(|ending| name.is(ending)) {
        return None;
    }
    Some(if name.is(LENGTH_FIELD) { Place::Length(Digits::default()) } else { Place::Value })
}

/// Whether a word has this byte at this position, in either case.
fn is_part_of(word: &[u8], position: usize, byte: u8) -> bool {
    word.get(position).is_some_and(|expected| expected.eq_ignore_ascii_case(&byte))
}

/// What a target must not hold but people type (RFC 3986, 2). Braces and the like are no better, but the HTTP library
/// takes them. Blanks and control characters end a target.
fn must_be_encoded(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`' | 0x80..)
}

fn is_target_byte(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7E) && !must_be_encoded(byte)
}

/// Part of a field's value (RFC 9110, 5.5).
fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7E | 0x80..)
}

/// Part of a method or of a field's name (RFC 9110, 5.6.2).
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
