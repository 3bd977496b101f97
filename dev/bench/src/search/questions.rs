//! The requests, and the fastest SQL for the same answers.

use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::Value;
use sqlx::MySqlPool;
use uuid::Uuid;

use crate::client::Connection;

/// The aim of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// No aim: it is shown for comparison.
    None,
    /// At least this percentage of the rate of the SQL.
    Rate(u32),
    /// The p99 grows at most by this factor from the smallest catalogue to the largest.
    Growth(u32),
    /// The p99 is below this number of milliseconds at every size.
    Latency(u32),
}

/// The work of the SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It reads a few rows of an index.
    Index,
    /// It reads items in the order of an index until enough of them have the words.
    Walk,
    /// The same, but it reads most of the items.
    LongWalk,
    /// It reads every item.
    Scan,
}

/// A bound value.
#[derive(Clone, Debug)]
pub(crate) enum Bind {
    Id(Uuid),
    Text(String),
    Number(i64),
}

/// One request, and the SQL for the same answer.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) sql: Arc<str>,
    pub(crate) binds: Vec<Bind>,
}

impl Request {
    pub(crate) fn first(requests: &[Self]) -> anyhow::Result<Self> {
        requests.first().cloned().context("a question without a request")
    }
}

/// A kind of request.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) aim: Aim,
    pub(crate) shape: Shape,
    /// Request in turn.
    pub(crate) requests: Arc<[Request]>,
}

/// The columns of an item in a list.
const ITEM: &str = "i.number, i.id, i.store_id, s.name AS store_name, i.name, i.description, i.category, \
     i.thumbnail_url, i.description_url, i.min_price, i.hearts, i.sold, i.created_at, i.updated_at";
/// A page of 20 items, and one more to know whether there is another page.
const ROWS: &str = "LIMIT 21";
const CATEGORIES: [&str; 7] = ["CAKE", "TART", "MACARON", "BREAD", "COOKIE", "CHOCOLATE", "SCONE"];

/// All questions, for the present catalogue.
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
    let requests = ids.into_iter().map(|id| Request {
        path: format!("/api/store/items/{id}"),
        sql: Arc::clone(&sql),
        binds: vec![Bind::Id(id)],
    });
    Ok(Question { name: "item by id", aim: Aim::Rate(60), shape: Shape::Index, requests: requests.collect() })
}

fn list(name: &'static str, aim: Aim, index: &str, order: &str, path: &str) -> Question {
    let sql = page(index, "", order);
    let request = Request { path: path.to_owned(), sql, binds: Vec::new() };
    Question { name, aim, shape: Shape::Index, requests: [request].into() }
}

fn categories() -> Question {
    let sql = page("items_by_category", "AND i.category = ?", "i.number DESC");
    let requests = CATEGORIES.map(|category| Request {
        path: format!("/api/store/items?category={category}"),
        sql: Arc::clone(&sql),
        binds: vec![Bind::Text(category.to_owned())],
    });
    Question { name: "category page", aim: Aim::Rate(60), shape: Shape::Index, requests: requests.into() }
}

/// A cursor begins with a digest of this many bytes, which tells the list and its filter. A position in JSON follows.
const QUESTION_BYTES: usize = 8;

/// The last page of the list of all items. Its cursor is that of the first page, moved to the end.
async fn last_page(url: &str, database: &MySqlPool) -> anyhow::Result<Question> {
    let mut connection = Connection::open(url).await?;
    let first = connection.get("/api/store/items", None).await?.expect(StatusCode::OK).body;
    let cursor = first["nextCursor"].as_str().context("a list of one page")?;
    let cursor = URL_SAFE_NO_PAD.decode(cursor)?;
    let (question, position) = cursor.split_at_checked(QUESTION_BYTES).context("a short cursor")?;
    let mut after: Value = serde_json::from_slice(position)?;
    let numbers: Vec<i64> =
        sqlx::query_scalar("SELECT number FROM items WHERE live = 1 ORDER BY number LIMIT 21")
            .fetch_all(database)
            .await?;
    let number = *numbers.last().context("no items")?;
    after["number"] = number.into();
    let after = serde_json::to_vec(&after)?;
    let path = format!("/api/store/items?cursor={}", URL_SAFE_NO_PAD.encode([question, &after].concat()));
    let last = connection.get(&path, None).await?.expect(StatusCode::OK).body;
    anyhow::ensure!(
        last["nextCursor"].is_null() && last["items"].as_array().map(Vec::len) == Some(20),
        "not the last page: {last}"
    );
    let sql = page("items_by_number", "AND i.number < ?", "i.number DESC");
    let request = Request { path, sql, binds: vec![Bind::Number(number)] };
    Ok(Question { name: "last page", aim: Aim::Rate(60), shape: Shape::Index, requests: [request].into() })
}

/// A search for words that are anywhere in an item. Items with all words in the name come first. If more than a page has
/// them in the name, the fastest SQL reads the names in the order of the list. Otherwise it must read every item.
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
    Question { name, aim, shape, requests: [Request { path, sql, binds }].into() }
}

fn page(index: &str, condition: &str, order: &str) -> Arc<str> {
    format!(
        "SELECT {ITEM} FROM items i FORCE INDEX ({index}) STRAIGHT_JOIN stores s ON s.id = i.store_id \
         WHERE i.live = 1 {condition} ORDER BY {order} {ROWS}"
    )
    .into()
}
