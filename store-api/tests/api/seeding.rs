//! The made-up catalogue keeps every promise that a real one does.

use http::StatusCode;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::seed::{Plan, Progress, SowError, sow};

use crate::shop::{Shop, names};

const PLAN: Plan = Plan { stores: 8, items: 700, seed: 3 };

#[sqlx::test]
async fn whatever_is_counted_is_there(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let mut last = None;
    sow(&shop.database, PLAN, |progress| last = Some(progress)).await.unwrap();
    assert_eq!(last, Some(Progress::Indexed(8, 8)));
    assert_eq!(shop.number("SELECT COUNT(*) FROM items").await, 700);
    assert!(shop.number("SELECT COUNT(*) FROM hearts").await > 700);
    for wrong in [
        "SELECT COUNT(*) FROM items i WHERE hearts <> (SELECT COUNT(*) FROM hearts h WHERE h.item_id = i.id)",
        "SELECT COUNT(*) FROM stores s WHERE followers <> (SELECT COUNT(*) FROM follows f WHERE f.store_id = s.id)",
        "SELECT COUNT(*) FROM items i WHERE sold <> (SELECT SUM(sold) FROM options o WHERE o.item_id = i.id)",
        "SELECT COUNT(*) FROM items i WHERE min_price <> (SELECT MIN(price) FROM options o WHERE o.item_id = i.id)",
        "SELECT COUNT(*) FROM options o WHERE sold <> (SELECT COALESCE(SUM(l.quantity), 0) FROM reservation_lines l \
         JOIN reservations r ON r.order_id = l.order_id WHERE l.option_id = o.id AND r.status = 'CONFIRMED')",
        "SELECT COUNT(*) FROM items i JOIN stores s ON s.id = i.store_id WHERE s.seller_id <> i.seller_id",
        "SELECT COUNT(*) FROM search_changes",
    ] {
        assert_eq!(shop.number(wrong).await, 0, "{wrong}");
    }
    let page = shop.client.get("/api/store/items?sort=popular&limit=5").send().await.expect(StatusCode::OK);
    assert_eq!(names(&page.body).len(), 5);
}

#[sqlx::test]
async fn one_seed_is_sown_once_and_another_beside_it(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let small = Plan { stores: 2, items: 10, seed: 1 };
    sow(&shop.database, small, |_| {}).await.unwrap();
    let again = sow(&shop.database, small, |_| {}).await;
    assert!(matches!(again, Err(SowError::SownAlready(1))));
    sow(&shop.database, Plan { seed: 2, ..small }, |_| {}).await.unwrap();
    assert_eq!(shop.number("SELECT COUNT(*) FROM items").await, 20);
    let storeless = sow(&shop.database, Plan { stores: 0, items: 1, seed: 3 }, |_| {}).await;
    assert!(matches!(storeless, Err(SowError::NoStores)));
}
