//! Following stores and giving items hearts.

use futures::future::join_all;
use http::{Method, StatusCode};
use serde_json::Value;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::shop::{Person, Shop, an_item, id_of, item_path, names};

async fn send(shop: &Shop, method: Method, path: &str, person: &Person) -> StatusCode {
    shop.client.request(method, path).bearer(&person.token).send().await.status
}

#[sqlx::test]
async fn following_is_idempotent_both_ways(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    let (one, two) = (shop.customer(), shop.customer());
    let store = shop.store(&shop.seller(), "달콤상점").await;
    let path = format!("/api/store/stores/{store}");
    let follow = format!("{path}/follow");
    for (method, person, followers) in [
        (Method::PUT, &one, 1),
        (Method::PUT, &one, 1),
        (Method::PUT, &two, 2),
        (Method::DELETE, &one, 1),
        (Method::DELETE, &one, 1),
    ] {
        assert_eq!(send(&shop, method, &follow, person).await, StatusCode::NO_CONTENT);
        assert_eq!(shop.get(&path).await.body["followers"], followers);
        assert_eq!(shop.number("SELECT COUNT(*) FROM follows").await, followers);
    }
}

#[sqlx::test]
async fn fault_25_unfollowing_without_following_does_not_count_down(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (fan, stranger) = (shop.customer(), shop.customer());
    let item = shop.item_of(&shop.seller(), "딸기 케이크", 1).await;
    let item_path = item_path(&item);
    let store_path = format!("/api/store/stores/{}", item["storeId"].as_str().unwrap());
    let (heart, follow) = (format!("{item_path}/heart"), format!("{store_path}/follow"));
    for path in [&heart, &follow] {
        assert_eq!(send(&shop, Method::DELETE, path, &stranger).await, StatusCode::NO_CONTENT);
        assert_eq!(send(&shop, Method::PUT, path, &fan).await, StatusCode::NO_CONTENT);
        assert_eq!(send(&shop, Method::DELETE, path, &stranger).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(shop.get(&item_path).await.body["hearts"], 1);
    assert_eq!(shop.get(&store_path).await.body["followers"], 1);
}

#[sqlx::test]
async fn counts_are_the_number_of_rows_under_any_concurrency(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let customers: Vec<_> = (0..12).map(|_| shop.customer()).collect();
    let item = shop.item_of(&shop.seller(), "딸기 케이크", 1).await;
    let heart = format!("/api/store/items/{}/heart", id_of(&item));
    let follow = format!("/api/store/stores/{}/follow", item["storeId"].as_str().unwrap());
    let calls = customers.iter().enumerate().flat_map(|(n, person)| {
        // Every customer gives and follows twice. Every third also takes the heart back and unfollows.
        let mut methods = vec![Method::PUT, Method::PUT];
        if n % 3 == 0 {
            methods.push(Method::DELETE);
        }
        let (shop, heart, follow) = (&shop, &heart, &follow);
        methods.into_iter().flat_map(move |method| {
            [send(shop, method.clone(), heart, person), send(shop, method, follow, person)]
        })
    });

    let statuses = join_all(calls).await;

    assert!(statuses.iter().all(|status| *status == StatusCode::NO_CONTENT), "{statuses:?}");
    let hearts = shop.number("SELECT COUNT(*) FROM hearts").await;
    assert!((8..=12).contains(&hearts));
    assert_eq!(shop.number("SELECT hearts FROM items").await, hearts);
    assert_eq!(
        shop.number("SELECT followers FROM stores").await,
        shop.number("SELECT COUNT(*) FROM follows").await
    );
}

#[sqlx::test]
async fn a_customer_sees_their_hearts_and_follows_page_by_page(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let shop = Shop::open(&options);
    let (seller, customer, other) = (shop.seller(), shop.customer(), shop.customer());
    let mut given = Vec::new();
    for n in 0..5 {
        let store = shop.store(&seller, &format!("상점 {n}")).await;
        let item = shop.item(&seller, &store, &an_item(&format!("케이크 {n}"), &[("1호", 1, 1)])).await;
        given.push((
            format!("/api/store/stores/{store}/follow"),
            format!("/api/store/items/{}/heart", id_of(&item)),
        ));
    }
    for n in [3, 0, 4, 1, 2] {
        // Two marks have the same time, so the order of the ids decides.
        if n != 4 {
            shop.clock_control.advance(std::time::Duration::from_millis(1));
        }
        for path in [&given[n].0, &given[n].1] {
            assert_eq!(send(&shop, Method::PUT, path, &customer).await, StatusCode::NO_CONTENT);
        }
    }
    assert_eq!(send(&shop, Method::PUT, &given[2].1, &other).await, StatusCode::NO_CONTENT);

    for (path, what) in [("/api/store/me/follows", "상점"), ("/api/store/me/hearts", "케이크")] {
        let mut seen = Vec::new();
        let mut query = "?limit=2".to_owned();
        for pages in 0.. {
            assert!(pages < 100, "the list does not end");
            let page = shop.get_as(&customer, &format!("{path}{query}")).await;
            let page = page.expect(StatusCode::OK).body;
            seen.extend(names(&page).into_iter().map(str::to_owned));
            let Value::String(cursor) = &page["nextCursor"] else { break };
            query = format!("?limit=2&cursor={cursor}");
        }
        assert_eq!(seen, [2, 1, 4, 0, 3].map(|n| format!("{what} {n}")));
    }
}

#[sqlx::test]
async fn only_customers_follow_and_give_hearts(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, store) = Shop::with_store(&options).await;
    let follow = format!("/api/store/stores/{store}/follow");
    assert_eq!(send(&shop, Method::PUT, &follow, &seller).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&shop, Method::GET, "/api/store/me/hearts", &seller).await, StatusCode::FORBIDDEN);
    let nothing = "/api/store/items/00000000-0000-0000-0000-000000000000/heart";
    assert_eq!(send(&shop, Method::PUT, nothing, &shop.customer()).await, StatusCode::NOT_FOUND);
}
