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
    ADJECTIVES, Likes, PLACES, RARE, SENTENCES, STORE_ADJECTIVES, STORE_NOUNS, TASTES, likes,
};
use crate::items::{Category, NewItem, NewOption, OnHand, Price};
use crate::shared::{Description, ItemName, OptionName, StoreName};
use crate::stores::NewStore;

/// Between these two everything was opened and listed.
const FIRST_DAY: OffsetDateTime = datetime!(2024-01-01 09:00 +9);
const LAST_DAY: OffsetDateTime = datetime!(2026-11-01 09:00 +9);
/// So often another name is tried where a store has something of that name.
const TRIES: u32 = 8;
/// So many customers give hearts and follow.
const FANS: u64 = 20_000;

/// A store.
#[derive(Clone, Debug)]
pub struct SeedStore {
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
pub struct SeedItem {
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
    pub fn stores(&mut self, how_many: u32) -> Vec<SeedStore> {
        (0..how_many).map(|_| self.store()).collect()
    }

    /// So many more items of the stores so far.
    pub fn items(&mut self, how_many: u32) -> Vec<SeedItem> {
        (0..how_many).map(|_| self.item()).collect()
    }

    fn store(&mut self) -> SeedStore {
        let part = f64::from(u32::try_from(self.stores.len()).unwrap_or(u32::MAX))
            / f64::from(self.plan.stores.max(1));
        let created_at = moment(part * 0.5);
        let words = [
            pick(&mut self.rng, PLACES),
            pick(&mut self.rng, STORE_ADJECTIVES),
            pick(&mut self.rng, STORE_NOUNS),
        ];
        let name = self.store_name(&words.join(" "));
        let (id, seller_id) = (new_id(&mut self.rng, created_at), new_id(&mut self.rng, FIRST_DAY));
        let followers = self.crowd(0.7, 4_000.0);
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
        let created_at = moment(0.5 + 0.5 * f64::from(self.items) / f64::from(self.plan.items.max(1)));
        self.items += 1;
        // Some stores have much, most have little.
        let owner = self.skewed(self.stores.len(), 1.5);
        let (store_id, seller_id) = self.stores[owner];
        let category = *Category::ALL.choose(&mut self.rng).expect("there are seven");
        let likes = likes(category);
        let (name, taste) = self.item_name(owner, &likes);
        let mut description = self.sentences(likes.sentences, taste, 1);
        let more = self.rng.random_range(0..=3);
        if more > 0 {
            description = format!("{description} {}", self.sentences(SENTENCES, taste, more));
        }
        if let Some(word) = rare_word(self.items) {
            description = format!("{description} {word}");
        }
        let options = self.options(&likes);
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

    fn options(&mut self, likes: &Likes) -> Vec<NewOption> {
        let (from, to) = likes.price;
        let base = self.rng.random_range(from..=to);
        let options = *likes.options.choose(&mut self.rng).expect("there are some");
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

    fn sentences(&mut self, from: &[&str], taste: &str, how_many: usize) -> String {
        let chosen: Vec<String> =
            from.sample(&mut self.rng, how_many).map(|sentence| sentence.replace("{}", taste)).collect();
        chosen.join(" ")
    }

    /// A name that no item of the store has, and its taste.
    fn item_name(&mut self, owner: usize, likes: &Likes) -> (String, &'static str) {
        let mut tries = 0;
        loop {
            let taste = TASTES[self.skewed(TASTES.len(), 2.0)];
            let kind = pick(&mut self.rng, likes.names);
            let mut words = vec![taste, kind];
            if self.rng.random_bool(0.35) {
                words.insert(0, pick(&mut self.rng, ADJECTIVES));
            }
            if self.rng.random_bool(0.2) {
                words.push(pick(&mut self.rng, likes.forms));
            }
            let name = words.join(" ");
            let times = self.names.entry((owner, name.clone())).or_insert(0);
            tries += 1;
            // Nobody sells a cheese cheesecake. A store that has nearly everything numbers what it has once more.
            let is_odd = kind.contains(taste) || taste.contains(kind);
            if tries < TRIES && (*times > 0 || is_odd) {
                continue;
            }
            *times += 1;
            return (if *times == 1 { name } else { format!("{name} {times}") }, taste);
        }
    }

    /// The name itself the first time that it comes up, and later that of a branch. The seed keeps the stores of two
    /// catalogues apart.
    fn store_name(&mut self, name: &str) -> String {
        let times = self.names.entry((usize::MAX, name.to_owned())).or_insert(0);
        *times += 1;
        let mut name = name.to_owned();
        if *times > 1 {
            name = format!("{name} {times}호점");
        }
        if self.plan.seed == 1 { name } else { format!("{name} #{}", self.plan.seed) }
    }

    /// A position below `size`: the greater the power, the more often a small one.
    fn skewed(&mut self, size: usize, power: f64) -> usize {
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

    /// Some customers: none with the chance `1 - share`, else mostly few and seldom up to `most` (a Pareto tail).
    fn crowd(&mut self, share: f64, most: f64) -> Vec<Uuid> {
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
        let first = self.rng.random_range(0..self.fans.len());
        (0..size).map(|n| self.fans[(first + n) % self.fans.len()]).collect()
    }
}

/// One word for a few of very many items, and the first for one of a few already.
fn rare_word(item: u32) -> Option<&'static str> {
    const EVERY: u32 = 12_500;
    const FIRST: u32 = 500;
    (item % EVERY == FIRST).then(|| RARE[(item / EVERY) as usize % RARE.len()])
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
