//! No two files of a crate use each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use crate::sources::{self, Arrow, Crate};

/// Every circle of every crate, shown as the lines `a uses b (by this path)`.
pub(super) fn circles(checkout: &Path) -> anyhow::Result<Vec<String>> {
    let mut shown = Vec::new();
    for package in sources::packages(checkout)? {
        for root in &package.roots {
            let arrows = Crate::read(checkout, root)?.arrows();
            shown.extend(circles_of(&arrows).iter().map(|circle| show(circle)));
        }
    }
    Ok(shown)
}

/// The shortest circle through each file that is in one, each circle once.
fn circles_of(arrows: &[Arrow]) -> Vec<Vec<&Arrow>> {
    let mut from: BTreeMap<&Path, Vec<&Arrow>> = BTreeMap::new();
    for arrow in arrows {
        from.entry(&arrow.from).or_default().push(arrow);
    }
    let mut known = BTreeSet::new();
    let mut circles = Vec::new();
    for file in from.keys() {
        if let Some(circle) = shortest_circle(file, &from)
            && known.insert(circle.iter().map(|arrow| &arrow.from).collect::<BTreeSet<&PathBuf>>())
        {
            circles.push(circle);
        }
    }
    circles
}

/// A breadth-first search from a file back to itself.
fn shortest_circle<'a>(file: &Path, from: &BTreeMap<&Path, Vec<&'a Arrow>>) -> Option<Vec<&'a Arrow>> {
    let mut reached_by: BTreeMap<&Path, &Arrow> = BTreeMap::new();
    let mut waiting = VecDeque::from([file]);
    while let Some(next) = waiting.pop_front() {
        for arrow in from.get(next).into_iter().flatten() {
            if !reached_by.contains_key(arrow.to.as_path()) {
                reached_by.insert(&arrow.to, arrow);
                waiting.push_back(&arrow.to);
            }
        }
    }
    let mut circle = vec![*reached_by.get(file)?];
    while circle.last().is_some_and(|arrow| arrow.from != file) {
        let before = circle.last().and_then(|arrow| reached_by.get(arrow.from.as_path()))?;
        circle.push(before);
    }
    circle.reverse();
    Some(circle)
}

fn show(circle: &[&Arrow]) -> String {
    let lines: Vec<String> = circle
        .iter()
        .map(|arrow| format!("  {} uses {} ({})", arrow.from.display(), arrow.to.display(), arrow.by))
        .collect();
    format!("a circle of {} files:\n{}", circle.len(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(drawn: &[(&str, &str)]) -> Vec<Arrow> {
        let arrow = |(from, to): &(&str, &str)| Arrow {
            from: PathBuf::from(from),
            to: PathBuf::from(to),
            by: format!("crate::{to}"),
        };
        drawn.iter().map(arrow).collect()
    }

    #[test]
    fn arrows_that_lead_one_way_are_no_circle() {
        assert!(circles_of(&arrows(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    }

    #[test]
    fn a_circle_is_shown_arrow_by_arrow() {
        let arrows = arrows(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]);
        let shown: Vec<String> = circles_of(&arrows).iter().map(|circle| show(circle)).collect();
        assert_eq!(shown, ["a circle of 2 files:\n  b uses c (crate::c)\n  c uses b (crate::b)"]);
    }

    #[test]
    fn each_circle_is_shown_once() {
        let two = arrows(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "c")]);
        let lengths: Vec<usize> = circles_of(&two).iter().map(Vec::len).collect();
        assert_eq!(lengths, [3, 2]);
    }
}
