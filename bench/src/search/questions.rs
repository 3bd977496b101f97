//! What is asked, and the fastest SQL that answers it.

use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sqlx::MySqlPool;
use uuid::Uuid;

use crate::client::Connection;

/// What must not be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// Anything: it is shown beside another one.
    None,
    /// At least so much of the raw rate, in percent.
    Rate(u32),
    /// The p99 grows at most so many times from the smallest catalogue to the greatest.
    Growth(u32),
    /// A p99 below so many milliseconds, at every size.
    Latency(u32),
}

/// What the SQL has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It is done after a few rows of an index.
    Index,
    /// It reads items in the order of an index until enough have the words.
    Walk,
    /// The same, and most items are passed before.
    LongWalk,
    /// It reads every item.
    Scan,
}

/// A value that is bound.
#[derive(Clone, Debug)]
pub(crate) enum Bind {
    Id(Uuid),
    Text(String),
    Number(i64),
}

/// One request, and the SQL for the same answer.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) sql: Arc<str>,
    pub(crate) binds: Vec<Bind>,
}

impl Asked {
    pub(crate) fn first(asked: &[Self]) -> anyhow::Result<Self> {
        asked.first().cloned().context("a question without a request")
    }
}

/// A kind of request.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) aim: Aim,
    pub(crate) shape: Shape,
    /// Asked in turn.
    pub(crate) asked: Arc<[Asked]>,
}

/// What an item is listed with.
const ITEM: &str = "i.number, i.id, i.store_id, s.name AS store_name, i.name, i.description, i.category, \
     i.thumbnail_url, i.description_url, i.min_price, i.hearts, i.sold, i.created_at, i.updated_at";
/// A page of 20, and whether there is another one.
const ROWS: &str = "LIMIT 21";
const CATEGORIES: [&str; 7] = ["CAKE", "TART", "MACARON", "BREAD", "COOKIE", "CHOCOLATE", "SCONE"];

/// All that is measured, for the catalogue as it is.
pub(crate) async fn all(url: &str, database: &MySqlPool) -> anyhow::Result<Vec<Question>> {
    let mut questions = vec![
        by_id(database).await?,
        list("newest page", Aim::Rate(60), "items_by_number", "i.number DESC", "/api/store/items"),
        categories(),
        list(
            "most hearts, first page",
            Aim::Rate(60),
            "items_by_hearts",
            "i.hearts DESC, i.number DESC",
            "/api/store/items?sort=hearts",
        ),
        last_page(url, database).await?,
    ];
    let many = Aim::Latency(20);
    questions.extend([
        words("common word", "초코", many, Shape::Walk, "", "i.number DESC", "items_by_number"),
        words("one syllable", "쑥", many, Shape::Walk, "", "i.number DESC", "items_by_number"),
        words("two common words", "딸기 케이크", many, Shape::Walk, "", "i.number DESC", "items_by_number"),
        words(
            "two common words, by price",
            "딸기 케이크",
            many,
            Shape::LongWalk,
            "sort=price_asc",
            "i.min_price, i.number",
            "items_by_price",
        ),
        words(
            "two common words of descriptions",
            "선물 버터",
            many,
            Shape::Scan,
            "",
            "i.number DESC",
            "items_by_number",
        ),
        words(
            "…, most sold first",
            "선물 버터",
            many,
            Shape::Scan,
            "sort=popular",
            "i.sold DESC, i.number DESC",
            "items_by_number",
        ),
        words("rare word", "금박장식", Aim::Growth(3), Shape::Scan, "", "i.number DESC", "items_by_number"),
        words(
            "rare word, by price",
            "금박장식",
            Aim::Growth(3),
            Shape::Scan,
            "sort=price_desc",
            "i.min_price DESC, i.number DESC",
            "items_by_number",
        ),
        words(
            "a word nobody has",
            "마라탕후루",
            Aim::Growth(3),
            Shape::Scan,
            "",
            "i.number DESC",
            "items_by_number",
        ),
    ]);
    Ok(questions)
}

