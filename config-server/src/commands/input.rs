//! Rules: how a value is read from standard input or from a file.

/// Removes the line end that `echo` and the Enter key add to a value.
pub(super) fn without_line_end(value: &str) -> &str {
    let value = value.strip_suffix('\n').unwrap_or(value);
    value.strip_suffix('\r').unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_line_end_is_removed() {
        assert_eq!(without_line_end("a\n"), "a");
        assert_eq!(without_line_end("a\r\n"), "a");
        assert_eq!(without_line_end("a\n\n"), "a\n");
        assert_eq!(without_line_end(" a "), " a ");
    }
}
