//! Rules: how Spring Boot reads properties files.
//!
//! A comment of `#---` or `!---` begins a new document. A key that ends in `[]` is a list of texts, separated by commas.
//! Spring reads ISO 8859-1; a file that is valid UTF-8 is read as UTF-8 here.

use thiserror::Error;

use super::document::{Document, Entry, Origin};
use super::limits::{Budget, LimitError, NODES_MAX};
use super::scalar::Scalar;

/// Why a properties file can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PropertiesError {
    /// `\u` without four hexadecimal digits.
    #[error("line {line}: \\u needs four hexadecimal digits")]
    Unicode {
        /// From 1.
        line: usize,
    },
    /// The file exceeds a limit.
    #[error("line {line}: {source}")]
    Limit {
        /// From 1.
        line: usize,
        /// Which limit.
        #[source]
        source: LimitError,
    },
}

pub(super) fn read(content: &[u8]) -> Result<Vec<Document>, PropertiesError> {
    let text = match std::str::from_utf8(content) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
        Err(_) => content.iter().map(|&byte| char::from(byte)).collect(),
    };
    let mut documents = Documents::default();
    let mut reader = Reader::new(&text);
    let mut budget = Budget::default();
    while reader.advance()? {
        let comment = reader.current.filter(|&char| !reader.is_escaped && matches!(char, '#' | '!'));
        if let Some(prefix) = comment {
            if documents.last_comment != Some(prefix) && reader.is_separator() {
                documents.begin();
            } else {
                documents.comment(prefix);
                reader.skip_line();
            }
            continue;
        }
        documents.last_comment = None;
        read_entry(&mut reader, &mut documents.current, &mut budget)?;
    }
    Ok(documents.finish())
}

/// The documents that are read so far. An empty one is dropped.
#[derive(Default)]
struct Documents {
    done: Vec<Document>,
    current: Document,
    /// The prefix of the comment in the line before. A separator beside a comment with the same prefix is a comment.
    last_comment: Option<char>,
}

impl Documents {
    fn begin(&mut self) {
        let document = std::mem::take(&mut self.current);
        if !document.entries.is_empty() {
            self.done.push(document);
        }
    }

    /// A comment directly behind a separator makes the separator a comment, too.
    fn comment(&mut self, prefix: char) {
        if self.current.entries.is_empty()
            && let Some(document) = self.done.pop()
        {
            self.current = document;
        }
        self.last_comment = Some(prefix);
    }

    fn finish(mut self) -> Vec<Document> {
        self.begin();
        self.done
    }
}

fn read_entry(
    reader: &mut Reader,
    document: &mut Document,
    budget: &mut Budget,
) -> Result<(), PropertiesError> {
    let key = read_key(reader)?;
    let key = key.trim_matches(|char| char <= ' ');
    let Some(list) = key.strip_suffix("[]") else {
        let (value, origin) = read_value(reader, false)?;
        return put(reader, document, budget, key.to_owned(), value, origin);
    };
    for index in 0..NODES_MAX {
        let (value, origin) = read_value(reader, true)?;
        put(reader, document, budget, format!("{list}[{index}]"), value, origin)?;
        if reader.is_end_of_line() {
            break;
        }
        reader.advance()?;
        if reader.is_end_of_line() {
            break;
        }
    }
    Ok(())
}

fn put(
    reader: &Reader,
    document: &mut Document,
    budget: &mut Budget,
    key: String,
    value: String,
    origin: Origin,
) -> Result<(), PropertiesError> {
    if !key.is_empty() {
        budget
            .take_entry(&key, value.len())
            .and_then(|()| budget.take_node())
            .map_err(|source| PropertiesError::Limit { line: reader.line + 1, source })?;
        document.entries.insert(key, Entry { value: Scalar::Text(value), origin });
    }
    Ok(())
}

fn read_key(reader: &mut Reader) -> Result<String, PropertiesError> {
    let mut key = String::new();
    let mut is_after_blank = false;
    while !reader.is_end_of_line() {
        if reader.is_delimiter() {
            reader.advance()?;
            break;
        }
        if !reader.is_blank() && is_after_blank {
            break;
        }
        is_after_blank = reader.is_blank();
        key.extend(reader.current);
        reader.advance()?;
    }
    Ok(key)
}

fn read_value(reader: &mut Reader, is_in_list: bool) -> Result<(String, Origin), PropertiesError> {
    while reader.is_blank() && !reader.is_end_of_line() {
        reader.advance()?;
    }
    let origin = Origin { line: reader.line, column: reader.column };
    let mut value = String::new();
    while !(reader.is_end_of_line() || is_in_list && reader.is_comma()) {
        value.extend(reader.current);
        reader.advance()?;
    }
    Ok((value, origin))
}

/// Reads characters: escapes are replaced, and a line that ends in a backslash goes on in the next one.
struct Reader {
    chars: Vec<char>,
    next: usize,
    current: Option<char>,
    is_escaped: bool,
    line: usize,
    column: isize,
}

impl Reader {
    fn new(text: &str) -> Self {
        let chars = text.replace("\r\n", "\n").replace('\r', "\n").chars().collect();
        Self { chars, next: 0, current: None, is_escaped: false, line: 0, column: -1 }
    }

    fn next_char(&mut self) -> Option<char> {
        let next = self.chars.get(self.next).copied();
        self.next += usize::from(next.is_some());
        next
    }

