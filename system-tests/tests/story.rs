//! The demo's path through the gateway, and its refusals.

use std::fs;
use std::path::Path;

use serde_json::json;
use system_tests::arena::shared;
use system_tests::books::Books;
use system_tests::client::{Client, number, text};
use system_tests::forgery::{Token, other_key, user_token_key};
use system_tests::people::{PASSWORD, Person, new_key};
use system_tests::shop::{list_item, quantity};

#[tokio::test]
async fn a_customer_orders_a_part_of_the_cart_and_keeps_the_rest() {
    let stack = shared();
    let client = Client::of(&stack);
    let seller = Person::seller(&client).await;
    let item = list_item(&client, &seller, &[(38_000, 5), (15_000, 20)]).await;
    let [cake, macaron] = &item.options[..] else { panic!("two options") };
    let customer = Person::customer(&client, 100_000).await;
    customer.add_to_cart(cake, 1).await;
    customer.add_to_cart(macaron, 2).await;

    let order = customer.order_only(&[cake]).await.expect(201);

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
    assert_eq!(client.get(&path).bearer(&customer.token).send().await.expect(200)["status"], "CONFIRMED");
    Books::of(&stack).await.check_when_quiet().await;
}

#[tokio::test]
async fn an_order_without_money_takes_nothing_and_succeeds_once_there_is_some() {
    let stack = shared();
    let client = Client::of(&stack);
    let seller = Person::seller(&client).await;
    let item = list_item(&client, &seller, &[(52_000, 3)]).await;
    let customer = Person::customer(&client, 20_000).await;
    customer.add_to_cart(&item.options[0], 1).await;

    customer.order().await.expect_problem(409, "INSUFFICIENT_BALANCE");

    assert_eq!(customer.balance().await, 20_000);
    assert_eq!(quantity(&client, &item, &item.options[0]).await, 3);
    customer.charge(40_000).await;
    assert_eq!(customer.order().await.expect(201)["status"], "CONFIRMED");
    assert_eq!(customer.balance().await, 8_000);
    assert_eq!(quantity(&client, &item, &item.options[0]).await, 2);
    let books = Books::of(&stack).await;
    books.check_when_quiet().await;
    assert_eq!(books.orders(&customer.id, "FAILED").await, 1);
    assert_eq!(books.total(&customer.id, "CONFIRMED").await, 52_000);
}

#[tokio::test]
async fn the_last_piece_is_sold_once() {
    let stack = shared();
    let client = Client::of(&stack);
    let seller = Person::seller(&client).await;
    let item = list_item(&client, &seller, &[(10_000, 1)]).await;
    let one = Person::customer(&client, 50_000).await;
    let other = Person::customer(&client, 50_000).await;
    one.add_to_cart(&item.options[0], 1).await;
    other.add_to_cart(&item.options[0], 1).await;

    let (first, second) = tokio::join!(one.order(), other.order());

    let (winner, loser) = if first.status == 201 { (first, second) } else { (second, first) };
    winner.expect(201);
    // Whoever is late by more than a moment sees in the cart that there is none left.
    assert_eq!(loser.status, 409, "{}", loser.body);
    assert!(["OUT_OF_STOCK", "CART_CHANGED"].contains(&loser.code()), "{}", loser.body);
    assert_eq!(one.balance().await + other.balance().await, 90_000);
    assert_eq!(quantity(&client, &item, &item.options[0]).await, 0);
    Books::of(&stack).await.check_when_quiet().await;
}

