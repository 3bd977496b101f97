//! What is sown, made up from a seed number.

use std::collections::HashMap;

use money::Won;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::{Builder, Uuid};

use super::Plan;
use super::words::{
    ADJECTIVES, FORMS, OPTIONS, PLACES, RARE, SENTENCES, STORE_ADJECTIVES, STORE_NOUNS, TASTES, kinds,
};
use crate::domain::stock::OnHand;
use crate::domain::{
    Category, Description, ItemName, NewItem, NewOption, NewStore, OptionName, Price, StoreName,
};

/// Between these two everything was opened and listed.
const FIRST_DAY: OffsetDateTime = datetime!(2024-01-01 09:00 +9);
const LAST_DAY: OffsetDateTime = datetime!(2026-11-01 09:00 +9);
/// So many customers give hearts and follow.
const FANS: u64 = 20_000;

/// A store.
#[derive(Clone, Debug)]
pub struct SownStore {
    /// Its id.
    pub id: Uuid,
    /// Its seller, with whom nobody can sign in.
    pub seller_id: Uuid,
    /// What it is opened with.
    pub store: NewStore,
    /// Who follows it.
    pub followers: Vec<Uuid>,
    /// When it was opened.
    pub created_at: OffsetDateTime,
}

/// An item.
#[derive(Clone, Debug)]
pub struct SownItem {
    /// Its id.
    pub id: Uuid,
    /// Its store's id.
    pub store_id: Uuid,
    /// Its store's seller.
    pub seller_id: Uuid,
    /// What it is listed with.
    pub item: NewItem,
    /// Its options' ids.
    pub option_ids: Vec<Uuid>,
    /// Who gave it a heart.
    pub hearts: Vec<Uuid>,
    /// The order that bought pieces of its first option, and how many.
    pub sale: Option<(Uuid, i64)>,
    /// When it was listed.
    pub created_at: OffsetDateTime,
}

/// Makes up stores and items, one after the other.
#[derive(Debug)]
pub struct Catalogue {
    plan: Plan,
    rng: Xoshiro256PlusPlus,
    fans: Vec<Uuid>,
    /// Id and seller of each store.
    stores: Vec<(Uuid, Uuid)>,
    /// How often a store's name, or a store and an item's name, came up.
    names: HashMap<(usize, String), u32>,
    items: u32,
}

