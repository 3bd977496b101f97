//! What is read of a member before the account is closed, and what is removed afterwards. The tables are those of the
//! other features.

use access::MemberId;
use database::Connection;
use uuid::Uuid;

/// The live stores of a seller. The read locks, and so waits for a store that is being opened.
pub(super) async fn count_live_stores(connection: &mut Connection, member: MemberId) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM stores FORCE INDEX (stores_by_seller) WHERE seller_id = ? AND live = 1 FOR UPDATE",
    )
    .bind(member.0)
    .fetch_one(connection)
    .await
}

/// The items that have a member's heart. The read locks, and so waits for a heart that is being given.
pub(super) async fn items_with_heart(
    connection: &mut Connection,
    member: MemberId,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "SELECT item_id FROM hearts FORCE INDEX (hearts_by_member) WHERE member_id = ? FOR UPDATE",
    )
    .bind(member.0)
    .fetch_all(connection)
    .await
}

/// The stores that a member follows. The read locks, and so waits for a follow that is being written.
pub(super) async fn followed_stores(
    connection: &mut Connection,
    member: MemberId,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "SELECT store_id FROM follows FORCE INDEX (follows_by_member) WHERE member_id = ? FOR UPDATE",
    )
    .bind(member.0)
    .fetch_all(connection)
    .await
}

/// Removes the texts and pictures of the items in a seller's deleted stores. Their names stay for the carts that hold them.
pub(super) async fn clear_items(connection: &mut Connection, member: MemberId) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE stores s STRAIGHT_JOIN items i ON i.store_id = s.id \
         SET i.description = '', i.thumbnail_url = NULL, i.description_url = NULL \
         WHERE s.seller_id = ? AND s.live IS NULL AND i.live IS NULL",
    )
    .bind(member.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Replaces the names of a seller's deleted stores, and removes their texts and pictures.
pub(super) async fn clear_stores(
    connection: &mut Connection,
    member: MemberId,
    name: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE stores SET name = ?, name_key = '', description = '', thumbnail_url = NULL \
         WHERE seller_id = ? AND live IS NULL",
    )
    .bind(name)
    .bind(member.0)
    .execute(connection)
    .await?;
    Ok(())
}
