//! The table of a comparison, and which figures lose.

use anyhow::ensure;
use console::style;

use super::figures::{Better, Figure, Round};
use super::spread::Spread;

/// A figure loses nothing if the upper quartile of its ratio reaches this.
const BOUND: f64 = 0.97;
/// Fewer rounds are not enough for a decision.
const ENOUGH_ROUNDS: usize = 7;

/// One figure of both sides.
#[derive(Debug)]
struct Row {
    name: String,
    unit: String,
    is_floor: bool,
    this: Spread,
    that: Spread,
    /// The ratios of the two values of each round. More than 1 is better for this tree.
    ratio: Spread,
}

impl Row {
    fn loses_nothing(&self) -> bool {
        self.ratio.upper >= BOUND
    }
}

/// All figures of both sides.
#[derive(Debug)]
pub(super) struct Report {
    rows: Vec<Row>,
    /// The figures that some round of a side lacks.
    left_out: Vec<String>,
    rounds: usize,
}

impl Report {
    pub(super) fn of(rounds: &[Round]) -> anyhow::Result<Self> {
        let (mut rows, mut left_out): (Vec<Row>, Vec<String>) = (Vec::new(), Vec::new());
        for figure in rounds.iter().flat_map(|round| round.this.iter().chain(&round.that)) {
            let name = &figure.name;
            if rows.iter().any(|row| row.name == *name) || left_out.contains(name) {
                continue;
            }
            match row(figure, rounds) {
                Some(row) => rows.push(row),
                None => left_out.push(name.clone()),
            }
        }
        ensure!(!rows.is_empty(), "the two sides have no figure in common");
        Ok(Self { rows, left_out, rounds: rounds.len() })
    }

    /// Floors do not count: the services have no part in them.
    pub(super) fn loses_nothing(&self) -> bool {
        self.rows.iter().filter(|row| !row.is_floor).all(Row::loses_nothing)
    }

    /// The number of floors that differ, for better or worse, by more than the bound; and the number of all floors.
    fn differing_floors(&self) -> (usize, usize) {
        let medians: Vec<f64> =
            self.rows.iter().filter(|row| row.is_floor).map(|row| row.ratio.median).collect();
        let differing = medians.iter().filter(|ratio| !(BOUND..=1.0 / BOUND).contains(*ratio)).count();
        (differing, medians.len())
    }

    pub(super) fn print(&self, that: &str) {
        println!(
            "{} rounds, the sides in turns. Each value is the median of the rounds, with its quartiles: the middle half of the \
             rounds lies between them.\nThe ratio is that of the two values of a round, and more than 1 is better for this \
             tree: this tree / {that} where higher is better\n(↑), {that} / this tree where lower is better (↓). A figure \
             loses nothing if the upper quartile of its ratio is at least {BOUND}.\n",
            self.rounds
        );
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
        println!("  {:width$}  {:>6}  {:>24}  {that:>24}  {:>20}", "", "", "this tree", "ratio");
        for row in self.rows.iter().filter(|row| !row.is_floor) {
            let verdict = if row.loses_nothing() {
                style("loses nothing").green().to_string()
            } else {
                style(format!("LOSES: {:.3} < {BOUND}", row.ratio.upper)).red().bold().to_string()
            };
            println!("{}  {verdict}", line(row, width));
        }
        if self.rows.iter().any(|row| row.is_floor) {
            println!(
                "\n  Floors and servers, in which the services have no part: a ratio far from 1 comes from the machine or the \
                 measuring program."
            );
        }
        for row in self.rows.iter().filter(|row| row.is_floor) {
            println!("{}", line(row, width));
        }
        if !self.left_out.is_empty() {
            println!("\n  Not measured in each round of both sides: {}.", self.left_out.join("; "));
        }
        let lost = self.rows.iter().filter(|row| !row.is_floor && !row.loses_nothing()).count();
        let compared = self.rows.iter().filter(|row| !row.is_floor).count();
        println!("\n  {lost} of {compared} figures lose against {that}.");
        let (differing, floors) = self.differing_floors();
        if differing > 0 {
            println!(
                "  {differing} of {floors} floors differ by more than the same bound: the more do, the less reliable are the \
                 ratios."
            );
        }
        if self.rounds < ENOUGH_ROUNDS {
            println!("  {} rounds are not enough for a decision; {ENOUGH_ROUNDS} are.", self.rounds);
        }
    }
}

