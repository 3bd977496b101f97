//! What a text and an address may be (docs/text-rules.md).

use http::StatusCode;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};

use crate::shop::{Person, Shop, id_of};

/// Nothing of these can be seen.
const INVISIBLE: [&str; 9] = [
    "\u{200B}",
    "\u{3164}",
    "\u{115F}\u{1160}",
    "\u{FFA0}",
    "\u{2800}",
    "\u{AD}",
    "\u{FEFF}",
    "\u{301}",
    "\u{200E}",
];
/// No text may hold these, not even between visible characters.
const REFUSED: [&str; 8] =
    ["\0", "\u{1B}", "\u{202E}", "\u{2066}", "\u{2028}", "\u{E0041}", "\u{E000}", "\u{FFFF}"];

fn unreadable() -> impl Iterator<Item = String> {
    let refused = REFUSED.iter().map(|text| format!("딸기{text}케이크"));
    INVISIBLE.iter().map(|text| (*text).to_owned()).chain(refused)
}

/// Every request that stores a text: its method and path, a good body, and the pointers of its texts.
fn requests(store: &str, item: &Value) -> Vec<(&'static str, String, Value, Vec<&'static str>)> {
    let (item_id, option) = (id_of(item), id_of(&item["options"][0]));
    let new_item = json!({
        "name": "새 케이크", "description": "", "category": "CAKE",
        "options": [{ "name": "1호", "price": 1_000, "quantity": 1 }],
    });
    let named = |name: &str| json!({ "name": name, "description": "" });
    vec![
        ("POST", "/api/store/stores".to_owned(), named("새 상점"), vec!["/name", "/description"]),
        ("PATCH", format!("/api/store/stores/{store}"), named("상점"), vec!["/name", "/description"]),
        (
            "POST",
            format!("/api/store/stores/{store}/items"),
            new_item,
            vec!["/name", "/description", "/options/0/name"],
        ),
        ("PATCH", format!("/api/store/items/{item_id}"), named("케이크"), vec!["/name", "/description"]),
        (
            "POST",
            format!("/api/store/items/{item_id}/options"),
            json!({ "name": "9호", "price": 1, "quantity": 1 }),
            vec!["/name"],
        ),
        (
            "PATCH",
            format!("/api/store/items/{item_id}/options/{option}"),
            json!({ "name": "8호" }),
            vec!["/name"],
        ),
    ]
}

async fn send(shop: &Shop, seller: &Person, method: &str, path: &str, body: &Value) -> testkit::Answer {
    shop.client.request(method.parse().unwrap(), path).bearer(&seller.token).json(body).send().await
}

#[sqlx::test]
async fn every_text_can_be_read(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, item) = Shop::with_item(&options, 1).await;
    let store = item["storeId"].as_str().unwrap().to_owned();
    for (method, path, body, pointers) in requests(&store, &item) {
        for pointer in pointers {
            for text in unreadable() {
                let mut bad = body.clone();
                *bad.pointer_mut(pointer).unwrap() = text.clone().into();
                let answer = send(&shop, &seller, method, &path, &bad).await;
                let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
                assert_eq!(answer.fault_pointers(), [pointer], "{method} {path} {text:?}");
            }
        }
        let good = send(&shop, &seller, method, &path, &body).await;
        assert!(good.status.is_success(), "{method} {path}: {}", good.text());
    }
}

#[sqlx::test]
async fn texts_of_all_scripts_and_emoji_are_kept_composed(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, item) = Shop::with_item(&options, 1).await;
    let path = format!("/api/store/items/{}", id_of(&item));
    for name in ["ケーキ", "کیک\u{200C}ها", "क्\u{200D}ष", "👩🏽\u{200D}🍳 케이크", "❤\u{FE0F}", "Crème brûlée"]
    {
        let body = json!({ "name": name, "description": format!("{name}\n{name}") });
        let edited = shop.patch(&seller, &path, &body).await.expect(StatusCode::OK).body;
        assert_eq!((&edited["name"], &edited["description"]), (&body["name"], &body["description"]));
    }
    let body = json!({ "name": " \u{1103}\u{1161}\u{11AF}콤 ", "description": "e\u{301}\r\nb" });
    let edited = shop.patch(&seller, &path, &body).await.expect(StatusCode::OK).body;
    assert_eq!((&edited["name"], &edited["description"]), (&"달콤".into(), &"é\nb".into()));
}

#[sqlx::test]
async fn a_keyword_of_nothing_that_can_be_seen_is_refused(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let shop = Shop::open(&options);
    for list in ["items", "stores"] {
        for text in unreadable() {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let answer = shop.get(&format!("/api/store/{list}?keyword={encoded}")).await;
            let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
            assert_eq!(answer.fault_pointers(), ["/keyword"], "{text:?}");
        }
        for blank in ["", "%20", "%E3%80%80"] {
            let _ = shop.get(&format!("/api/store/{list}?keyword={blank}")).await.expect(StatusCode::OK);
        }
    }
}

#[sqlx::test]
async fn addresses_are_kept_in_their_normal_form(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let (shop, seller, item) = Shop::with_item(&options, 1).await;
    let path = format!("/api/store/items/{}", id_of(&item));
    for member in ["thumbnailUrl", "descriptionUrl"] {
        for bad in [
            "https://example.com:99999/",
            "https://bank@evil.example/",
            "ftp://example.com/",
            "https://example.com/\u{202E}gpj.exe",
            "https://exa\u{200B}mple.com/",
            "https:\\\\example.com",
        ] {
            let answer = shop.patch(&seller, &path, &json!({ member: bad })).await;
            let answer = answer.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
            assert_eq!(answer.fault_pointers(), [format!("/{member}")], "{bad:?}");
        }
        let body = json!({ member: "https://달콤.한국/ab" });
        let edited = shop.patch(&seller, &path, &body).await.expect(StatusCode::OK).body;
        assert_eq!(edited[member], "https://xn--bk1bx35c.xn--3e0b707e/ab");
    }
}
