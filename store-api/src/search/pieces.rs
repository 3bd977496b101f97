//! Rules: how a word is cut into the pieces that the index knows.

/// For the words of names, pieces of up to this many letters are indexed. A word of up to this length is one piece.
pub(super) const NAME_PIECE: usize = 16;
/// For all words, pieces of up to this many letters are indexed, also pieces that reach over a space of the text. A
/// longer word is cut into such pieces. The rows that have all pieces are read and checked.
pub(super) const TEXT_PIECE: usize = 3;

/// Pieces of `longest` letters that together make up the word. Each begins with the last letter of the one before, and
/// so the pieces also tell which letters stand beside each other.
pub(super) fn covering(word: &[char], longest: usize) -> Vec<&[char]> {
    let last = word.len().saturating_sub(longest);
    let mut pieces: Vec<&[char]> =
        (0..last).step_by(longest - 1).filter_map(|start| word.get(start..start + longest)).collect();
    pieces.extend(word.get(last..));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_word_is_covered_by_pieces() {
        let pieces = |word: &str, longest| {
            let letters: Vec<char> = word.chars().collect();
            covering(&letters, longest).into_iter().map(String::from_iter).collect::<Vec<_>>()
        };
        assert_eq!(pieces("chocolate", 3), ["cho", "oco", "ola", "ate"]);
        assert_eq!(pieces("생크림케이크", 3), ["생크림", "림케이", "케이크"]);
        assert_eq!(pieces("초콜릿케", 3), ["초콜릿", "콜릿케"]);
        assert_eq!(pieces("초콜", 3), ["초콜"]);
        assert_eq!(pieces("면", 3), ["면"]);
        assert_eq!(pieces("a", 16), ["a"]);
        assert_eq!(pieces(&"가".repeat(40), 16).len(), 3);
    }
}
