//! Carts in a real Redis: every change is atomic, and idempotent where it must be. Values of older builds are no error.

use access::MemberId;
use clock::Clock;
use money::Won;
use order_api::cart::comparison::compare;
use order_api::cart::line::{CartLine, OptionNow, OptionState, Seen};
use order_api::cart::{Cart, Carts, NewLine, OrderedPieces, PutError};
use order_api::quantity::Quantity;
use order_api::settings::RedisSettings;
use redis::AsyncCommands;
use testkit::FaultProxy;
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::redis_url;

struct Fixture {
    carts: Carts,
    customer: MemberId,
    clock: Clock,
}

impl Fixture {
    fn new() -> Self {
        let clock = Clock::system();
        let settings = RedisSettings::at(redis_url(), 2_000);
        let carts = Carts::connect(&settings).expect("an address");
        Self { carts, customer: MemberId(Uuid::new_v4()), clock }
    }

    fn line(&self, option_id: Uuid, pieces: u32) -> NewLine {
        let seen = Seen {
            item_id: Uuid::from_u128(1),
            item_name: "쿠키: \"큰\" 것".into(),
            option_name: "1호".into(),
            price: Won::new(3_000),
        };
        NewLine {
            option_id,
            quantity: quantity(pieces),
            line_version: self.clock.new_id(),
            seen,
            added_at: self.clock.now(),
        }
    }

    async fn lines(&self) -> Vec<CartLine> {
        self.carts.read(self.customer).await.expect("Redis is there").lines().cloned().collect()
    }

    async fn pieces(&self) -> Vec<u32> {
        self.lines().await.iter().map(|line| line.quantity.get()).collect()
    }

    async fn raw(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(redis_url()).expect("an address");
        client.get_multiplexed_async_connection().await.expect("Redis is there")
    }

    fn key(&self) -> String {
        format!("cart:{{{}}}", self.customer)
    }
}

fn quantity(pieces: u32) -> Quantity {
    Quantity::new(pieces).expect("1 to 999")
}

#[tokio::test]
async fn adding_the_same_option_sums_and_lines_stay_in_the_order_they_came() {
    let fixture = Fixture::new();
    let [first, second] = [Uuid::from_u128(9), Uuid::from_u128(3)];
    fixture.carts.add(fixture.customer, &fixture.line(first, 2), None).await.unwrap();
    fixture.carts.add(fixture.customer, &fixture.line(second, 1), None).await.unwrap();
    let cart = fixture.carts.add(fixture.customer, &fixture.line(first, 3), None).await.unwrap();
    let answered: Vec<_> = cart.lines().map(|line| (line.option_id, line.quantity.get())).collect();
    assert_eq!(answered, [(first, 5), (second, 1)]);
    assert_eq!(fixture.lines().await, cart.lines().cloned().collect::<Vec<_>>());
}

#[tokio::test]
async fn fault_09_concurrent_additions_lose_nothing() {
    let fixture = Fixture::new();
    let option = Uuid::from_u128(9);
    let additions = (0..50).map(|_| async {
        let other = Fixture { customer: fixture.customer, ..Fixture::new() };
        other.carts.add(other.customer, &other.line(option, 2), None).await.unwrap();
    });
    futures::future::join_all(additions).await;
    assert_eq!(fixture.pieces().await, [100]);
}

#[tokio::test]
async fn a_line_has_at_most_999_pieces_and_a_cart_100_lines() {
    let fixture = Fixture::new();
    let option = Uuid::from_u128(9);
    fixture.carts.add(fixture.customer, &fixture.line(option, 999), None).await.unwrap();
    let refused = fixture.carts.add(fixture.customer, &fixture.line(option, 1), None).await;
    assert!(matches!(refused, Err(PutError::TooManyPieces)));
    for number in 0..99 {
        fixture.carts.set(fixture.customer, &fixture.line(Uuid::from_u128(100 + number), 1)).await.unwrap();
    }
    for refused in [
        fixture.carts.add(fixture.customer, &fixture.line(Uuid::from_u128(7), 1), None).await,
        fixture.carts.set(fixture.customer, &fixture.line(Uuid::from_u128(7), 1)).await,
    ] {
        assert!(matches!(refused, Err(PutError::TooManyLines)));
    }
    // An existing line can still be changed.
    fixture.carts.set(fixture.customer, &fixture.line(option, 1)).await.unwrap();
    let pieces = fixture.pieces().await;
    assert_eq!((pieces.len(), pieces.iter().sum::<u32>()), (100, 100));
}

