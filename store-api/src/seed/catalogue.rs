//! The made-up catalogue of a seed number.

use std::collections::HashMap;

use money::Won;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use strum::VariantArray;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::{Builder, Uuid};

use super::Plan;
use super::words::{
    ADJECTIVES, FLAVOURS, PLACES, Profile, RARE, SENTENCES, STORE_ADJECTIVES, STORE_NOUNS, profile,
};
use crate::items::{Category, NewItem, NewOption, OnHand, Price};
use crate::shared::{Description, ItemName, OptionName, StoreName};
use crate::stores::NewStore;

/// All stores were opened and all items were listed between these two days.
const FIRST_DAY: OffsetDateTime = datetime!(2024-01-01 09:00 +9);
const LAST_DAY: OffsetDateTime = datetime!(2026-11-01 09:00 +9);
/// If a store has an item with the name already, another name is tried up to this many times.
const MAX_TRIES: u32 = 8;
/// This many customers give hearts and follow stores.
const CUSTOMERS: u64 = 20_000;

/// A store of the catalogue.
#[derive(Clone, Debug)]
pub struct SeedStore {
    /// Its id.
    pub id: Uuid,
    /// Its seller. Nobody can sign in as this member.
    pub seller_id: Uuid,
    /// The store itself.
    pub store: NewStore,
    /// The customers who follow it.
    pub followers: Vec<Uuid>,
    /// When it was opened.
    pub created_at: OffsetDateTime,
}

/// An item of the catalogue.
#[derive(Clone, Debug)]
pub struct SeedItem {
    /// Its id.
    pub id: Uuid,
    /// The id of its store.
    pub store_id: Uuid,
    /// The seller of its store.
    pub seller_id: Uuid,
    /// The item itself.
    pub item: NewItem,
    /// The ids of its options.
    pub option_ids: Vec<Uuid>,
    /// The customers who gave it a heart.
    pub hearts: Vec<Uuid>,
    /// The order that has bought pieces of its first option, and how many pieces.
    pub sale: Option<(Uuid, i64)>,
    /// When it was listed.
    pub created_at: OffsetDateTime,
}

/// Makes up the stores and items, one after the other.
#[derive(Debug)]
pub struct Catalogue {
    plan: Plan,
    rng: Xoshiro256PlusPlus,
    customers: Vec<Uuid>,
    /// Id and seller of each store.
    stores: Vec<(Uuid, Uuid)>,
    /// How often each store name, or each item name in a store, was used.
    names: HashMap<(usize, String), u32>,
    items: u32,
}

