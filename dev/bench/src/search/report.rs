//! The table of a catalogue, how figures grow with it, and which aims are met.

use super::questions::{Aim, Shape};
use crate::aim;
use crate::figures::{Figures, Of};

/// The figures of one side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// The figures of one question.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) aim: Aim,
    pub(crate) shape: Shape,
    pub(crate) ours: Side,
    pub(crate) raw: Side,
    /// The median ratio of the rates of both sides.
    pub(crate) ratio: f64,
}

impl Row {
    /// Adds it to the figures, for a size of the catalogue.
    pub(crate) fn note(&self, size: u32, figures: &mut Figures) {
        let name = format!("{}, {size} items", self.name);
        for (of, side) in [(Of::Dalkom, self.ours), (Of::Floor, self.raw)] {
            figures.rate(of, &name, side.per_second);
            figures.cost(of, &format!("{name}, p50"), "ms", side.p50_ms);
            figures.cost(of, &format!("{name}, p99"), "ms", side.p99_ms);
        }
    }
}

/// The last page must take as long as the first one, within the noise of the measurement.
const LAST_PAGE_FACTOR: f64 = 1.3;

/// Prints the head of the table of one size.
pub(crate) fn head(size: u32) {
    println!("\n{size} items");
    println!(
        "  {:36} {:>9} {:>9} {:>9}   {:>9} {:>9} {:>9}   {:>7}",
        "", "a second", "p50 ms", "p99 ms", "SQL a s", "p50 ms", "p99 ms", "ratio"
    );
}

/// Prints the figures of one question.
pub(crate) fn line(Row { name, ours, raw, ratio, shape, .. }: &Row) {
    let how = match shape {
        Shape::Index => "",
        Shape::Walk | Shape::LongWalk => " walk",
        Shape::Scan => " scan",
    };
    println!(
        "  {name:36} {:>9.0} {:>9.2} {:>9.2}   {:>9.1} {:>9.2} {:>9.2}   {ratio:>7.2}{how}",
        ours.per_second, ours.p50_ms, ours.p99_ms, raw.per_second, raw.p50_ms, raw.p99_ms
    );
}

/// Prints the growth and the aims. True if all are met.
pub(crate) fn verdict(tables: &[(u32, Vec<Row>)]) -> bool {
    let (Some((smallest, first)), Some((greatest, last))) = (tables.first(), tables.last()) else {
        return true;
    };
    println!("\nFrom {smallest} to {greatest} items");
    let mut good = true;
    for (small, great) in first.iter().zip(last) {
        let growth = great.ours.p99_ms / small.ours.p99_ms;
        let rows: Vec<&Row> =
            tables.iter().flat_map(|(_, rows)| rows.iter().filter(|row| row.name == great.name)).collect();
        let (aim, met) = match great.aim {
            Aim::None => ("no aim".to_owned(), true),
            Aim::Rate(percent) => {
                let least = rows.iter().map(|row| row.ratio).fold(f64::INFINITY, f64::min);
                (
                    format!("{least:.2} of the raw rate at least; aim: 0.{percent}"),
                    least >= f64::from(percent) / 100.0,
                )
            }
            Aim::Growth(times) => (format!("aim: p99 × {times} at most"), growth <= f64::from(times)),
            Aim::Latency(most) => (
                format!("aim: p99 below {most} ms"),
                rows.iter().all(|row| row.ours.p99_ms < f64::from(most)),
            ),
        };
        good &= met;
        println!(
            "  {:36} p99 {:>7.2} → {:>7.2} ms, × {growth:<5.2} {aim}; {}",
            great.name,
            small.ours.p99_ms,
            great.ours.p99_ms,
            aim::verdict(met)
        );
    }
    for (size, rows) in tables {
        let p50 = |name: &str| rows.iter().find(|row| row.name == name).map(|row| row.ours.p50_ms);
        if let (Some(first), Some(last)) = (p50("newest page"), p50("last page")) {
            let met = last <= first * LAST_PAGE_FACTOR;
            good &= met;
            println!(
                "  the last page takes {:.2} of the time of the first at {size} items; aim: {LAST_PAGE_FACTOR} at most; {}",
                last / first,
                aim::verdict(met)
            );
        }
    }
    good
}