#[tokio::test]
async fn fault_26_changing_a_cart_that_is_not_there_works() {
    let fixture = Fixture::new();
    let option = Uuid::from_u128(9);
    assert!(fixture.carts.remove(fixture.customer, option).await.unwrap().is_empty());
    fixture.carts.clear(fixture.customer).await.unwrap();
    fixture.carts.set(fixture.customer, &fixture.line(option, 4)).await.unwrap();
    assert_eq!(fixture.pieces().await, [4]);
    assert!(fixture.carts.remove(fixture.customer, option).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_cart_is_kept_for_30_days_after_the_last_touch() {
    let fixture = Fixture::new();
    let mut redis = fixture.raw().await;
    let days = async |redis: &mut redis::aio::MultiplexedConnection| -> i64 {
        let seconds: i64 = redis.ttl(fixture.key()).await.unwrap();
        (seconds + 60) / 86_400
    };
    fixture.carts.add(fixture.customer, &fixture.line(Uuid::from_u128(9), 1), None).await.unwrap();
    assert_eq!(days(&mut redis).await, 30);
    let _: bool = redis.expire(fixture.key(), 1_000).await.unwrap();
    fixture.carts.read(fixture.customer).await.unwrap();
    assert_eq!(days(&mut redis).await, 30);
    let _: bool = redis.expire(fixture.key(), 1_000).await.unwrap();
    fixture.carts.remove(fixture.customer, Uuid::from_u128(1)).await.unwrap();
    assert_eq!(days(&mut redis).await, 30);
}

#[tokio::test]
async fn ordered_pieces_are_removed_once_and_pieces_that_were_added_meanwhile_stay() {
    let fixture = Fixture::new();
    let customer = fixture.customer;
    let [bought, added_to, set_anew, put_back] = [1, 2, 3, 4].map(|number| Uuid::from_u128(number + 50));
    for option in [bought, added_to, set_anew, put_back] {
        fixture.carts.add(customer, &fixture.line(option, 2), None).await.unwrap();
    }
    let ordered: Vec<_> = fixture
        .lines()
        .await
        .iter()
        .map(|line| OrderedPieces {
            option_id: line.option_id,
            line_version: line.line_version,
            quantity: line.quantity,
            rest_version: fixture.clock.new_id(),
        })
        .collect();
    fixture.carts.add(customer, &fixture.line(added_to, 3), None).await.unwrap();
    fixture.carts.set(customer, &fixture.line(set_anew, 7)).await.unwrap();
    fixture.carts.remove(customer, put_back).await.unwrap();
    fixture.carts.add(customer, &fixture.line(put_back, 2), None).await.unwrap();

    for _ in 0..3 {
        fixture.carts.remove_ordered(customer, ordered.clone()).await.unwrap();
        let mut left: Vec<_> =
            fixture.lines().await.iter().map(|line| (line.option_id, line.quantity.get())).collect();
        left.sort_unstable();
        assert_eq!(left, [(added_to, 3), (set_anew, 7), (put_back, 2)]);
    }
    let rest = fixture.lines().await.into_iter().find(|line| line.option_id == added_to).expect("3 pieces");
    let ordered = ordered.iter().find(|pieces| pieces.option_id == added_to).expect("2 pieces");
    assert_eq!(rest.line_version, ordered.rest_version);
}

#[tokio::test]
async fn the_changes_of_a_line_that_was_changed_meanwhile_are_not_acknowledged() {
    let fixture = Fixture::new();
    let option_id = Uuid::from_u128(9);
    let cart = fixture.carts.add(fixture.customer, &fixture.line(option_id, 5), None).await.unwrap();
    let now = OptionNow {
        item_id: Uuid::from_u128(1),
        item_name: "쿠키".into(),
        option_name: "1호".into(),
        store_id: Uuid::from_u128(2),
        store_name: "달콤".into(),
        seller_id: MemberId(Uuid::from_u128(3)),
        price: Won::new(2_500),
        available: 3,
    };
    let compare_all = |cart: &Cart| -> Vec<_> {
        cart.lines().map(|line| compare(line.clone(), OptionState::OnSale(now.clone()))).collect()
    };

    let stale = compare_all(&cart);
    fixture.carts.add(fixture.customer, &fixture.line(option_id, 1), None).await.unwrap();
    let answered = fixture.carts.acknowledge(fixture.customer, &cart, &stale, None).await.unwrap();
    assert_eq!((fixture.pieces().await, fixture.lines().await[0].seen.price), (vec![6], Won::new(3_000)));
    assert_eq!(fixture.lines().await, answered.lines().cloned().collect::<Vec<_>>());

    let cart = fixture.carts.read(fixture.customer).await.unwrap();
    fixture.carts.acknowledge(fixture.customer, &cart, &compare_all(&cart), None).await.unwrap();
    assert_eq!((fixture.pieces().await, fixture.lines().await[0].seen.price), (vec![6], Won::new(2_500)));
}

#[tokio::test]
async fn an_operation_adds_once_however_often_and_wherever_it_is_tried() {
    let fixture = Fixture::new();
    let (customer, option) = (fixture.customer, Uuid::from_u128(9));
    let operations = [Uuid::new_v4(), Uuid::new_v4()];
    let tries = operations.iter().cycle().take(10).map(|operation| async {
        let other = Fixture { customer, ..Fixture::new() };
        other.carts.add(customer, &other.line(option, 2), Some(*operation)).await.unwrap();
    });
    futures::future::join_all(tries).await;
    assert_eq!(fixture.pieces().await, [4]);
    // Also after the pieces have left the cart, as long as its key is kept.
    fixture.carts.clear(customer).await.unwrap();
    let cart = fixture.carts.add(customer, &fixture.line(option, 2), Some(operations[0])).await.unwrap();
    assert!(cart.is_empty() && fixture.carts.was_done(customer, operations[1]).await.unwrap());
    let mut redis = fixture.raw().await;
    let note = format!("cart-operation:{{{customer}}}:{}", operations[0].simple());
    let seconds: i64 = redis.ttl(note).await.unwrap();
    assert!((86_400..=90_000).contains(&seconds), "{seconds}");
    // A refused addition is not noted: it may succeed later.
    let refused = Uuid::new_v4();
    fixture.carts.set(customer, &fixture.line(option, 999)).await.unwrap();
    let too_many = fixture.carts.add(customer, &fixture.line(option, 1), Some(refused)).await;
    assert!(matches!(too_many, Err(PutError::TooManyPieces)));
    assert!(!fixture.carts.was_done(customer, refused).await.unwrap());
}

#[tokio::test]
async fn lines_of_another_build_are_skipped_and_stay() {
    let fixture = Fixture::new();
    let (mut redis, option) = (fixture.raw().await, Uuid::from_u128(9));

    fixture.carts.add(fixture.customer, &fixture.line(option, 2), None).await.unwrap();
    let _: () = redis.hset(fixture.key(), "not an option", "{\"quantity\":1}").await.unwrap();
    let _: () = redis.hset(fixture.key(), Uuid::from_u128(5).to_string(), "2:new").await.unwrap();
    assert_eq!(fixture.pieces().await, [2]);
    assert_eq!(redis.hlen::<_, u32>(fixture.key()).await.unwrap(), 3);
    // They do not count.
    for number in 0..99 {
        fixture.carts.set(fixture.customer, &fixture.line(Uuid::from_u128(100 + number), 1)).await.unwrap();
    }
    let refused = fixture.carts.set(fixture.customer, &fixture.line(Uuid::from_u128(7), 1)).await;
    assert!(matches!(refused, Err(PutError::TooManyLines)));
    // One that cannot be parsed is overwritten.
    fixture.carts.clear(fixture.customer).await.unwrap();
    let _: () = redis.hset(fixture.key(), option.to_string(), "0:old").await.unwrap();
    fixture.carts.add(fixture.customer, &fixture.line(option, 3), None).await.unwrap();
    assert_eq!(fixture.pieces().await, [3]);
}

#[tokio::test]
async fn a_key_with_a_value_of_another_type_is_an_empty_cart_and_a_change_replaces_it() {
    let fixture = Fixture::new();
    let (mut redis, option) = (fixture.raw().await, Uuid::from_u128(9));
    let old = "[{\"optionId\":1}]";
    let _: () = redis.set(fixture.key(), old).await.unwrap();
    assert_eq!(fixture.pieces().await, [] as [u32; 0]);
    assert_eq!(redis.get::<_, String>(fixture.key()).await.unwrap(), old);
    fixture.carts.add(fixture.customer, &fixture.line(option, 1), None).await.unwrap();
    assert_eq!(fixture.pieces().await, [1]);
    let _: () = redis.set(fixture.key(), old).await.unwrap();
    assert!(fixture.carts.remove(fixture.customer, option).await.unwrap().is_empty());
}

/// A Redis that stands still: the kernel accepts connections for it, and what was open stays open.
#[tokio::test]
async fn nobody_waits_longer_than_the_setting_for_a_redis_that_stands_still() {
    let proxy = FaultProxy::to(redis_url().trim_start_matches("redis://").split('/').next().expect("a host"));
    let url = format!("redis://{}", proxy.address());
    let connect = |timeout_ms| {
        let settings = RedisSettings::at(url.clone(), timeout_ms);
        (Carts::connect(&settings).expect("an address"), settings.timeout())
    };
    let customer = MemberId(Uuid::new_v4());
    // Longer than any delay of a busy machine.
    let (connected, limit) = connect(20_000);
    connected.read(customer).await.expect("Redis is there");

    proxy.stall();
    // From here on the clock moves by what is waited for, and by nothing else.
    tokio::time::pause();
    let asks = async |carts: &Carts, limit| {
        let began = Instant::now();
        assert!(carts.read(customer).await.is_err());
        assert!(began.elapsed() <= limit, "{:?} of {limit:?}", began.elapsed());
    };
    asks(&connected, limit).await;
    asks(&connected, limit).await;
    let (unconnected, limit) = connect(20_000);
    asks(&unconnected, limit).await;
}
