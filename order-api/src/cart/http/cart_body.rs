//! Carts in answers.

use money::Won;
use problem::{Code, Problem};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cart::comparison::{Change, Message, Named};
use crate::cart::view::{CartView, LineView};
use crate::quantity::Quantity;

/// A cart. Its lines are compared with the options as the stores sell them now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Cart)]
pub(crate) struct CartBody {
    /// The version of what is shown: a text that changes with the lines, names, prices and messages. It does not change with
    /// `available`, `SOLD_OUT` and `QUANTITY_REDUCED`.
    version: String,
    /// The lines, in the order in which they were added.
    lines: Vec<CartLineBody>,
    /// What has changed since you last acknowledged it. Reading the cart acknowledges nothing. `SOLD_OUT` and
    /// `QUANTITY_REDUCED` need no acknowledgement: they are shown as long as the shortage lasts.
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
    /// How many pieces you want. It does not change if fewer are available.
    quantity: Quantity,
    /// Price times quantity, in won.
    line_total: Won,
    /// How many pieces are available now, perhaps fewer than you want; 0 if the option is sold out. Checkout refuses an order for
    /// more.
    available: u32,
}

/// A message about an option. The names are those that you last acknowledged.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CartMessage)]
pub(crate) struct MessageBody {
    code: MessageCode,
    option_id: Uuid,
    /// Missing, like the names, only if the code is `NOT_IN_CART` and the option is not on sale.
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    option_name: Option<String>,
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
    /// `QUANTITY_REDUCED`: how many pieces you want.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_quantity: Option<Quantity>,
    /// `QUANTITY_REDUCED`: how many pieces are available now. The line keeps its quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_quantity: Option<Quantity>,
    /// `IN_ANOTHER_ORDER`: the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Uuid>,
}

/// What has changed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = CartMessageCode)]
enum MessageCode {
    /// The item or its store was deleted. The line is not shown any more, and is removed when you acknowledge this.
    ItemDeleted,
    /// The option was deleted. The line is not shown any more, and is removed when you acknowledge this.
    OptionDeleted,
    /// The price has changed.
    PriceChanged,
    /// The option was renamed.
    OptionRenamed,
    /// The item was renamed.
    ItemRenamed,
    /// The option is sold out.
    SoldOut,
    /// Fewer pieces can be had now than you want.
    QuantityReduced,
    /// Only where an order is refused: the option was chosen, but is not in the cart.
    NotInCart,
    /// Only where an order is refused: another order has been placed for this line as it is.
    InAnotherOrder,
}

/// The problem of a request that was made for another cart than there is.
pub(crate) fn cart_changed(messages: Vec<Message>) -> Problem {
    let messages: Vec<MessageBody> = messages.into_iter().map(MessageBody::from).collect();
    Problem::new(Code::CartChanged).extra("messages", &messages)
}

impl From<CartView> for CartBody {
    fn from(view: CartView) -> Self {
        Self {
            version: view.version.as_str().to_owned(),
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
        let (item_id, item_name, option_name) = match message.named {
            Some(Named { item_id, item_name, option_name }) => {
                (Some(item_id), Some(item_name), Some(option_name))
            }
            None => (None, None, None),
        };
        let mut body = Self {
            code: MessageCode::SoldOut,
            option_id: message.option_id,
            item_id,
            item_name,
            option_name,
            old_price: None,
            new_price: None,
            old_name: None,
            new_name: None,
            old_quantity: None,
            new_quantity: None,
            order_id: None,
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
            Change::QuantityReduced { wanted, available } => {
                (body.old_quantity, body.new_quantity) = (Some(wanted), Some(available));
                MessageCode::QuantityReduced
            }
            Change::NotInCart => MessageCode::NotInCart,
            Change::InAnotherOrder { order_id } => {
                body.order_id = Some(order_id);
                MessageCode::InAnotherOrder
            }
        };
        body
    }
}
