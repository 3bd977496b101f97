//! Search, compared with a naive search: hundreds of generated searches must find the same items in the same order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use database::Connection;
use http::StatusCode;
use money::Won;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use roaring::RoaringBitmap;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::items::Category;
use store_api::search::{
    Budget, Fit, ItemFilter, ItemSearch, ItemSort, Keyword, Place, Rank, StorePosition, StoreSearch,
    StoreSort, find_items, find_stores, index_changes, rebuild,
};
use store_api::seed::{Plan, seed_catalogue};
use strum::VariantArray;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::shop::{Person, Shop, an_item, id_of, item_path, option_id};

/// A budget so small that a few hundred items are enough to use bands, sorts, scans and short pages.
const SMALL: Budget = Budget { max_sorted: 6, max_rows: 40, keys_at_once: 16 };

/// No list of these tests has more pages.
const MAX_PAGES: usize = 10_000;

const TASTES: [&str; 12] = [
    "딸기",
    "초코",
    "말차",
    "Cheese",
    "바닐라빈",
    "얼그레이",
    "100%",
    "쑥",
    "Dark Chocolate",
    "Ｂｌｕｅ",
    "크림치즈",
    "밤",
];
const KINDS: [(&str, Category); 7] = [
    ("케이크", Category::Cake),
    ("타르트", Category::Tart),
    ("마카롱", Category::Macaron),
    ("식빵", Category::Bread),
    ("쿠키", Category::Cookie),
    ("초콜릿", Category::Chocolate),
    ("스콘", Category::Scone),
];
const WORDS: [&str; 8] = ["수제", "선물", "초콜릿", "케이크", "chocolate", "제철 딸기", "말차", "당일 배송"];

struct Catalogue {
    shop: Shop,
    seller: Person,
    stores: Vec<String>,
}

impl Catalogue {
    /// Opens stores and lists items across the border of two blocks of the index.
    async fn of(options: &MySqlConnectOptions, items: usize) -> Self {
        let shop = Shop::open(options);
        sqlx::query("ALTER TABLE items AUTO_INCREMENT = 65508").execute(&shop.rows).await.unwrap();
        let seller = shop.seller();
        let mut stores = Vec::new();
        for name in ["달콤상점", "쓴상점", "Sweet Lab"] {
            stores.push(shop.store(&seller, name).await);
        }
        let catalogue = Self { shop, seller, stores };
        for n in 0..items {
            catalogue.list(n).await;
        }
        catalogue
    }

    async fn list(&self, n: usize) -> serde_json::Value {
        let (kind, category) = KINDS[n * 5 % 7];
        let name = format!("{} {kind} {}", TASTES[n * 7 % 12], n % 40 + n / 40 * 100);
        let description = format!("{} {}", WORDS[n % 8], WORDS[n / 8 % 8]);
        // Cakes are expensive and cookies are cheap: as in a real catalogue, words and prices correlate.
        let turn = i64::try_from(n).unwrap();
        let price = 1_000 + (turn * 5 % 7) * 3_000 + (turn * 37 % 11) * 500;
        let mut body = an_item(&name, &[("기본", price, turn % 3), ("대", price * 2, turn % 2)]);
        body["description"] = description.into();
        body["category"] = json!(category);
        self.shop.item(&self.seller, &self.stores[n % 3], &body).await
    }

    /// Sets the counts of hearts and sales, and rebuilds the index.
    async fn set_counts_and_rebuild(&self) {
        sqlx::query("UPDATE items SET hearts = number * 7 % 13 % 6, sold = number * 11 % 29 * (number % 2)")
            .execute(&self.shop.rows)
            .await
            .unwrap();
        rebuild(&self.shop.database, |_, _, _| {}).await.unwrap();
        sqlx::query("DELETE FROM search_changes").execute(&self.shop.rows).await.unwrap();
    }

