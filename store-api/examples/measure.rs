//! temp
#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::unwrap_used)]
use database::Database;
use sqlx::mysql::MySqlConnectOptions;
use std::time::{Duration, Instant};
use store_api::{db, domain::search::*, domain::*, search::*, seed::*};
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let options: MySqlConnectOptions = args[1].parse().unwrap();
    let database = Database::from_options(options);
    if args[2] == "seed" {
        database.migrate(&db::MIGRATOR).await.unwrap();
        let plan = Plan { stores: args[3].parse().unwrap(), items: args[4].parse().unwrap(), seed: 1 };
        let t = Instant::now();
        sow(&database, plan, |p| {
            if let Progress::Items(n) = p {
                if n % 50_000 == 0 {
                    eprintln!("{p:?} {:?}", t.elapsed())
                }
            } else {
                eprintln!("{p:?} {:?}", t.elapsed())
            }
        })
        .await
        .unwrap();
        return;
    }
    if args[2] == "rebuild" {
        let t = Instant::now();
        rebuild(&database, |_, d, a| eprintln!("{d}/{a} {:?}", t.elapsed())).await.unwrap();
        return;
    }
    let queries: Vec<(&str, &str, ItemFilter)> = vec![
        ("common", "케이크", Default::default()),
        ("common2", "초코", Default::default()),
        ("two common", "초코 케이크", Default::default()),
        ("two disjoint", "마카롱 식빵", Default::default()),
        ("two disjoint text", "초코 딸기", Default::default()),
        ("one syllable", "빵", Default::default()),
        ("one letter", "g", Default::default()),
        ("rare", "트러플", Default::default()),
        ("needle", "캐비아", Default::default()),
        ("nothing", "없는말", Default::default()),
        ("long", "chocolate", Default::default()),
        ("falsepos", "이크케이크이", Default::default()),
        ("ten", "초코 케이크 수제 매일 아침 직접 버터 선물 맛 미니", Default::default()),
        (
            "stock+cat",
            "초코",
            ItemFilter { category: Some(Category::Cake), in_stock: true, ..Default::default() },
        ),
        ("cat", "", ItemFilter { category: Some(Category::Cake), ..Default::default() }),
        ("stock", "", ItemFilter { in_stock: true, ..Default::default() }),
        (
            "price",
            "",
            ItemFilter {
                min_price: Some(money::Won::new(10000)),
                max_price: Some(money::Won::new(30000)),
                ..Default::default()
            },
        ),
        (
            "price wide",
            "케이크",
            ItemFilter {
                min_price: Some(money::Won::new(2)),
                max_price: Some(money::Won::new(9_000_000)),
                ..Default::default()
            },
        ),
        ("none", "", Default::default()),
    ];
    let n: usize = args.get(3).map_or(40, |n| n.parse().unwrap());
    for (name, kw, filter) in queries {
        for sort in ItemSort::ALL {
            let mut times: Vec<Duration> = vec![];
            let mut count = 0;
            let mut more = false;
            let mut s = ItemSearch {
                keyword: Keyword::parse(kw).unwrap(),
                filter: filter.clone(),
                sort,
                after: None,
                limit: 20,
            };
            for _ in 0..n {
                let t = Instant::now();
                let f = find_items(&database, &s, Effort::USUAL).await.unwrap();
                times.push(t.elapsed());
                count = f.rows.len();
                more = f.next.is_some();
            }
            times.sort();
            // deep page
            let mut deep = vec![];
            for _ in 0..30 {
                let t = Instant::now();
                let f = find_items(&database, &s, Effort::USUAL).await.unwrap();
                deep.push(t.elapsed());
                s.after = f.next;
                if f.next.is_none() {
                    break;
                }
                s.limit = 100;
            }
            deep.sort();
            println!(
                "{name:18} {sort:10?} p50 {:>9.2?} p99 {:>9.2?} rows {count} more {more} deep100 p50 {:.2?} max {:.2?}",
                times[n / 2],
                times[n * 99 / 100],
                deep[deep.len() / 2],
                deep[deep.len() - 1]
            );
        }
    }
}