#[tokio::test]
async fn a_repeated_key_orders_once_and_a_key_with_another_body_is_refused() {
    let stack = shared();
    let client = Client::of(&stack);
    let seller = Person::seller(&client).await;
    let item = list_item(&client, &seller, &[(10_000, 10)]).await;
    let customer = Person::customer(&client, 50_000).await;
    customer.add_to_cart(&item.options[0], 2).await;
    let key = new_key();

    let first = customer.order_by(&key).await;
    let again = customer.order_by(&key).await;

    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(first.expect(201), again.expect(201));
    let call = client.post("/api/order/orders", &json!({ "optionIds": [item.options[0]] }));
    call.bearer(&customer.token).key(&key).send().await.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    let call = client.post("/api/order/orders", &json!({}));
    call.bearer(&customer.token).send().await.expect_problem(400, "IDEMPOTENCY_KEY_MISSING");
    assert_eq!(customer.balance().await, 30_000);
    assert_eq!(Books::of(&stack).await.orders(&customer.id, "CONFIRMED").await, 1);
}

#[tokio::test]
async fn every_fault_of_a_body_is_told_at_once() {
    let client = Client::of(&shared());
    let body = json!({ "email": "nobody", "password": "short", "name": "", "phone": "12", "role": "ADMIN" });

    let problem = client.post("/api/member/customers", &body).send().await;

    let problem = problem.expect_problem(400, "VALIDATION_FAILED");
    let faults = problem["errors"].as_array().cloned().unwrap_or_default();
    let pointers: Vec<String> = faults.iter().map(|fault| text(fault, "pointer")).collect();
    for pointer in ["/email", "/password", "/name", "/phone", "/role"] {
        assert!(pointers.iter().any(|found| found == pointer), "{pointer} is missing: {problem}");
    }
}

#[tokio::test]
async fn a_token_that_is_missing_or_forged_opens_nothing() {
    let stack = shared();
    let client = Client::of(&stack);
    let customer = Person::customer(&client, 0).await;
    let good = Token::of(&customer.token);
    let key = user_token_key(&stack);
    let wallet = "/api/member/me/wallet";
    // The forger's tools are in order: what is signed by the right key is believed.
    client.get(wallet).bearer(&good.signed_by(&key)).send().await.expect(200);

    client.get(wallet).send().await.expect_problem(401, "UNAUTHENTICATED");
    for (what, forged) in [
        ("not a token", "abc".to_owned()),
        ("alg none", good.clone().unsigned()),
        ("another key", good.signed_by(&other_key())),
        ("expired", good.clone().with("exp", number(&good.claims, "iat") - 3_600).signed_by(&key)),
        ("another audience", good.clone().with("aud", "elsewhere").signed_by(&key)),
        ("another issuer", good.clone().with("iss", "https://elsewhere.example").signed_by(&key)),
        ("a changed role", format!("{}.{}", good.clone().with("role", "ADMIN").unsigned(), "AAAA")),
    ] {
        let answer = client.get(wallet).bearer(&forged).send().await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"), "{what}: {}", answer.body);
    }
}

#[tokio::test]
async fn each_role_has_its_own_doors() {
    let client = Client::of(&shared());
    let seller = Person::seller(&client).await;
    let customer = Person::customer(&client, 0).await;

    let store = json!({ "name": "내 가게", "description": "" });
    let as_customer = client.post("/api/store/stores", &store).bearer(&customer.token).send().await;
    as_customer.expect_problem(403, "WRONG_ROLE");
    client.get("/api/order/cart").bearer(&seller.token).send().await.expect_problem(403, "WRONG_ROLE");
    client.get("/api/member/audit").bearer(&seller.token).send().await.expect_problem(403, "WRONG_ROLE");
}

#[tokio::test]
async fn somebody_elses_order_is_not_found() {
    let client = Client::of(&shared());
    let seller = Person::seller(&client).await;
    let item = list_item(&client, &seller, &[(10_000, 10)]).await;
    let customer = Person::customer(&client, 50_000).await;
    let stranger = Person::customer(&client, 0).await;
    customer.add_to_cart(&item.options[0], 1).await;
    let order = customer.order().await.expect(201);
    let path = format!("/api/order/orders/{}", text(&order, "id"));

    client.get(&path).bearer(&stranger.token).send().await.expect_problem(404, "NOT_FOUND");

    client.get(&path).bearer(&customer.token).send().await.expect(200);
    let theirs = client.get("/api/order/orders").bearer(&stranger.token).send().await.expect(200);
    assert_eq!(theirs["items"], json!([]));
}

