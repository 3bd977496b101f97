//! The lines of a file: what the parser does not tell about the place of a node.

use std::collections::HashSet;

use crate::format::document::Origin;

/// The lines of a file.
pub(super) struct Lines<'text> {
    lines: Vec<&'text str>,
    /// The places that directly follow a tab.
    behind_tab: HashSet<(usize, isize)>,
}

impl<'text> Lines<'text> {
    pub(super) fn of(text: &'text str) -> Self {
        let lines: Vec<&str> = text.split('\n').collect();
        let mut behind_tab = HashSet::new();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains('\t')) {
            let mut has_tab = false;
            for (column, char) in line.chars().enumerate() {
                match char {
                    '\t' => has_tab = true,
                    ' ' => {}
                    _ => {
                        if has_tab {
                            behind_tab.insert((number, isize::try_from(column).unwrap_or_default()));
                        }
                        has_tab = false;
                    }
                }
            }
        }
        Self { lines, behind_tab }
    }

    /// Whether there is a tab before a token. `SnakeYAML` refuses it, and the parser accepts it.
    pub(super) fn has_tab_before(&self, origin: Origin) -> bool {
        self.behind_tab.contains(&(origin.line, origin.column))
    }

    /// The place of the `|` or `>` before the first line of a block scalar.
    pub(super) fn block_indicator_before(&self, content: Origin) -> Origin {
        for line in (0..content.line).rev() {
            let text = self.lines[line];
            if text.trim().is_empty() {
                continue;
            }
            let header = text.split(" #").next().unwrap_or_default();
            let column =
                header.chars().collect::<Vec<_>>().iter().rposition(|char| matches!(char, '|' | '>'));
            return match column.and_then(|column| isize::try_from(column).ok()) {
                Some(column) => Origin { line, column },
                None => content,
            };
        }
        content
    }

    /// The place behind a colon or hyphen without a value.
    pub(super) fn behind_indicator(&self, origin: Origin) -> Origin {
        let column = usize::try_from(origin.column).unwrap_or_default();
        let char = self.lines.get(origin.line).and_then(|line| line.chars().nth(column));
        if matches!(char, Some(':' | '-')) { Origin { column: origin.column + 1, ..origin } } else { origin }
    }
}
