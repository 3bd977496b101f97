//! What `cargo xtask demo` does through the gateway, and the requests that must be refused.

use std::fs;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use system_tests::databases::Databases;
use system_tests::forged_tokens::{Token, other_key, user_token_key};
use system_tests::test_stack::{gateway, shared};
use testkit::member::{Member, PASSWORD, new_key};
use testkit::shop::{list_item, quantity};
use testkit::{integer, text, until};

/// How long a line may take to be in the log's file, on a busy machine.
const LOG_PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_customer_orders_a_part_of_the_cart_and_keeps_the_rest() {
    let stack = shared();
    let client = gateway(&stack);
    let seller = Member::seller(&client).await;
    let item = list_item(&client, &seller, &[(38_000, 5), (15_000, 20)]).await;
    let [cake, macaron] = &item.options[..] else { panic!("two options") };
    let customer = Member::customer(&client, 100_000).await;
    customer.add_to_cart(cake, 1).await;
    customer.add_to_cart(macaron, 2).await;

    let order = customer.order_only(&[cake]).await.expect(StatusCode::CREATED).body;

    assert_eq!(order["status"], "CONFIRMED");
    assert_eq!(order["total"], 38_000);
    assert_eq!(customer.balance().await, 62_000);
    assert_eq!(quantity(&client, &item, cake).await, 4);
    assert_eq!(quantity(&client, &item, macaron).await, 20);
    let cart = customer.cart().await;
    assert_eq!(cart["lines"].as_array().map(Vec::len), Some(1), "{cart}");
    assert_eq!(cart["lines"][0]["optionId"], macaron.as_str());
    assert_eq!(cart["total"], 30_000);
    let path = format!("/api/order/orders/{}", text(&order, "id"));
    assert_eq!(
        client.get(&path).bearer(&customer.token).send().await.expect(StatusCode::OK).body["status"],
        "CONFIRMED"
    );
    Databases::of(&stack).await.check_when_idle().await;
}

#[tokio::test]
async fn an_order_without_money_changes_nothing_and_succeeds_after_a_charge() {
    let stack = shared();
    let client = gateway(&stack);
    let seller = Member::seller(&client).await;
    let item = list_item(&client, &seller, &[(52_000, 3)]).await;
    let customer = Member::customer(&client, 20_000).await;
    customer.add_to_cart(&item.options[0], 1).await;

    customer.order().await.expect_service_problem(StatusCode::CONFLICT, "INSUFFICIENT_BALANCE");

    assert_eq!(customer.balance().await, 20_000);
    assert_eq!(quantity(&client, &item, &item.options[0]).await, 3);
    customer.charge(40_000).await;
    assert_eq!(customer.order().await.expect(StatusCode::CREATED).body["status"], "CONFIRMED");
    assert_eq!(customer.balance().await, 8_000);
    assert_eq!(quantity(&client, &item, &item.options[0]).await, 2);
    let databases = Databases::of(&stack).await;
    databases.check_when_idle().await;
    assert_eq!(databases.orders(&customer.id, "FAILED").await, 1);
    assert_eq!(databases.total(&customer.id, "CONFIRMED").await, 52_000);
}

#[tokio::test]
async fn the_last_piece_is_sold_once() {
    let stack = shared();
    let client = gateway(&stack);
    let seller = Member::seller(&client).await;
    let item = list_item(&client, &seller, &[(10_000, 1)]).await;
    let one = Member::customer(&client, 50_000).await;
    let other = Member::customer(&client, 50_000).await;
    one.add_to_cart(&item.options[0], 1).await;
    other.add_to_cart(&item.options[0], 1).await;

    let (first, second) = tokio::join!(one.order(), other.order());

    let (winner, loser) = if first.status == StatusCode::CREATED { (first, second) } else { (second, first) };
    winner.expect(StatusCode::CREATED);
    loser.expect_service_problem(StatusCode::CONFLICT, "OUT_OF_STOCK");
    assert_eq!(one.balance().await + other.balance().await, 90_000);
    assert_eq!(quantity(&client, &item, &item.options[0]).await, 0);
    Databases::of(&stack).await.check_when_idle().await;
}