    /// The live items, with plain texts.
    async fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = sqlx::query_as(
            "SELECT number, store_id, name, description, category, hearts, sold, \
             (SELECT COALESCE(MIN(IF(o.on_hand > 0, o.price, NULL)), MIN(o.price)) FROM options o \
              WHERE o.item_id = i.id AND o.live = 1) AS min_price, \
             (SELECT COUNT(*) FROM options o WHERE o.item_id = i.id AND o.live = 1 AND o.on_hand > 0) AS buyable \
             FROM items i WHERE live = 1",
        )
        .fetch_all(&self.shop.rows)
        .await
        .unwrap();
        for row in &mut rows {
            row.name = plain(&row.name);
            row.description = plain(&row.description);
        }
        rows
    }

    /// The first page of a search.
    fn search(&self, asked: &Asked) -> ItemSearch {
        ItemSearch {
            keyword: Keyword::parse(&asked.keyword).unwrap(),
            filter: asked.filter(&self.stores),
            sort: asked.sort,
            after: None,
            limit: asked.limit,
        }
    }

    /// The whole list of a search, page by page.
    async fn pages(&self, asked: &Asked, budget: Budget) -> Vec<i64> {
        let mut search = self.search(asked);
        let mut numbers = Vec::new();
        for pages in 0.. {
            assert!(pages < MAX_PAGES, "the list does not end: {asked:?}");
            let found = find_items(&self.shop.database, search.clone(), budget).await.unwrap();
            assert!(found.rows.len() <= asked.limit as usize);
            assert!(
                budget != Budget::DEFAULT || found.next.is_none() || found.rows.len() == asked.limit as usize
            );
            numbers.extend(found.rows.iter().map(|item| item.number));
            match found.next {
                Some(next) => search.after = Some(next),
                None => break,
            }
        }
        numbers
    }

    /// Compares many searches with the naive search.
    async fn compare(&self, searches: u32, runner: &mut TestRunner) {
        let rows = self.rows().await;
        for _ in 0..searches {
            let asked = asked().new_tree(runner).unwrap().current();
            let expected = asked.naively(&rows, &self.stores);
            for budget in [Budget::DEFAULT, SMALL] {
                assert_eq!(self.pages(&asked, budget).await, expected, "{asked:?} with {budget:?}");
            }
        }
    }
}

#[derive(Clone, Debug, sqlx::FromRow)]
struct Row {
    number: i64,
    store_id: Uuid,
    name: String,
    description: String,
    category: String,
    min_price: i64,
    hearts: i64,
    sold: i64,
    buyable: i64,
}

#[derive(Clone, Debug)]
struct Asked {
    keyword: String,
    category: Option<Category>,
    store: Option<usize>,
    min_price: Option<i64>,
    max_price: Option<i64>,
    in_stock: bool,
    sort: ItemSort,
    limit: u32,
}