async fn by_id(database: &MySqlPool) -> anyhow::Result<Question> {
    let ids: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM items WHERE live = 1 ORDER BY RAND(7) LIMIT 1000")
            .fetch_all(database)
            .await?;
    let sql: Arc<str> = format!(
        "SELECT {ITEM}, o.id AS option_id, o.name AS option_name, o.price, o.on_hand FROM items i \
         STRAIGHT_JOIN stores s ON s.id = i.store_id STRAIGHT_JOIN options o ON o.item_id = i.id AND o.live = 1 \
         WHERE i.id = ? AND i.live = 1 ORDER BY o.position"
    )
    .into();
    let asked = ids.into_iter().map(|id| Asked {
        path: format!("/api/store/items/{id}"),
        sql: Arc::clone(&sql),
        binds: vec![Bind::Id(id)],
    });
    Ok(Question { name: "item by id", aim: Aim::Rate(60), shape: Shape::Index, asked: asked.collect() })
}

fn list(name: &'static str, aim: Aim, index: &str, order: &str, path: &str) -> Question {
    let sql = page(index, "", order);
    let asked = Asked { path: path.to_owned(), sql, binds: Vec::new() };
    Question { name, aim, shape: Shape::Index, asked: [asked].into() }
}

fn categories() -> Question {
    let sql = page("items_by_category", "AND i.category = ?", "i.number DESC");
    let asked = CATEGORIES.map(|category| Asked {
        path: format!("/api/store/items?category={category}"),
        sql: Arc::clone(&sql),
        binds: vec![Bind::Text(category.to_owned())],
    });
    Question { name: "category page", aim: Aim::Rate(60), shape: Shape::Index, asked: asked.into() }
}

/// The last page of the list of all items: the cursor of its first page, moved to the end.
async fn last_page(url: &str, database: &MySqlPool) -> anyhow::Result<Question> {
    let mut connection = Connection::open(url).await?;
    let first = connection.get("/api/store/items", None).await?.expect(200)?;
    let cursor = first["nextCursor"].as_str().context("a list of one page")?;
    let mut after: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor)?)?;
    let numbers: Vec<i64> =
        sqlx::query_scalar("SELECT number FROM items WHERE live = 1 ORDER BY number LIMIT 21")
            .fetch_all(database)
            .await?;
    let number = *numbers.last().context("no items")?;
    after["number"] = number.into();
    let path = format!("/api/store/items?cursor={}", URL_SAFE_NO_PAD.encode(serde_json::to_vec(&after)?));
    let last = connection.get(&path, None).await?.expect(200)?;
    anyhow::ensure!(
        last["nextCursor"].is_null() && last["items"].as_array().map(Vec::len) == Some(20),
        "not the last page: {last}"
    );
    let sql = page("items_by_number", "AND i.number < ?", "i.number DESC");
    let asked = Asked { path, sql, binds: vec![Bind::Number(number)] };
    Ok(Question { name: "last page", aim: Aim::Rate(60), shape: Shape::Index, asked: [asked].into() })
}

/// Words, each of which stands somewhere; what has all of them in its name comes first. Where more than a page has them
/// in its name, SQL does best to walk through names in the order of the list. Else it has to read every item.
fn words(
    name: &'static str,
    words: &str,
    aim: Aim,
    shape: Shape,
    query: &str,
    order: &str,
    index: &str,
) -> Question {
    let patterns: Vec<String> = words.split(' ').map(|word| format!("%{word}%")).collect();
    let mut binds = Vec::new();
    let sql = if shape == Shape::Scan {
        for pattern in &patterns {
            binds.extend([Bind::Text(pattern.clone()), Bind::Text(pattern.clone())]);
        }
        binds.extend(patterns.iter().cloned().map(Bind::Text));
        let in_name = vec!["i.name LIKE ?"; patterns.len()].join(" AND ");
        let condition = "AND (i.name LIKE ? OR i.description LIKE ?) ".repeat(patterns.len());
        page(index, &condition, &format!("({in_name}) DESC, {order}"))
            .replace("FORCE INDEX (items_by_number)", "")
            .into()
    } else {
        binds.extend(patterns.iter().cloned().map(Bind::Text));
        page(index, &"AND i.name LIKE ? ".repeat(patterns.len()), order)
    };
    let keyword: String = words.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = format!("/api/store/items?keyword={keyword}&{query}");
    let path = path.trim_end_matches('&').to_owned();
    Question { name, aim, shape, asked: [Asked { path, sql, binds }].into() }
}

fn page(index: &str, condition: &str, order: &str) -> Arc<str> {
    format!(
        "SELECT {ITEM} FROM items i FORCE INDEX ({index}) STRAIGHT_JOIN stores s ON s.id = i.store_id \
         WHERE i.live = 1 {condition} ORDER BY {order} {ROWS}"
    )
    .into()
}
