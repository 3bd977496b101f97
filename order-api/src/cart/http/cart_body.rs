//! Carts in answers.

use money::Won;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cart::comparison::{Change, Message};
use crate::cart::view::{CartView, LineView};
use crate::quantity::Quantity;

/// A cart. Its lines are compared with the options as the stores sell them now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Cart)]
pub(crate) struct CartBody {
    /// The lines, in the order in which they were added.
    lines: Vec<CartLineBody>,
    /// What has changed since you last read your cart. Each message is shown once.
    messages: Vec<MessageBody>,
    /// The sum of the lines, in won.
    total: Won,
}

/// An option and a quantity.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CartLine)]
struct CartLineBody {
    option_id: Uuid,
    item_id: Uuid,
    store_id: Uuid,
    store_name: String,
    item_name: String,
    option_name: String,
    /// The price of one piece, in won.
    price: Won,
    quantity: Quantity,
    /// Price times quantity, in won.
    line_total: Won,
    /// How many pieces can be bought now; 0 if the option is sold out.
    available: u32,
}

/// One change of an option in the cart. The names are those that you last saw.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CartMessage)]
pub(crate) struct MessageBody {
    code: MessageCode,
    option_id: Uuid,
    item_id: Uuid,
    item_name: String,
    option_name: String,
    /// `PRICE_CHANGED`: the old price of one piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_price: Option<Won>,
    /// `PRICE_CHANGED`: the new price of one piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_price: Option<Won>,
    /// `OPTION_RENAMED` and `ITEM_RENAMED`: the old name.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_name: Option<String>,
    /// `OPTION_RENAMED` and `ITEM_RENAMED`: the new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_name: Option<String>,
    /// `QUANTITY_REDUCED`: how many pieces were in the cart.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_quantity: Option<Quantity>,
    /// `QUANTITY_REDUCED`: how many pieces can be bought, and are in the cart now.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_quantity: Option<Quantity>,
}

/// What has changed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = CartMessageCode)]
enum MessageCode {
    /// The item or its store was deleted. The line is removed.
    ItemDeleted,
    /// The option was deleted. The line is removed.
    OptionDeleted,
    /// The price has changed.
    PriceChanged,
    /// The option was renamed.
    OptionRenamed,
    /// The item was renamed.
    ItemRenamed,
    /// The option is sold out.
    SoldOut,
    /// Fewer pieces are left than were in the cart.
    QuantityReduced,
}

impl From<CartView> for CartBody {
    fn from(view: CartView) -> Self {
        Self {
            lines: view.lines.into_iter().map(CartLineBody::from).collect(),
            messages: view.messages.into_iter().map(MessageBody::from).collect(),
            total: view.total,
        }
    }
}

impl From<LineView> for CartLineBody {
    fn from(LineView { line, option, total }: LineView) -> Self {
        Self {
            option_id: line.option_id,
            item_id: option.item_id,
            store_id: option.store_id,
            store_name: option.store_name,
            item_name: option.item_name,
            option_name: option.option_name,
            price: option.price,
            quantity: line.quantity,
            line_total: total,
            available: option.available,
        }
    }
}

impl From<Message> for MessageBody {
    fn from(message: Message) -> Self {
        let mut body = Self {
            code: MessageCode::SoldOut,
            option_id: message.option_id,
            item_id: message.item_id,
            item_name: message.item_name,
            option_name: message.option_name,
            old_price: None,
            new_price: None,
            old_name: None,
            new_name: None,
            old_quantity: None,
            new_quantity: None,
        };
        body.code = match message.change {
            Change::ItemDeleted => MessageCode::ItemDeleted,
            Change::OptionDeleted => MessageCode::OptionDeleted,
            Change::SoldOut => MessageCode::SoldOut,
            Change::PriceChanged { old, new } => {
                (body.old_price, body.new_price) = (Some(old), Some(new));
                MessageCode::PriceChanged
            }
            Change::OptionRenamed { old, new } => {
                (body.old_name, body.new_name) = (Some(old), Some(new));
                MessageCode::OptionRenamed
            }
            Change::ItemRenamed { old, new } => {
                (body.old_name, body.new_name) = (Some(old), Some(new));
                MessageCode::ItemRenamed
            }
            Change::QuantityReduced { old, new } => {
                (body.old_quantity, body.new_quantity) = (Some(old), Some(new));
                MessageCode::QuantityReduced
            }
        };
        body
    }
}