#[tokio::test]
async fn internal_routes_do_not_exist_outside() {
    let client = Client::of(&shared());
    let customer = Person::customer(&client, 0).await;
    let transfer = json!({ "id": new_key(), "kind": "REFUND", "memberId": customer.id, "amount": 1_000_000 });
    for path in [
        "/internal/transfers",
        "/api/member/internal/transfers",
        "/api/member/../../internal/transfers",
        "/api/member/%2e%2e/%2e%2e/internal/transfers",
        "//internal/transfers",
    ] {
        let answer = client.post(path, &transfer).bearer(&customer.token).send().await;
        assert!([400, 404].contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
    }
    assert_eq!(customer.balance().await, 0);
}

#[tokio::test]
async fn an_email_belongs_to_one_member_and_a_sign_in_tells_nothing() {
    let client = Client::of(&shared());
    let email = format!("{}@dalkom.example", new_key());
    let body = json!({ "email": email, "password": PASSWORD, "name": "홍길동" });
    client.post("/api/member/customers", &body).send().await.expect(201);

    client.post("/api/member/sellers", &body).send().await.expect_problem(409, "EMAIL_TAKEN");

    let wrong = json!({ "email": email, "password": "another password" });
    let unknown = json!({ "email": format!("{}@dalkom.example", new_key()), "password": PASSWORD });
    let mut details = Vec::new();
    for body in [wrong, unknown] {
        let problem = client.post("/api/member/sessions", &body).send().await;
        let problem = problem.expect_problem(401, "BAD_CREDENTIALS");
        details.push((problem["title"].clone(), problem["detail"].clone()));
    }
    assert_eq!(details[0], details[1]);
}

#[tokio::test]
async fn fault_20_no_log_tells_an_email_a_password_a_token_or_a_key() {
    let stack = shared();
    let client = Client::of(&stack);
    let email = format!("{}@dalkom.example", new_key());
    let wrong_password = new_key();
    let account = json!({ "email": email, "password": PASSWORD, "name": "홍길동" });
    client.post("/api/member/customers", &account).send().await.expect(201);
    client.post("/api/member/customers", &account).send().await.expect_problem(409, "EMAIL_TAKEN");
    let body = json!({ "email": email, "password": wrong_password });
    client.post("/api/member/sessions", &body).send().await.expect_problem(401, "BAD_CREDENTIALS");
    let malformed = json!({ "email": email, "password": wrong_password, "role": email });
    client.post("/api/member/sessions", &malformed).send().await.expect_problem(400, "VALIDATION_FAILED");
    let body = json!({ "email": email, "password": PASSWORD });
    let session = client.post("/api/member/sessions", &body).send().await.expect(201);
    let (access, refresh) = (text(&session, "accessToken"), text(&session, "refreshToken"));
    let body = json!({ "refreshToken": refresh });
    let renewed = client.post("/api/member/sessions/refresh", &body).send().await.expect(200);
    let broken = format!("{access}x");
    client.get("/api/member/me").bearer(&broken).send().await.expect_problem(401, "UNAUTHENTICATED");
    client.get(&format!("/api/store/items?cursor={access}")).send().await.expect_problem(400, "BAD_CURSOR");
    let trace_id = text(&client.get("/api/nowhere").send().await.expect(404), "traceId");

    let home = stack.servers().home();
    let mut secrets = vec![email, PASSWORD.to_owned(), wrong_password, access, refresh];
    secrets.extend([text(&renewed, "accessToken"), text(&renewed, "refreshToken")]);
    let keys = files(&home.secrets()).into_iter().filter(|(name, _)| name != "database-init.sql");
    secrets.extend(keys.map(|(_, text)| text.trim().to_owned()));

    let logs = files(&home.logs());
    assert!(logs.iter().any(|(_, log)| log.contains(&trace_id)), "requests are logged");
    for (name, log) in logs {
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
