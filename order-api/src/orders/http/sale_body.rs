//! Sales in answers.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::order_body::LineBody;
use crate::orders::db::sales::Sale;

/// An order line as its seller sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Sale)]
pub(crate) struct SaleBody {
    order_id: Uuid,
    /// The name of the customer.
    customer_name: String,
    /// When the order was placed.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(flatten)]
    line: LineBody,
}

impl From<Sale> for SaleBody {
    fn from(sale: Sale) -> Self {
        Self {
            order_id: sale.order_id,
            customer_name: sale.customer_name,
            created_at: sale.created_at,
            line: sale.line.into(),
        }
    }
}
