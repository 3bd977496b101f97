//! The made-up catalogue keeps the same promises as a real one.

use http::StatusCode;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use store_api::seed::{Catalogue, Plan, Progress, SeedError, seed_catalogue};

use crate::shop::{Shop, names};

const PLAN: Plan = Plan { stores: 8, items: 700, seed: 3 };

#[sqlx::test]
async fn every_count_has_its_rows(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let mut last = None;
    seed_catalogue(&shop.database, PLAN, |progress| last = Some(progress)).await.unwrap();
    assert_eq!(last, Some(Progress::Indexed(700, 700)));
    assert_eq!(shop.number("SELECT COUNT(*) FROM items").await, 700);
    assert!(shop.number("SELECT COUNT(*) FROM hearts").await > 700);
    for wrong in [
        "SELECT COUNT(*) FROM items i WHERE hearts <> (SELECT COUNT(*) FROM hearts h WHERE h.item_id = i.id)",
        "SELECT COUNT(*) FROM stores s WHERE followers <> (SELECT COUNT(*) FROM follows f WHERE f.store_id = s.id)",
        "SELECT COUNT(*) FROM items i WHERE sold <> (SELECT SUM(sold - restocked) FROM options o WHERE o.item_id = i.id)",
        "SELECT COUNT(*) FROM items i WHERE min_price <> (SELECT COALESCE(MIN(IF(o.on_hand > 0, o.price, NULL)), \
         MIN(o.price)) FROM options o WHERE o.item_id = i.id)",
        "SELECT COUNT(*) FROM options o WHERE sold <> (SELECT COALESCE(SUM(l.quantity), 0) FROM reservation_lines l \
         JOIN reservations r ON r.order_id = l.order_id WHERE l.option_id = o.id AND r.status = 'CONFIRMED')",
        "SELECT COUNT(*) FROM items i JOIN stores s ON s.id = i.store_id WHERE s.seller_id <> i.seller_id",
        "SELECT COUNT(*) FROM search_changes",
    ] {
        assert_eq!(shop.number(wrong).await, 0, "{wrong}");
    }
    let page = shop.get("/api/store/items?sort=popular&limit=5").await.expect(StatusCode::OK);
    assert_eq!(names(&page.body).len(), 5);
}

#[sqlx::test]
async fn a_seed_is_written_once_and_another_seed_is_added(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let small = Plan { stores: 2, items: 10, seed: 1 };
    for _ in 0..2 {
        seed_catalogue(&shop.database, small, |_| {}).await.unwrap();
        assert_eq!(shop.number("SELECT COUNT(*) FROM items").await, 10);
    }
    for other in [Plan { stores: 3, ..small }, Plan { items: 11, ..small }] {
        let refused = seed_catalogue(&shop.database, other, |_| {}).await;
        assert!(matches!(refused, Err(SeedError::AnotherPlan(1))), "{refused:?}");
    }
    seed_catalogue(&shop.database, Plan { seed: 2, ..small }, |_| {}).await.unwrap();
    assert_eq!(shop.number("SELECT COUNT(*) FROM items").await, 20);
    let storeless = seed_catalogue(&shop.database, Plan { stores: 0, items: 1, seed: 3 }, |_| {}).await;
    assert!(matches!(storeless, Err(SeedError::NoStores)));
}

#[sqlx::test]
async fn an_interrupted_catalogue_is_completed(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let plan = Plan { stores: 8, items: 1_200, seed: 3 };
    let database = shop.database.clone();
    let interrupted = tokio::spawn(async move {
        seed_catalogue(&database, plan, |progress| assert_ne!(progress, Progress::Items(512), "interrupted"))
            .await
    });
    assert!(interrupted.await.unwrap_err().is_panic());
    assert_eq!(shop.number("SELECT COUNT(*) FROM items").await, 512);

    seed_catalogue(&shop.database, plan, |_| {}).await.unwrap();

    assert_eq!(shop.number("SELECT COUNT(*) FROM items").await, 1_200);
    let mut catalogue = Catalogue::new(plan);
    catalogue.stores(plan.stores);
    for item in [catalogue.items(1), catalogue.items(1_199)].iter().filter_map(|items| items.last()) {
        let keyword: String = item.item.name.as_str().bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/api/store/items?limit=100&keyword={keyword}");
        let page = shop.get(&path).await.expect(StatusCode::OK);
        assert!(names(&page.body).contains(&item.item.name.as_str()), "{}", page.body);
    }
}

#[sqlx::test]
async fn a_catalogue_does_not_take_the_name_of_an_existing_store(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let name = Catalogue::new(PLAN).stores(1).remove(0).store.name;
    shop.store(&shop.seller(), name.as_str()).await;
    let refused = seed_catalogue(&shop.database, PLAN, |_| {}).await;
    assert!(matches!(refused, Err(SeedError::NameTaken(3))), "{refused:?}");
    assert_eq!(shop.number("SELECT COUNT(*) FROM stores").await, 1);
}
