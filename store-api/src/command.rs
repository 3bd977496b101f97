//! The commands of the program besides serving: `store-api seed --stores 50 --items 1000`.

use clap::{Args, Subcommand};
use database::Database;
use indicatif::{ProgressBar, ProgressStyle};

use crate::seed::{Plan, Progress};
use crate::{search, seed};

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a made-up catalogue. The same seed number gives the same catalogue, and existing rows are skipped.
    Seed {
        /// What to seed.
        #[command(flatten)]
        plan: PlanArguments,
    },
    /// Rebuild the search index from the items and stores. Searches go on meanwhile.
    RebuildIndex,
}

/// What to seed.
#[derive(Clone, Copy, Debug, Args)]
pub struct PlanArguments {
    /// How many stores, at most 100,000
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    stores: u32,
    /// How many items, spread over the stores, at most 10,000,000
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    items: u32,
    /// Another number gives another catalogue
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl From<PlanArguments> for Plan {
    fn from(PlanArguments { stores, items, seed }: PlanArguments) -> Self {
        Self { stores, items, seed }
    }
}

/// Seeds a catalogue, and shows the progress.
pub(crate) async fn seed(database: &Database, plan: Plan) -> anyhow::Result<()> {
    let stores = Bar::new("stores", plan.stores);
    let items = Bar::new("items", plan.items);
    let index = Bar::new("search index", 0);
    seed::seed_catalogue(database, plan, |progress| match progress {
        Progress::Stores(done) => stores.set(done, plan.stores),
        Progress::Items(done) => items.set(done, plan.items),
        Progress::Indexed(done, all) => index.set(done, all),
    })
    .await?;
    Ok(())
}

/// Rebuilds the index, and shows the progress.
pub(crate) async fn rebuild_index(database: &Database) -> anyhow::Result<()> {
    let bar = Bar::new("search index", 0);
    search::rebuild(database, |_, done, all| bar.set(done, all)).await?;
    Ok(())
}

/// A progress bar. Without a terminal, indicatif draws nothing, and a line at the end tells the time.
struct Bar {
    what: &'static str,
    bar: ProgressBar,
}

impl Bar {
    fn new(what: &'static str, all: u32) -> Self {
        let template = "{prefix:14} [{bar:30}] {human_pos} of {human_len}, {elapsed}";
        let style = ProgressStyle::with_template(template)
            .expect("the template is a valid constant")
            .progress_chars("=> ");
        let bar = ProgressBar::new(all.into()).with_style(style).with_prefix(what);
        Self { what, bar }
    }

    fn set(&self, done: u32, all: u32) {
        if self.bar.position() == 0 {
            self.bar.reset_elapsed();
        }
        self.bar.set_length(all.into());
        self.bar.set_position(done.into());
        if done < all || self.bar.is_finished() {
            return;
        }
        self.bar.finish();
        if self.bar.is_hidden() {
            println!("{}: {all}, after {:.1} s", self.what, self.bar.elapsed().as_secs_f64());
        }
    }
}
