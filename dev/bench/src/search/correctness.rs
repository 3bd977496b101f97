//! Whether the answers are right at these sizes: whole lists, page by page, are compared with SQL that reads every item.

use anyhow::{Context as _, ensure};
use http::StatusCode;
use sqlx::{AssertSqlSafe, MySqlPool};
use testkit::text;
use uuid::Uuid;

use crate::client::Connection;

/// The number of items of a list that are compared.
const COMPARED: usize = 1_000;

/// A list of the service, and the SQL for the same list.
struct List {
    query: &'static str,
    condition: &'static str,
    order: &'static str,
}

/// Among items with the same key, those come first that have the words of the search side by side: the letters on both sides of
/// the space tell it. No word of the catalogue is written apart.
fn lists() -> Vec<List> {
    let list = |query, condition, order| List { query, condition, order };
    vec![
        list("keyword=금박장식", "i.description LIKE '%금박장식%'", "i.number DESC"),
        list(
            "keyword=쑥&category=TART&inStock=true&sort=price_asc",
            "(i.name LIKE '%쑥%' OR i.description LIKE '%쑥%') AND i.category = 'TART' AND EXISTS \
             (SELECT 1 FROM options o WHERE o.item_id = i.id AND o.live = 1 AND o.on_hand > 0)",
            "(i.name LIKE '%쑥%') DESC, i.min_price, i.number",
        ),
        list(
            "keyword=딸기 케이크&minPrice=20000&maxPrice=30000&sort=hearts",
            "(i.name LIKE '%딸기%' OR i.description LIKE '%딸기%') AND (i.name LIKE '%케이크%' OR i.description LIKE \
             '%케이크%') AND i.min_price BETWEEN 20000 AND 30000",
            "(i.name LIKE '%딸기%' AND i.name LIKE '%케이크%') DESC, i.hearts DESC, \
             CASE WHEN i.name LIKE '%딸기%' AND i.name LIKE '%케이크%' THEN i.name LIKE '%기 케%' \
             ELSE i.name LIKE '%기 케%' OR i.description LIKE '%기 케%' END DESC, i.number DESC",
        ),
        list(
            "keyword=EARL cook&sort=popular",
            "(i.name LIKE '%earl%' OR i.description LIKE '%earl%') AND (i.name LIKE '%cook%' OR i.description LIKE \
             '%cook%')",
            "(i.name LIKE '%earl%' AND i.name LIKE '%cook%') DESC, i.sold DESC, \
             CASE WHEN i.name LIKE '%earl%' AND i.name LIKE '%cook%' THEN i.name LIKE '%l c%' \
             ELSE i.name LIKE '%l c%' OR i.description LIKE '%l c%' END DESC, i.number DESC",
        ),
        list(
            "category=SCONE&inStock=true&maxPrice=3000&sort=price_desc",
            "i.category = 'SCONE' AND i.min_price <= 3000 AND EXISTS \
             (SELECT 1 FROM options o WHERE o.item_id = i.id AND o.live = 1 AND o.on_hand > 0)",
            "i.min_price DESC, i.number DESC",
        ),
    ]
}

/// Compares each list with the result of its SQL.
pub(crate) async fn check(url: &str, database: &MySqlPool) -> anyhow::Result<()> {
    let mut connection = Connection::open(url).await?;
    for List { query, condition, order } in lists() {
        let sql = format!("SELECT i.id FROM items i WHERE i.live = 1 AND {condition} ORDER BY {order}");
        let expected: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(database).await?;
        let found = whole_list(&mut connection, query, COMPARED.min(expected.len() + 1)).await?;
        let same = found.iter().zip(&expected).take_while(|(one, other)| one == other).count();
        ensure!(
            same == found.len() && (found.len() == expected.len() || found.len() >= COMPARED),
            "{query}: SQL finds {} items, the service {}; they differ from position {same} on",
            expected.len(),
            found.len()
        );
        println!("  right: {query}: {} items, {} of them compared one by one", expected.len(), found.len());
    }
    Ok(())
}

async fn whole_list(connection: &mut Connection, query: &str, wanted: usize) -> anyhow::Result<Vec<Uuid>> {
    let query: String = query
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '=' | '&' | '_' => c.to_string(),
            _ => c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect(),
        })
        .collect();
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/store/items?limit=100&{query}{cursor}");
        let page = connection.get(&path, None).await?.expect(StatusCode::OK).body;
        for item in page["items"].as_array().context("a page without items")? {
            ids.push(text(item, "id").parse()?);
        }
        match page["nextCursor"].as_str() {
            Some(next) if ids.len() < wanted => cursor = format!("&cursor={next}"),
            _ => return Ok(ids),
        }
    }
}