#[tokio::test]
async fn a_repeated_key_orders_once_and_a_key_with_another_body_is_refused() {
    let stack = shared();
    let client = gateway(&stack);
    let seller = Member::seller(&client).await;
    let item = list_item(&client, &seller, &[(10_000, 10)]).await;
    let customer = Member::customer(&client, 50_000).await;
    customer.add_to_cart(&item.options[0], 2).await;
    let key = new_key();

    let first = customer.order_by(&key).await;
    let again = customer.order_by(&key).await;

    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(first.expect(StatusCode::CREATED).body, again.expect(StatusCode::CREATED).body);
    let call = client.post("/api/order/orders").json(&json!({ "optionIds": [item.options[0]] }));
    call.bearer(&customer.token)
        .key(&key)
        .send()
        .await
        .expect_service_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
    let call = client.post("/api/order/orders").json(&json!({}));
    call.bearer(&customer.token)
        .send()
        .await
        .expect_service_problem(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING");
    assert_eq!(customer.balance().await, 30_000);
    assert_eq!(Databases::of(&stack).await.orders(&customer.id, "CONFIRMED").await, 1);
}

#[tokio::test]
async fn a_double_click_on_order_buys_the_cart_once() {
    let stack = shared();
    let client = gateway(&stack);
    let seller = Member::seller(&client).await;
    let item = list_item(&client, &seller, &[(10_000, 10)]).await;
    let customer = Member::customer(&client, 50_000).await;
    customer.add_to_cart(&item.options[0], 2).await;
    let chosen = [item.options[0].as_str()];

    let (first, second) = tokio::join!(customer.order_only(&chosen), customer.order_only(&chosen));

    let (bought, refused) =
        if first.status == StatusCode::CREATED { (first, second) } else { (second, first) };
    bought.expect(StatusCode::CREATED);
    refused.expect_service_problem(StatusCode::CONFLICT, "CART_CHANGED");
    assert_eq!(customer.balance().await, 30_000);
    assert_eq!(quantity(&client, &item, &item.options[0]).await, 8);
    Databases::of(&stack).await.check_when_idle().await;
}

#[tokio::test]
async fn a_new_price_is_paid_only_by_a_customer_who_has_seen_it() {
    let client = gateway(&shared());
    let seller = Member::seller(&client).await;
    let item = list_item(&client, &seller, &[(10_000, 10)]).await;
    let customer = Member::customer(&client, 50_000).await;
    customer.add_to_cart(&item.options[0], 1).await;
    let path = format!("/api/store/items/{}/options/{}", item.id, item.options[0]);
    let price = json!({ "price": 12_000 });
    client.patch(&path).json(&price).bearer(&seller.token).send().await.expect(StatusCode::OK);

    let cart = customer.cart().await;

    assert_eq!(cart["messages"][0]["code"], "PRICE_CHANGED");
    assert_eq!(customer.cart().await, cart);
    customer.order().await.expect_service_problem(StatusCode::CONFLICT, "CART_CHANGED");
    let order = client.post("/api/order/orders").json(&json!({ "cartVersion": cart["version"] }));
    let order = order.bearer(&customer.token).key(&new_key()).send().await.expect(StatusCode::CREATED);
    assert_eq!(order.body["total"], 12_000);
    assert_eq!(customer.balance().await, 38_000);
}

#[tokio::test]
async fn every_fault_of_a_body_is_reported_at_once() {
    let client = gateway(&shared());
    let body = json!({ "email": "nobody", "password": "short", "name": "", "phone": "12", "role": "ADMIN" });

    let problem = client.post("/api/member/customers").json(&body).send().await;

    let problem = problem.expect_service_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED").body;
    let faults = problem["errors"].as_array().cloned().unwrap_or_default();
    let pointers: Vec<String> = faults.iter().map(|fault| text(fault, "pointer")).collect();
    for pointer in ["/email", "/password", "/name", "/phone", "/role"] {
        assert!(pointers.iter().any(|found| found == pointer), "{pointer} is missing: {problem}");
    }
}

#[tokio::test]
async fn a_missing_or_forged_token_is_refused() {
    let stack = shared();
    let client = gateway(&stack);
    let customer = Member::customer(&client, 0).await;
    let good = Token::of(&customer.token);
    let key = user_token_key(&stack);
    let wallet = "/api/member/me/wallet";
    // The tools of this test work: a token that is signed with the right key is accepted.
    client.get(wallet).bearer(&good.signed_by(&key)).send().await.expect(StatusCode::OK);

    client.get(wallet).send().await.expect_service_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    for (what, forged) in [
        ("not a token", "abc".to_owned()),
        ("alg none", good.clone().unsigned()),
        ("another key", good.signed_by(&other_key())),
        ("expired", good.clone().with("exp", integer(&good.claims, "iat") - 3_600).signed_by(&key)),
        ("another audience", good.clone().with("aud", "elsewhere").signed_by(&key)),
        ("another issuer", good.clone().with("iss", "https://elsewhere.example").signed_by(&key)),
        ("a changed role", format!("{}.{}", good.clone().with("role", "ADMIN").unsigned(), "AAAA")),
    ] {
        let answer = client.get(wallet).bearer(&forged).send().await;
        let expected = (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        assert_eq!((answer.status, answer.code()), expected, "{what}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_route_refuses_the_wrong_role() {
    let client = gateway(&shared());
    let seller = Member::seller(&client).await;
    let customer = Member::customer(&client, 0).await;

    let store = json!({ "name": "내 가게", "description": "" });
    let as_customer = client.post("/api/store/stores").json(&store).bearer(&customer.token).send().await;
    as_customer.expect_service_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    client
        .get("/api/order/cart")
        .bearer(&seller.token)
        .send()
        .await
        .expect_service_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
    client
        .get("/api/member/audit")
        .bearer(&seller.token)
        .send()
        .await
        .expect_service_problem(StatusCode::FORBIDDEN, "WRONG_ROLE");
}

#[tokio::test]
async fn the_order_of_another_customer_is_not_found() {
    let client = gateway(&shared());
    let seller = Member::seller(&client).await;
    let item = list_item(&client, &seller, &[(10_000, 10)]).await;
    let customer = Member::customer(&client, 50_000).await;
    let stranger = Member::customer(&client, 0).await;
    customer.add_to_cart(&item.options[0], 1).await;
    let order = customer.order().await.expect(StatusCode::CREATED).body;
    let path = format!("/api/order/orders/{}", text(&order, "id"));

    client
        .get(&path)
        .bearer(&stranger.token)
        .send()
        .await
        .expect_service_problem(StatusCode::NOT_FOUND, "NOT_FOUND");

    client.get(&path).bearer(&customer.token).send().await.expect(StatusCode::OK);
    let theirs =
        client.get("/api/order/orders").bearer(&stranger.token).send().await.expect(StatusCode::OK).body;
    assert_eq!(theirs["items"], json!([]));
}

#[tokio::test]
async fn the_gateway_has_no_internal_routes() {
    let client = gateway(&shared());
    let customer = Member::customer(&client, 0).await;
    let transfer = json!({ "id": new_key(), "kind": "REFUND", "memberId": customer.id, "amount": 1_000_000 });
    for path in [
        "/internal/transfers",
        "/api/member/internal/transfers",
        "/api/member/../../internal/transfers",
        "/api/member/%2e%2e/%2e%2e/internal/transfers",
        "//internal/transfers",
    ] {
        let answer = client.post(path).json(&transfer).bearer(&customer.token).send().await;
        assert!([400, 404].contains(&answer.status.as_u16()), "{path}: {} {}", answer.status, answer.body);
    }
    assert_eq!(customer.balance().await, 0);
}

#[tokio::test]
async fn an_email_belongs_to_one_member_and_a_refused_sign_in_does_not_reveal_it() {
    let client = gateway(&shared());
    let email = format!("{}@dalkom.example", new_key());
    let body = json!({ "email": email, "password": PASSWORD, "name": "홍길동" });
    client.post("/api/member/customers").json(&body).send().await.expect(StatusCode::CREATED);

    client
        .post("/api/member/sellers")
        .json(&body)
        .send()
        .await
        .expect_service_problem(StatusCode::CONFLICT, "EMAIL_TAKEN");

    let wrong = json!({ "email": email, "password": "another password" });
    let unknown = json!({ "email": format!("{}@dalkom.example", new_key()), "password": PASSWORD });
    let mut details = Vec::new();
    for body in [wrong, unknown] {
        let problem = client.post("/api/member/sessions").json(&body).send().await;
        let problem = problem.expect_service_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS").body;
        details.push((problem["title"].clone(), problem["detail"].clone()));
    }
    assert_eq!(details[0], details[1]);
}

#[tokio::test]
async fn fault_20_no_log_tells_an_email_a_password_a_token_or_a_key() {
    let stack = shared();
    let client = gateway(&stack);
    let email = format!("{}@dalkom.example", new_key());
    let wrong_password = new_key();
    let account = json!({ "email": email, "password": PASSWORD, "name": "홍길동" });
    client.post("/api/member/customers").json(&account).send().await.expect(StatusCode::CREATED);
    client
        .post("/api/member/customers")
        .json(&account)
        .send()
        .await
        .expect_service_problem(StatusCode::CONFLICT, "EMAIL_TAKEN");
    let body = json!({ "email": email, "password": wrong_password });
    client
        .post("/api/member/sessions")
        .json(&body)
        .send()
        .await
        .expect_service_problem(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS");
    let malformed = json!({ "email": email, "password": wrong_password, "role": email });
    client
        .post("/api/member/sessions")
        .json(&malformed)
        .send()
        .await
        .expect_service_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
    let body = json!({ "email": email, "password": PASSWORD });
    let session =
        client.post("/api/member/sessions").json(&body).send().await.expect(StatusCode::CREATED).body;
    let (access, refresh) = (text(&session, "accessToken"), text(&session, "refreshToken"));
    let body = json!({ "refreshToken": refresh });
    let renewed =
        client.post("/api/member/sessions/refresh").json(&body).send().await.expect(StatusCode::OK).body;
    let broken = format!("{access}x");
    client
        .get("/api/member/me")
        .bearer(&broken)
        .send()
        .await
        .expect_service_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
    // The last request to each process. An answer's line may wait a moment before it is written.
    let body = json!({ "email": email, "password": wrong_password });
    let refused = client.post("/api/member/sessions").json(&body).send().await;
    let refused = refused.expect(StatusCode::UNAUTHORIZED).body;
    let cursor = client.get(&format!("/api/store/items?cursor={access}")).send().await;
    let cursor = cursor.expect(StatusCode::BAD_REQUEST).body;
    assert_eq!(text(&cursor, "code"), "BAD_CURSOR");
    let nowhere = client.get("/api/nowhere").send().await.expect(StatusCode::NOT_FOUND).body;
    let last_lines = [("member-api", refused), ("store-api", cursor), ("gateway", nowhere)]
        .map(|(service, body)| (service, text(&body, "traceId")));

    let home = stack.servers().home();
    for (service, trace_id) in last_lines {
        let is_of = |name: &str| name.starts_with(service);
        until(&format!("{service} logs its last request"), LOG_PATIENCE, async || {
            files(&home.logs()).iter().any(|(name, log)| is_of(name) && log.contains(&trace_id))
        })
        .await;
    }
    let mut secrets = vec![email, PASSWORD.to_owned(), wrong_password, access, refresh];
    secrets.extend([text(&renewed, "accessToken"), text(&renewed, "refreshToken")]);
    let keys = files(&home.secrets()).into_iter().filter(|(name, _)| name != "database-init.sql");
    secrets.extend(keys.map(|(_, text)| text.trim().to_owned()));

    for (name, log) in files(&home.logs()) {
        for secret in &secrets {
            assert!(!log.contains(secret), "{name} tells {secret}");
        }
    }
}

/// The files of a folder, with their names.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).expect("a folder of the stack").map(|entry| entry.expect("a file"));
    let paths = entries.map(|entry| entry.path()).filter(|path| path.is_file());
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths.map(|path| (name(&path), fs::read_to_string(&path).expect("a text"))).collect()
}
