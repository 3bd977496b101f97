//! What a reason may be (docs/text-rules.md).

use http::StatusCode;
use serde_json::json;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use uuid::Uuid;

use crate::support::World;

#[sqlx::test(migrations = "./migrations")]
async fn every_reason_can_be_read(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let world = World::new(options).await;
    let (customer, seller) = (world.customer(0).await, world.seller().await);
    let line = Uuid::from_u128(1);
    let routes = [
        (&customer, format!("/api/order/lines/{line}/refund-request")),
        (&seller, format!("/api/order/sales/{line}/refund/reject")),
    ];
    let bad = [
        "",
        " \n",
        "\u{200B}",
        "\u{3164}",
        "\u{115F}\u{1160}",
        "\u{2800}",
        "\u{301}",
        "\u{200E}",
        "\u{FEFF}",
        "무\0너짐",
        "무\u{202E}너짐",
        "무\u{2066}너짐",
        "무\u{2028}너짐",
        "무\u{E0041}너짐",
        "무\u{E000}너짐",
        "무\u{FFFF}너짐",
    ];
    for (member, path) in routes {
        let send = async |reason: &str| {
            let request = world.orders.post(&path).bearer(&member.token);
            request.json(&json!({ "reason": reason })).send().await
        };
        for reason in bad {
            let answer = send(reason).await.expect_problem(StatusCode::BAD_REQUEST, "VALIDATION_FAILED");
            assert_eq!(answer.fault_pointers(), ["/reason"], "{reason:?}");
        }
        // There is no such line: what is read is fine.
        for reason in [
            "무너졌어요 😢",
            "첫째 줄\r\n둘째 줄",
            "می\u{200C}خواهم",
            "👩🏽\u{200D}🍳",
            &"\u{1103}\u{1161}\u{11AF}".repeat(500),
        ] {
            let _ = send(reason).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
        }
    }
}
