//! The key of a service is replaced while two instances of it serve, and no call is refused.
#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http::StatusCode;
use stack::{Interrupt, ServiceKeyRotation, StackError};
use system_tests::test_stack::{blocking, gateway, start_many};
use testkit::member::Member;
use testkit::shop::list_item;

#[tokio::test]
async fn a_service_gets_another_key_under_load_and_no_call_of_it_is_refused() {
    let stack = Arc::new(start_many(&[("order-api", 2)], Vec::new()));
    let client = gateway(&stack);
    let seller = Member::seller(&client).await;
    let item = list_item(&client, &seller, &[(10_000, 100)]).await;
    let customer = Member::customer(&client, 1_000_000).await;
    customer.add_to_cart(&item.options[0], 1).await;
    let rotation = || {
        let url = stack.url("config-server").unwrap();
        ServiceKeyRotation::new(stack.servers().home().clone(), &url, "order-api")
    };
    let (over, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (client, customer) = (client.clone(), customer.clone());
            let (over, answers) = (Arc::clone(&over), Arc::clone(&answers));
            tokio::spawn(async move {
                // A cart asks store-api for what it has.
                while !over.load(Ordering::SeqCst) {
                    let cart = client.get("/api/order/cart").bearer(&customer.token).send().await;
                    let cart = cart.expect(StatusCode::OK).body;
                    assert_eq!(cart["lines"][0]["available"], 100, "{cart}");
                    answers.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let before = public_key(&stack);

    // Two at once: one of them is told to wait.
    let (first, second) = (rotation().unwrap(), rotation().unwrap());
    let first = blocking(&stack, move |_| {
        let (said, twice) = (std::cell::RefCell::new(Vec::new()), std::cell::OnceCell::new());
        let say = |step: &str| {
            twice.get_or_init(|| second.run(&|_| (), &Interrupt::default()));
            said.borrow_mut().push(step.to_owned());
        };
        first.run(&say, &Interrupt::default()).unwrap();
        assert!(matches!(twice.into_inner(), Some(Err(StackError::RotationUnderWay))));
        said.into_inner()
    });
    let said = first.await;
    assert_eq!(said, rotation().unwrap().steps());
    assert_ne!(public_key(&stack), before);
    // The old key is accepted no more, and calls go on.
    let seen = answers.load(Ordering::SeqCst);
    while answers.load(Ordering::SeqCst) < seen + 200 && load.iter().all(|task| !task.is_finished()) {
        tokio::task::yield_now().await;
    }
    over.store(true, Ordering::SeqCst);
    for task in load {
        task.await.unwrap();
    }
    // One that can't be.
    let url = stack.url("config-server").unwrap();
    let home = stack.servers().home().clone();
    assert!(matches!(ServiceKeyRotation::new(home, &url, "store-api"), Err(StackError::NoServiceKey(_))));
}

/// The key of order-api that everybody accepts.
fn public_key(stack: &stack::Stack) -> String {
    let file = stack.servers().home().config().join("application.yml");
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().find(|line| line.trim_start().starts_with("order-api:")).unwrap().to_owned()
}