    /// Goes to the next character. False at the end of the file.
    fn advance(&mut self) -> Result<bool, PropertiesError> {
        self.is_escaped = false;
        self.take();
        if self.column == 0 {
            while self.is_blank() {
                self.take();
            }
        }
        if self.current == Some('\\') {
            self.escape()?;
        } else if self.current == Some('\n') {
            self.column = -1;
        }
        Ok(self.current.is_some())
    }

    fn take(&mut self) {
        self.current = self.next_char();
        self.column += 1;
        if self.current == Some('\n') {
            self.line += 1;
        }
    }

    /// Replaces an escape. An escape counts as one column.
    fn escape(&mut self) -> Result<(), PropertiesError> {
        self.is_escaped = true;
        self.current = self.next_char();
        match self.current {
            Some('t') => self.current = Some('\t'),
            Some('r') => self.current = Some('\r'),
            Some('n') => self.current = Some('\n'),
            Some('f') => self.current = Some('\u{c}'),
            Some('\n') => {
                self.line += 1;
                self.column = -1;
                self.advance()?;
            }
            Some('u') => self.current = Some(self.unicode()?),
            _ => {}
        }
        Ok(())
    }

    fn unicode(&mut self) -> Result<char, PropertiesError> {
        let line = self.line + 1;
        let unit = self.hexadecimal(line)?;
        if !(0xd800..0xdc00).contains(&unit) {
            return Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        // A character beyond 16 bits is written as two units.
        if !self.chars[self.next..].starts_with(&['\\', 'u']) {
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        self.next += 2;
        let low = self.hexadecimal(line)?;
        let code = 0x1_0000 + ((unit - 0xd800) << 10) + low.wrapping_sub(0xdc00);
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hexadecimal(&mut self, line: usize) -> Result<u32, PropertiesError> {
        (0..4).try_fold(0, |unit, _| {
            let digit = self.next_char().and_then(|char| char.to_digit(16));
            digit.map(|digit| unit * 16 + digit).ok_or(PropertiesError::Unicode { line })
        })
    }

    /// Whether the comment that begins here is `#---`. Reads the line where it is, and nothing where it is not.
    fn is_separator(&mut self) -> bool {
        if self.column != 0 {
            return false;
        }
        let ahead = &self.chars[self.next..];
        let is_separator = ahead.strip_prefix(&['-', '-', '-']).is_some_and(|rest| {
            let end = rest.iter().find(|char| !matches!(char, ' ' | '\t' | '\u{c}'));
            end.is_none_or(|&char| char == '\n')
        });
        if is_separator {
            self.skip_line();
        }
        is_separator
    }

    /// Skips a comment. A backslash at its end means nothing.
    fn skip_line(&mut self) {
        while self.current.is_some() && self.current != Some('\n') {
            self.take();
        }
        self.column = -1;
    }

    fn is_end_of_line(&self) -> bool {
        self.current.is_none() || (!self.is_escaped && self.current == Some('\n'))
    }

    fn is_blank(&self) -> bool {
        !self.is_escaped && matches!(self.current, Some(' ' | '\t' | '\u{c}'))
    }

    fn is_delimiter(&self) -> bool {
        !self.is_escaped && matches!(self.current, Some('=' | ':'))
    }

    fn is_comma(&self) -> bool {
        !self.is_escaped && self.current == Some(',')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each document as `key=value@origin`.
    fn read_text(text: &str) -> Vec<Vec<String>> {
        let documents = read(text.as_bytes()).unwrap();
        let shown = |document: &Document| {
            let entries = document.entries.iter();
            entries.map(|(key, entry)| format!("{key}={}@{}", entry.value, entry.origin)).collect()
        };
        documents.iter().map(shown).collect()
    }

    #[test]
    fn keys_and_values_are_separated_in_four_ways() {
        assert_eq!(
            read_text("a=1\nb = two \nc:3\nd 4\ne\n=f\n\n  g = h"),
            [["a=1@1:3", "b=two @2:5", "c=3@3:3", "d=4@4:3", "e=@6:0", "g=h@8:7"]]
        );
    }

    #[test]
    fn lines_are_continued_and_escapes_replaced() {
        assert_eq!(
            read_text("q = \\\n  2\nx\\ y\\:=\\u0061\\t\\q\\uD83C\\uDF70"),
            [["q=2@2:3", "x y:=a\tq🍰@3:6"]]
        );
        assert_eq!(read(b"a=1\nb=\\u12\n").unwrap_err(), PropertiesError::Unicode { line: 2 });
    }

    #[test]
    fn documents_are_separated_by_a_comment_of_three_hyphens() {
        assert_eq!(read_text("a=1\n#---\nb=2\n!---  \nc=3"), [["a=1@1:3"], ["b=2@3:3"], ["c=3@5:3"]]);
        for together in ["a=1\n#----\nb=2", "a=1\n # ---\nb=2", "a=1\n# x\n#---\nb=2", "a=1\n#---\n# x\nb=2"]
        {
            assert_eq!(read_text(together).len(), 1, "{together}");
        }
    }

    #[test]
    fn a_key_with_empty_brackets_is_a_list() {
        assert_eq!(read_text("a[]=x,y"), [["a[0]=x@1:5", "a[1]=y@1:7"]]);
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_latin_1() {
        let documents = read(b"a=\xe9").unwrap();

        assert_eq!(documents[0].entries["a"].value.to_string(), "é");
    }
}