fn asked() -> impl Strategy<Value = Asked> {
    let word = prop_oneof![
        proptest::sample::select(&TASTES[..]).prop_map(str::to_owned),
        proptest::sample::select(&KINDS[..]).prop_map(|(kind, _)| kind.to_owned()),
        proptest::sample::select(&WORDS[..]).prop_map(str::to_owned),
        proptest::sample::select(
            &["초", "크림", "lat", "이", "CHOCO", "1", "%", "ｅ", "없는말", "케잌", "매일", "수제"][..]
        )
        .prop_map(str::to_owned),
        proptest::sample::select(
            &[
                "딸기케이크",
                "초코타르트",
                "기케",
                "수제초콜릿",
                "darkchocolate",
                "당일배송",
                "케이크 1",
                "쿠키1"
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    let keyword = proptest::collection::vec(word, 0..3).prop_map(|words| words.join(" "));
    let category = proptest::option::weighted(0.3, proptest::sample::select(Category::VARIANTS));
    let price = || proptest::option::weighted(0.25, 0..25_000_i64);
    let store = proptest::option::weighted(0.2, 0..3_usize);
    let sort = proptest::sample::select(ItemSort::VARIANTS);
    let in_stock = proptest::bool::weighted(0.3);
    (keyword, category, store, price(), price(), in_stock, sort, 1..30_u32).prop_map(
        |(keyword, category, store, min_price, max_price, in_stock, sort, limit)| Asked {
            keyword,
            category,
            store,
            min_price,
            max_price,
            in_stock,
            sort,
            limit,
        },
    )
}

impl Asked {
    fn filter(&self, stores: &[String]) -> ItemFilter {
        ItemFilter {
            category: self.category,
            store_id: self.store.map(|store| stores[store].parse().unwrap()),
            min_price: self.min_price.map(Won::new),
            max_price: self.max_price.map(Won::new),
            in_stock: self.in_stock,
        }
    }

    fn naively(&self, rows: &[Row], stores: &[String]) -> Vec<i64> {
        let mut found: Vec<(Place, &Row)> = rows
            .iter()
            .filter(|row| self.category.is_none_or(|category| row.category == category.as_str()))
            .filter(|row| self.store.is_none_or(|store| row.store_id.to_string() == stores[store]))
            .filter(|row| self.min_price.is_none_or(|price| row.min_price >= price))
            .filter(|row| self.max_price.is_none_or(|price| row.min_price <= price))
            .filter(|row| !self.in_stock || row.buyable > 0)
            .filter_map(|row| Some((place(&self.keyword, &row.name, &row.description)?, row)))
            .collect();
        found.sort_by_key(|(Place { rank, fit }, row)| {
            let (key, number) = match self.sort {
                ItemSort::Latest => (0, -row.number),
                ItemSort::Popular => (-row.sold, -row.number),
                ItemSort::Hearts => (-row.hearts, -row.number),
                ItemSort::PriceAsc => (row.min_price, row.number),
                ItemSort::PriceDesc => (-row.min_price, -row.number),
            };
            (*rank, key, *fit, number)
        });
        found.into_iter().map(|(_, row)| row.number).collect()
    }
}

fn plain(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase()
}

/// Where a row with these plain texts has the words. Words that a text has as they are written are always found, and only they
/// have the best fit.
fn place(keyword: &str, name: &str, description: &str) -> Option<Place> {
    let plain = plain(keyword);
    let all_in = |text: &str| plain.split_whitespace().all(|word| text.contains(word));
    let is_there = |letter: char| letter == ' ' || name.contains(letter) || description.contains(letter);
    if !plain.chars().all(is_there) {
        return None;
    }
    let place = Keyword::parse(keyword).unwrap().place(name, description);
    if all_in(name) {
        assert!(
            place.is_some_and(|place| place.rank == Rank::Name && place.fit != Fit::Apart),
            "{keyword} in {name}"
        );
    }
    assert!(
        place.is_some() || !all_in(&format!("{name} \n {description}")),
        "{keyword} in {name}: {description}"
    );
    if place.is_some_and(|place| place == Place::BEST) {
        assert!(all_in(name), "{keyword} in {name}");
    }
    place
}

#[sqlx::test]
async fn the_index_finds_what_a_naive_search_finds_in_the_same_order(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    // The numbers cross the border of two blocks of the index.
    sqlx::query("ALTER TABLE items AUTO_INCREMENT = 64768").execute(&shop.rows).await.unwrap();
    seed_catalogue(&shop.database, Plan { stores: 3, items: 1_500, seed: 7 }, |_| {}).await.unwrap();
    let stores: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM stores ORDER BY number").fetch_all(&shop.rows).await.unwrap();
    let stores = stores.iter().map(Uuid::to_string).collect();
    let catalogue = Catalogue { seller: shop.seller(), shop, stores };
    catalogue.compare(300, &mut TestRunner::deterministic()).await;
}

/// The id of a connection, and how many rows the server has read on it in table scans.
async fn rows_scanned(connection: &mut Connection) -> sqlx::Result<(u64, u64)> {
    let id = sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&mut *connection).await?;
    let status = sqlx::query_as("SHOW SESSION STATUS LIKE 'Handler_read_rnd_next'");
    let (_, count): (String, String) = status.fetch_one(connection).await?;
    Ok((id, count.parse().unwrap()))
}

#[sqlx::test]
async fn no_search_scans_a_table(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    const ITEMS: u16 = 400;
    const SEARCHES: u32 = 300;
    let catalogue = Catalogue::of(&options, ITEMS.into()).await;
    catalogue.set_counts_and_rebuild().await;
    let database = &catalogue.shop.database;
    let mut runner = TestRunner::deterministic();
    let mut compared = 0;
    for _ in 0..10 * SEARCHES {
        let asked = asked().new_tree(&mut runner).unwrap().current();
        let search = catalogue.search(&asked);
        // The pool usually gives the connection that was used last. If it gives another one, the counts do not belong
        // together, and another search is tried.
        let scanned = || database.read("scanned", |connection| Box::pin(rows_scanned(connection)));
        let (id, first) = scanned().await.unwrap();
        let (_, before) = scanned().await.unwrap();
        find_items(database, search, Budget::DEFAULT).await.unwrap();
        let (same, after) = scanned().await.unwrap();
        if same == id {
            // Reading the status counts too.
            let scanned = after - before - (before - first);
            assert!(scanned < u64::from(ITEMS / 4), "{asked:?} scans {scanned} rows");
            compared += 1;
        }
        if compared == SEARCHES {
            break;
        }
    }
    assert_eq!(compared, SEARCHES, "the pool changed the connection too often");
    let scan = database.read("scan", |connection| {
        Box::pin(async move {
            let (_, before) = rows_scanned(connection).await?;
            sqlx::query("SELECT COUNT(*) FROM items WHERE description LIKE '%x%'")
                .execute(&mut *connection)
                .await?;
            let (_, after) = rows_scanned(connection).await?;
            Ok::<_, sqlx::Error>((before, after))
        })
    });
    let (before, after) = scan.await.unwrap();
    assert!(after - before > ITEMS.into(), "a table scan would be noticed");
}

#[sqlx::test]
async fn changes_are_found_at_once_before_and_after_the_index_knows_them(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let catalogue = Catalogue::of(&options, 60).await;
    catalogue.set_counts_and_rebuild().await;
    let mut runner = TestRunner::deterministic();
    for round in 0..3_usize {
        make_changes(&catalogue, round).await;
        catalogue.compare(40, &mut runner).await;
        assert!(index_changes(&catalogue.shop.database).await.unwrap() > 0);
        assert_eq!(catalogue.shop.number("SELECT COUNT(*) FROM search_changes").await, 0);
        catalogue.compare(40, &mut runner).await;
        let known = index(&catalogue.shop).await;
        rebuild(&catalogue.shop.database, |_, _, _| {}).await.unwrap();
        assert_eq!(known, index(&catalogue.shop).await, "the same as after a rebuild");
    }
}

/// Makes every kind of change that a search depends on.
async fn make_changes(catalogue: &Catalogue, round: usize) {
    let Catalogue { shop, seller, stores } = catalogue;
    let new: Vec<_> = futures::future::join_all((0..8).map(|n| catalogue.list(200 + round * 8 + n))).await;
    let patch = |path: String, body: serde_json::Value| async move {
        shop.patch(seller, &path, &body).await.expect(StatusCode::OK);
    };
    let delete = |path: String| async move {
        shop.delete(seller, &path).await.expect(StatusCode::NO_CONTENT);
    };
    let item = |n: usize| item_path(&new[n]);
    let option = |n: usize| format!("{}/options/{}", item(n), option_id(&new[n], 0));
    patch(item(0), json!({ "name": format!("새 이름 케이크 {round}"), "category": "BREAD" })).await;
    patch(item(1), json!({ "description": "초콜릿이 들어간 chocolate" })).await;
    index_changes(&shop.database).await.unwrap();
    patch(item(0), json!({ "name": format!("또 새 이름 마카롱 {round}") })).await;
    patch(option(1), json!({ "price": 9_900, "quantity": 5 })).await;
    delete(item(2)).await;
    delete(option(3)).await;
    for _ in 0..3 {
        let heart = format!("{}/heart", item(4));
        let customer = shop.customer();
        shop.put(&customer, &heart).await.expect(StatusCode::NO_CONTENT);
    }
    patch(option(5), json!({ "quantity": 2 })).await;
    index_changes(&shop.database).await.unwrap();
    let (sold, released, last) = (shop.clock.new_id(), shop.clock.new_id(), option_id(&new[5], 0));
    shop.reserve(sold, &[(last, 1)]).await.expect(StatusCode::OK);
    shop.reserve(released, &[(last, 1)]).await.expect(StatusCode::OK);
    shop.confirm(sold).await.expect(StatusCode::OK);
    if round == 1 {
        shop.release(released).await.expect(StatusCode::OK);
    }
    if round == 2 {
        index_changes(&shop.database).await.unwrap();
        shop.restock(shop.clock.new_id(), sold, last, 1).await.expect(StatusCode::OK);
        delete(format!("/api/store/stores/{}", stores[2])).await;
    }
}

/// Everything that the index knows.
pub(crate) async fn index(shop: &Shop) -> BTreeMap<(Vec<u8>, u32), Vec<u32>> {
    let rows: Vec<(Vec<u8>, u32, Vec<u8>)> =
        sqlx::query_as("SELECT term, block, members FROM search_blocks").fetch_all(&shop.rows).await.unwrap();
    rows.into_iter()
        .map(|(term, block, members)| {
            (
                (term, block),
                RoaringBitmap::deserialize_from(&*members).unwrap().into_iter().collect::<Vec<u32>>(),
            )
        })
        .filter(|(_, members)| !members.is_empty())
        .collect()
}

#[sqlx::test]
async fn stores_are_found_as_a_naive_search_finds_them(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let seller = shop.seller();
    for n in 0..60_usize {
        shop.store(&seller, &format!("{} {} {n}", TASTES[n * 5 % 12], ["상점", "베이커리", "Lab"][n % 3]))
            .await;
    }
    sqlx::query("UPDATE stores SET followers = number * 7 % 5").execute(&shop.rows).await.unwrap();
    for is_indexed in [false, true] {
        if is_indexed {
            index_changes(&shop.database).await.unwrap();
        }
        for keyword in [
            "상점",
            "베이",
            "L",
            "딸기 상점",
            "딸기상점",
            "기 상점",
            "chocolate",
            "blueLAB",
            "",
            "5",
            "없는말",
        ] {
            for sort in StoreSort::VARIANTS.iter().copied() {
                for budget in [Budget::DEFAULT, SMALL] {
                    let found = store_pages(&shop, keyword, sort, budget).await;
                    assert_eq!(
                        found,
                        naive_stores(&shop, keyword, sort).await,
                        "{keyword} {sort:?} {budget:?}"
                    );
                }
            }
        }
    }
}

async fn store_pages(shop: &Shop, keyword: &str, sort: StoreSort, budget: Budget) -> Vec<i64> {
    let words = Keyword::parse(keyword).unwrap();
    let mut search = StoreSearch { keyword: words, sort, after: None::<StorePosition>, limit: 7 };
    let mut numbers = Vec::new();
    for pages in 0.. {
        assert!(pages < MAX_PAGES, "the list does not end: {keyword}, {sort:?}");
        let found = find_stores(&shop.database, search.clone(), budget).await.unwrap();
        numbers.extend(found.rows.iter().map(|store| store.number));
        match found.next {
            Some(next) => search.after = Some(next),
            None => break,
        }
    }
    numbers
}

async fn naive_stores(shop: &Shop, keyword: &str, sort: StoreSort) -> Vec<i64> {
    let mut rows: Vec<(i64, String, i64)> =
        sqlx::query_as("SELECT number, name, followers FROM stores").fetch_all(&shop.rows).await.unwrap();
    for (_, name, _) in &mut rows {
        *name = plain(name);
    }
    rows.retain(|(_, name, _)| place(keyword, name, "").is_some());
    let fit = |name: &str| place(keyword, name, "").map(|place| place.fit);
    match sort {
        StoreSort::Latest => rows.sort_by_key(|(number, name, _)| (fit(name), Reverse(*number))),
        StoreSort::Followers => {
            rows.sort_by_key(|(number, name, followers)| (Reverse(*followers), fit(name), Reverse(*number)));
        }
        StoreSort::Name => rows.sort_by_key(|(_, name, _)| name.clone()),
    }
    rows.into_iter().map(|(number, ..)| number).collect()
}

#[sqlx::test]
async fn paging_shows_no_gap_and_no_repeat_while_items_come_and_go(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let catalogue = Catalogue::of(&options, 60).await;
    catalogue.set_counts_and_rebuild().await;
    let shop = &catalogue.shop;
    for (turn, sort) in ItemSort::VARIANTS.iter().copied().enumerate() {
        let mut search = ItemSearch {
            keyword: Keyword::parse("케이크").unwrap(),
            filter: ItemFilter::default(),
            sort,
            after: None,
            limit: 4,
        };
        let there_before = catalogue.rows().await;
        let mut seen = Vec::new();
        for page in 0.. {
            assert!(page < MAX_PAGES, "the list does not end: {sort:?}");
            let found = find_items(&shop.database, search.clone(), Budget::DEFAULT).await.unwrap();
            seen.extend(found.rows.iter().map(|item| item.number));
            let Some(next) = found.next else { break };
            search.after = Some(next);
            let listed = catalogue.list(500 + turn * 100 + page).await;
            let oldest: Uuid =
                sqlx::query_scalar("SELECT id FROM items WHERE live = 1 ORDER BY number LIMIT 1")
                    .fetch_one(&shop.rows)
                    .await
                    .unwrap();
            for gone in [oldest.to_string(), id_of(&listed)].into_iter().take(1 + page % 2) {
                let path = format!("/api/store/items/{gone}");
                let delete = shop.delete(&catalogue.seller, &path).await;
                delete.expect(StatusCode::NO_CONTENT);
            }
            if page % 3 == 0 {
                index_changes(&shop.database).await.unwrap();
            }
        }
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "no repeat, {sort:?}");
        let still_there = catalogue.rows().await;
        let asked = Asked {
            keyword: "케이크".to_owned(),
            category: None,
            store: None,
            min_price: None,
            max_price: None,
            in_stock: false,
            sort,
            limit: 4,
        };
        let stayed: Vec<Row> = there_before
            .into_iter()
            .filter(|row| still_there.iter().any(|other| other.number == row.number))
            .collect();
        let expected = asked.naively(&stayed, &catalogue.stores);
        seen.retain(|number| stayed.iter().any(|row| row.number == *number));
        assert_eq!(seen, expected, "no gap, {sort:?}");
        index_changes(&shop.database).await.unwrap();
    }
}

#[sqlx::test]
async fn several_writers_at_once_index_each_change_once(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let catalogue = Catalogue::of(&options, 40).await;
    let database = &catalogue.shop.database;
    let (one, other, third) =
        tokio::join!(index_changes(database), index_changes(database), index_changes(database));
    let first = one.unwrap() + other.unwrap() + third.unwrap();
    let rest = index_changes(database).await.unwrap();
    assert_eq!(first + rest, 43, "three stores and forty items, each once");
    let known = index(&catalogue.shop).await;
    rebuild(database, |_, _, _| {}).await.unwrap();
    assert_eq!(known, index(&catalogue.shop).await);
}