fn line(row: &Row, width: usize) -> String {
    let Row { name, unit, this, that, ratio, .. } = row;
    format!("  {name:width$}  {unit:>6}  {this:>24}  {that:>24}  {ratio:>20}")
}

/// A figure of both sides; `None` if a round lacks it.
fn row(figure: &Figure, rounds: &[Round]) -> Option<Row> {
    let value = |side: &[Figure]| side.iter().find(|one| one.name == figure.name).map(|one| one.value);
    let pairs: Vec<(f64, f64)> =
        rounds.iter().map(|round| Some((value(&round.this)?, value(&round.that)?))).collect::<Option<_>>()?;
    let ratio = |(this, that): &(f64, f64)| match figure.better {
        // Zero on both sides, for example a count of faults.
        _ if this.total_cmp(that).is_eq() => 1.0,
        Better::Higher => this / that,
        Better::Lower => that / this,
    };
    let arrow = match figure.better {
        Better::Higher => '↑',
        Better::Lower => '↓',
    };
    Some(Row {
        name: figure.name.clone(),
        unit: format!("{} {arrow}", figure.unit),
        is_floor: figure.is_floor,
        this: Spread::of(pairs.iter().map(|(this, _)| *this).collect()),
        that: Spread::of(pairs.iter().map(|(_, that)| *that).collect()),
        ratio: Spread::of(pairs.iter().map(ratio).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, better: Better, value: f64) -> Figure {
        Figure {
            name: name.to_owned(),
            unit: String::new(),
            better,
            is_floor: name.starts_with("floor"),
            value,
        }
    }

    fn rounds(of_one: impl Fn(f64) -> (Vec<Figure>, Vec<Figure>)) -> Vec<Round> {
        let rounds = [0.99, 1.0, 1.01].into_iter().map(of_one);
        rounds.map(|(this, that)| Round { this, that }).collect()
    }

    #[test]
    fn a_lower_rate_and_a_longer_time_lose() {
        for (name, better, this) in [("rate", Better::Higher, 90.0), ("time", Better::Lower, 110.0)] {
            let report = Report::of(&rounds(|noise| {
                (vec![figure(name, better, this * noise)], vec![figure(name, better, 100.0)])
            }));
            let report = report.unwrap();
            assert!(!report.loses_nothing(), "{name}");
            assert!(report.rows[0].ratio.median < BOUND, "{name}");
        }
    }

    #[test]
    fn a_spread_that_reaches_the_bound_loses_nothing() {
        let report = Report::of(&rounds(|noise| {
            let this = 0.967 * noise;
            (vec![figure("rate", Better::Higher, this)], vec![figure("rate", Better::Higher, 1.0)])
        }));
        assert!(report.unwrap().loses_nothing());
    }

    #[test]
    fn a_floor_does_not_lose() {
        let report = Report::of(&rounds(|_| {
            let side =
                |floor| vec![figure("rate", Better::Higher, 1.0), figure("floor", Better::Higher, floor)];
            (side(0.5), side(1.0))
        }));
        let report = report.unwrap();
        assert!(report.loses_nothing());
        assert_eq!(report.differing_floors(), (1, 1));
    }

    #[test]
    fn a_figure_of_one_side_is_named_and_not_compared() {
        let report = Report::of(&rounds(|_| {
            let both = || figure("rate", Better::Higher, 1.0);
            (
                vec![both(), figure("new", Better::Higher, 1.0)],
                vec![both(), figure("old", Better::Lower, 1.0)],
            )
        }));
        let report = report.unwrap();
        assert_eq!(report.rows.len(), 1);
        assert_eq!(report.left_out, ["new", "old"]);
    }

    #[test]
    fn a_count_that_is_zero_on_both_sides_is_the_same() {
        let report = Report::of(&rounds(|_| {
            let none = || vec![figure("faults", Better::Lower, 0.0)];
            (none(), none())
        }));
        assert!(report.unwrap().loses_nothing());
    }
}
