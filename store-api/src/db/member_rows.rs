use database::Connection;
use time::OffsetDateTime;
use uuid::Uuid;

/// The statements over a table with one row for each member and store or item. The caller has locked the store or item.
pub(crate) struct MemberRows {
    /// Finds the row of a store or item and a member.
    pub(crate) find: &'static str,
    /// Inserts store or item, member and time.
    pub(crate) insert: &'static str,
    /// Deletes the row of a store or item and a member.
    pub(crate) delete: &'static str,
}

impl MemberRows {
    /// Writes the row of a member. False if there is one already.
    pub(crate) async fn insert(
        &self,
        connection: &mut Connection,
        id: Uuid,
        member_id: Uuid,
        now: OffsetDateTime,
    ) -> sqlx::Result<bool> {
        let existing: Option<i64> =
            sqlx::query_scalar(self.find).bind(id).bind(member_id).fetch_optional(&mut *connection).await?;
        if existing.is_some() {
            return Ok(false);
        }
        sqlx::query(self.insert).bind(id).bind(member_id).bind(now).execute(connection).await?;
        Ok(true)
    }

    /// Deletes the row of a member. False if there was none.
    pub(crate) async fn delete(
        &self,
        connection: &mut Connection,
        id: Uuid,
        member_id: Uuid,
    ) -> sqlx::Result<bool> {
        let done = sqlx::query(self.delete).bind(id).bind(member_id).execute(connection).await?;
        Ok(done.rows_affected() == 1)
    }
}