impl Catalogue {
    /// Starts the catalogue of a plan.
    pub fn new(plan: Plan) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
        let customers = (0..CUSTOMERS).map(|_| new_id(&mut rng, FIRST_DAY)).collect();
        Self { plan, rng, customers, stores: Vec::new(), names: HashMap::new(), items: 0 }
    }

    /// The next stores.
    pub fn stores(&mut self, how_many: u32) -> Vec<SeedStore> {
        (0..how_many).map(|_| self.store()).collect()
    }

    /// The next items, of the stores so far.
    pub fn items(&mut self, how_many: u32) -> Vec<SeedItem> {
        (0..how_many).map(|_| self.item()).collect()
    }

    fn store(&mut self) -> SeedStore {
        let part = f64::from(u32::try_from(self.stores.len()).unwrap_or(u32::MAX))
            / f64::from(self.plan.stores.max(1));
        let created_at = time_at(part * 0.5);
        let words = [
            pick(&mut self.rng, PLACES),
            pick(&mut self.rng, STORE_ADJECTIVES),
            pick(&mut self.rng, STORE_NOUNS),
        ];
        let name = self.store_name(&words.join(" "));
        let (id, seller_id) = (new_id(&mut self.rng, created_at), new_id(&mut self.rng, FIRST_DAY));
        let followers = self.some_customers(0.7, 4_000.0);
        self.stores.push((id, seller_id));
        let description = format!(
            "{}에서 만드는 수제 디저트 가게입니다. {}",
            words[0],
            self.sentences(SENTENCES, "수제", 2)
        );
        let store = NewStore {
            name: StoreName::parse(&name).expect("three short words and a number"),
            description: Description::parse(&description).expect("three sentences"),
            thumbnail_url: None,
        };
        SeedStore { id, seller_id, store, followers, created_at }
    }

    fn item(&mut self) -> SeedItem {
        let created_at = time_at(0.5 + 0.5 * f64::from(self.items) / f64::from(self.plan.items.max(1)));
        self.items += 1;
        // Few stores have many items, and most stores have few.
        let owner = self.skewed_index(self.stores.len(), 1.5);
        let (store_id, seller_id) = self.stores[owner];
        let category = *Category::VARIANTS.choose(&mut self.rng).expect("there are seven categories");
        let profile = profile(category);
        let (name, flavour) = self.item_name(owner, &profile);
        let mut description = self.sentences(profile.sentences, flavour, 1);
        let more = self.rng.random_range(0..=3);
        if more > 0 {
            description = format!("{description} {}", self.sentences(SENTENCES, flavour, more));
        }
        if let Some(word) = rare_word(self.items) {
            description = format!("{description} {word}");
        }
        let options = self.options(&profile);
        let hearts = self.some_customers(0.35, 3_000.0);
        let sold = i64::try_from(self.some_customers(0.3, 2_000.0).len()).unwrap_or(0);
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
        SeedItem {
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

    fn options(&mut self, profile: &Profile) -> Vec<NewOption> {
        let (from, to) = profile.price;
        let base = self.rng.random_range(from..=to);
        let options = *profile.options.choose(&mut self.rng).expect("every category has options");
        // Every twelfth item is sold out.
        let is_sold_out = self.rng.random_bool(1.0 / 12.0);
        let option = |(name, percent): &(&str, i64)| {
            let pieces = if is_sold_out { 0 } else { self.rng.random_range(0..=60) };
            NewOption {
                name: OptionName::parse(name).expect("a short word"),
                price: Price::new(Won::new(base * percent / 100 * 100)).expect("below a million"),
                quantity: OnHand::new(pieces).expect("a few pieces"),
            }
        };
        options.iter().map(option).collect()
    }

    fn sentences(&mut self, from: &[&str], flavour: &str, how_many: usize) -> String {
        let chosen: Vec<String> =
            from.sample(&mut self.rng, how_many).map(|sentence| sentence.replace("{}", flavour)).collect();
        chosen.join(" ")
    }

    /// A name that no item of the store has yet, and its flavour.
    fn item_name(&mut self, owner: usize, profile: &Profile) -> (String, &'static str) {
        let mut tries = 0;
        loop {
            let flavour = FLAVOURS[self.skewed_index(FLAVOURS.len(), 2.0)];
            let kind = pick(&mut self.rng, profile.names);
            let mut words = vec![flavour, kind];
            if self.rng.random_bool(0.35) {
                words.insert(0, pick(&mut self.rng, ADJECTIVES));
            }
            if self.rng.random_bool(0.2) {
                words.push(pick(&mut self.rng, profile.forms));
            }
            let name = words.join(" ");
            let times = self.names.entry((owner, name.clone())).or_insert(0);
            tries += 1;
            // A cheese cheesecake makes no sense. After the last try, a repeated name gets a number.
            let is_odd = kind.contains(flavour) || flavour.contains(kind);
            if tries < MAX_TRIES && (*times > 0 || is_odd) {
                continue;
            }
            *times += 1;
            return (if *times == 1 { name } else { format!("{name} {times}") }, flavour);
        }
    }

    /// The name itself at its first use, and the name of a branch later. The seed number keeps the names of two catalogues
    /// apart.
    fn store_name(&mut self, name: &str) -> String {
        let times = self.names.entry((usize::MAX, name.to_owned())).or_insert(0);
        *times += 1;
        let mut name = name.to_owned();
        if *times > 1 {
            name = format!("{name} {times}호점");
        }
        if self.plan.seed == 1 { name } else { format!("{name} #{}", self.plan.seed) }
    }

    /// A random index below `size`. The greater the power, the more often the index is small.
    fn skewed_index(&mut self, size: usize, power: f64) -> usize {
        let share: f64 = self.rng.random_range(0.0_f64..1.0).powf(power);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a small number"
        )]
        let position = (share * size as f64) as usize;
        position.min(size - 1)
    }

    /// Some customers: none with the probability `1 - share`, otherwise mostly few and rarely up to `most` (a Pareto
    /// distribution).
    fn some_customers(&mut self, share: f64, most: f64) -> Vec<Uuid> {
        if !self.rng.random_bool(share) {
            return Vec::new();
        }
        let size = 1.0 / self.rng.random_range(1.0 / most..1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from 1 to a few thousand"
        )]
        let size = size as usize;
        let first = self.rng.random_range(0..self.customers.len());
        (0..size).map(|n| self.customers[(first + n) % self.customers.len()]).collect()
    }
}

/// A rare word for one of 12,500 items. The first comes early, so that a small catalogue has one too.
fn rare_word(item: u32) -> Option<&'static str> {
    const EVERY: u32 = 12_500;
    const FIRST: u32 = 500;
    (item % EVERY == FIRST).then(|| RARE[(item / EVERY) as usize % RARE.len()])
}

/// The time at this fraction of the span from the first day to the last.
fn time_at(part: f64) -> OffsetDateTime {
    let span = LAST_DAY - FIRST_DAY;
    FIRST_DAY + Duration::seconds_f64((span.as_seconds_f64() * part).floor())
}

fn pick<'w>(rng: &mut Xoshiro256PlusPlus, words: &[&'w str]) -> &'w str {
    words.choose(rng).expect("a list of words is not empty")
}

/// A `UUIDv7` of this time.
fn new_id(rng: &mut Xoshiro256PlusPlus, at: OffsetDateTime) -> Uuid {
    let millis = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).expect("after 1970");
    let random: u128 = rng.random();
    let bytes: [u8; 10] = std::array::from_fn(|position| random.to_be_bytes()[position]);
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(seed: u64) -> (Vec<SeedStore>, Vec<SeedItem>) {
        let mut catalogue = Catalogue::new(Plan { stores: 20, items: 500, seed });
        (catalogue.stores(20), catalogue.items(500))
    }

    #[test]
    fn one_seed_gives_one_catalogue() {
        let described = |(stores, items): (Vec<SeedStore>, Vec<SeedItem>)| format!("{stores:?} {items:?}");
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