impl Catalogue {
    /// The catalogue of a plan, from its beginning.
    pub fn new(plan: Plan) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
        let fans = (0..FANS).map(|_| new_id(&mut rng, FIRST_DAY)).collect();
        Self { plan, rng, fans, stores: Vec::new(), names: HashMap::new(), items: 0 }
    }

    /// So many more stores.
    pub fn stores(&mut self, how_many: u32) -> Vec<SownStore> {
        (0..how_many).map(|_| self.store()).collect()
    }

    /// So many more items of the stores so far.
    pub fn items(&mut self, how_many: u32) -> Vec<SownItem> {
        (0..how_many).map(|_| self.item()).collect()
    }

    fn store(&mut self) -> SownStore {
        let part = f64::from(u32::try_from(self.stores.len()).unwrap_or(u32::MAX))
            / f64::from(self.plan.stores.max(1));
        let created_at = moment(part * 0.5);
        let words = [
            pick(&mut self.rng, PLACES),
            pick(&mut self.rng, STORE_ADJECTIVES),
            pick(&mut self.rng, STORE_NOUNS),
        ];
        let name = self.unique(usize::MAX, &words.join(" "));
        let (id, seller_id) = (new_id(&mut self.rng, created_at), new_id(&mut self.rng, FIRST_DAY));
        let followers = self.crowd(0.7, 4_000.0);
        self.stores.push((id, seller_id));
        let description =
            format!("{}에서 만드는 수제 디저트 가게입니다. {}", words[0], self.sentences(words[1], 2));
        let store = NewStore {
            name: StoreName::parse(&name).expect("three short words and a number"),
            description: Description::parse(&description).expect("three sentences"),
            thumbnail_url: None,
        };
        SownStore { id, seller_id, store, followers, created_at }
    }

    fn item(&mut self) -> SownItem {
        let created_at = moment(0.5 + 0.5 * f64::from(self.items) / f64::from(self.plan.items.max(1)));
        self.items += 1;
        // Few stores have much, most have little.
        let size = self.stores.len();
        let owner = self.skewed(size);
        let (store_id, seller_id) = self.stores[owner];
        let category = *Category::ALL.choose(&mut self.rng).expect("there are seven");
        let (kinds, from, to) = kinds(category);
        let taste = self.skewed(TASTES.len());
        let taste = TASTES[taste];
        let mut words = vec![taste, pick(&mut self.rng, kinds)];
        if self.rng.random_bool(0.35) {
            words.insert(0, pick(&mut self.rng, ADJECTIVES));
        }
        if self.rng.random_bool(0.25) {
            words.push(pick(&mut self.rng, FORMS));
        }
        let name = self.unique(owner, &words.join(" "));
        let sentences = self.rng.random_range(1..=4);
        let mut description = self.sentences(taste, sentences);
        if self.rng.random_bool(0.000_02) {
            description = format!("{description} {}", pick(&mut self.rng, RARE));
        }
        let base = self.rng.random_range(from..=to) * 100;
        let options = self.options(base);
        let hearts = self.crowd(0.35, 3_000.0);
        let sold = i64::try_from(self.crowd(0.3, 2_000.0).len()).unwrap_or(0);
        let item = NewItem {
            name: ItemName::parse(&name).expect("a few short words and a number"),
            description: Description::parse(&description).expect("a few sentences"),
            category,
            thumbnail_url: None,
            description_url: None,
            options,
        };
        let option_ids = item.options.iter().map(|_| new_id(&mut self.rng, created_at)).collect();
        let sale = (sold > 0).then(|| (new_id(&mut self.rng, created_at), sold));
        SownItem {
            id: new_id(&mut self.rng, created_at),
            store_id,
            seller_id,
            item,
            option_ids,
            hearts,
            sale,
            created_at,
        }
    }

    fn options(&mut self, base: i64) -> Vec<NewOption> {
        let names = *OPTIONS.choose(&mut self.rng).expect("there are some");
        // Every twelfth item is sold out.
        let is_sold_out = self.rng.random_bool(1.0 / 12.0);
        let mut price = base;
        names
            .iter()
            .map(|name| {
                let pieces = if is_sold_out { 0 } else { self.rng.random_range(0..=60) };
                let option = NewOption {
                    name: OptionName::parse(name).expect("a short word"),
                    price: Price::new(Won::new(price)).expect("below a hundred thousand"),
                    quantity: OnHand::new(pieces).expect("a few pieces"),
                };
                price += base * self.rng.random_range(3..=9) / 1_000 * 100;
                option
            })
            .collect()
    }

    fn sentences(&mut self, taste: &str, how_many: usize) -> String {
        let chosen: Vec<String> =
            SENTENCES.sample(&mut self.rng, how_many).map(|sentence| sentence.replace("{}", taste)).collect();
        chosen.join(" ")
    }

    /// The name itself the first time that it comes up among its like, and later with a number.
    fn unique(&mut self, among: usize, name: &str) -> String {
        let times = self.names.entry((among, name.to_owned())).or_insert(0);
        *times += 1;
        // The seed keeps the stores of two catalogues apart.
        match (*times, among) {
            (1, usize::MAX) => format!("{name} {}", self.plan.seed),
            (times, usize::MAX) => format!("{name} {}-{times}", self.plan.seed),
            (1, _) => name.to_owned(),
            (times, _) => format!("{name} {times}"),
        }
    }

    /// A position below `size`, the small ones by far the most often.
    fn skewed(&mut self, size: usize) -> usize {
        let share: f64 = self.rng.random_range(0.0_f64..1.0).powi(3);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a small number"
        )]
        let position = (share * size as f64) as usize;
        position.min(size - 1)
    }

    /// Some customers: none with the chance `1 - share`, else mostly few and seldom up to `most` (a Pareto tail).
    fn crowd(&mut self, share: f64, most: f64) -> Vec<Uuid> {
        if !self.rng.random_bool(share) {
            return Vec::new();
        }
        let size = (1.0 / self.rng.random_range(0.000_1_f64..1.0)).min(most);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from 1 to a few thousand"
        )]
        let size = size as usize;
        let first = self.rng.random_range(0..self.fans.len());
        (0..size).map(|n| self.fans[(first + n) % self.fans.len()]).collect()
    }
}

/// The moment at this part of the time between the first day and the last.
fn moment(part: f64) -> OffsetDateTime {
    let span = LAST_DAY - FIRST_DAY;
    FIRST_DAY + Duration::seconds_f64((span.as_seconds_f64() * part).floor())
}

fn pick<'w>(rng: &mut Xoshiro256PlusPlus, words: &[&'w str]) -> &'w str {
    words.choose(rng).expect("a list of words is not empty")
}

/// A `UUIDv7` of this moment.
fn new_id(rng: &mut Xoshiro256PlusPlus, at: OffsetDateTime) -> Uuid {
    let millis = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).expect("after 1970");
    let random: u128 = rng.random();
    let bytes: [u8; 10] = std::array::from_fn(|position| random.to_be_bytes()[position]);
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(seed: u64) -> (Vec<SownStore>, Vec<SownItem>) {
        let mut catalogue = Catalogue::new(Plan { stores: 20, items: 500, seed });
        (catalogue.stores(20), catalogue.items(500))
    }

    #[test]
    fn one_seed_gives_one_catalogue() {
        let described = |(stores, items): (Vec<SownStore>, Vec<SownItem>)| format!("{stores:?} {items:?}");
        assert_eq!(described(catalogue(7)), described(catalogue(7)));
        assert_ne!(described(catalogue(7)), described(catalogue(8)));
    }

    #[test]
    fn names_are_unique_among_their_like() {
        let (stores, items) = catalogue(7);
        let store_names: std::collections::HashSet<_> =
            stores.iter().map(|store| store.store.name.key()).collect();
        assert_eq!(store_names.len(), 20);
        let item_names: std::collections::HashSet<_> =
            items.iter().map(|item| (item.store_id, item.item.name.key())).collect();
        assert_eq!(item_names.len(), 500);
    }
}
