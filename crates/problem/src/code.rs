//! Every code that an answer of Dalkom can carry.
//!
//! Codes are part of the API: a published code keeps its name, its status and its meaning. All codes are in one list, because
//! the gateway serves a page for each, and because every code that a client can get must be documented.

use http::StatusCode;
use strum::{EnumString, IntoStaticStr, VariantArray};

macro_rules! codes {
    ($($variant:ident $name:literal $status:ident $title:literal $explanation:literal;)*) => {
        /// The kind of a problem, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
        pub enum Code {
            $(#[doc = $explanation] #[strum(serialize = $name)] $variant,)*
        }

        impl Code {
            /// All codes, in the order in which they are documented.
            pub const ALL: &'static [Code] = <Code as VariantArray>::VARIANTS;

            /// The stable name, in `UPPER_SNAKE`.
            pub fn as_str(self) -> &'static str {
                self.into()
            }

            /// The HTTP status.
            pub const fn status(self) -> StatusCode {
                match self { $(Code::$variant => StatusCode::$status,)* }
            }

            /// A short sentence, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// What it means, and what the client can do.
            pub const fn explanation(self) -> &'static str {
                match self { $(Code::$variant => $explanation,)* }
            }
        }
    };
}

codes! {
    // Any route
    MalformedJson "MALFORMED_JSON" BAD_REQUEST "The body is not JSON"
        "The body is not well-formed JSON in UTF-8. `detail` says where reading stopped.";
    ValidationFailed "VALIDATION_FAILED" BAD_REQUEST "The body breaks a rule"
        "One or more members of the body are missing, unknown, of the wrong type or out of range. `errors` lists every one of them with a JSON pointer.";
    BadRequest "BAD_REQUEST" BAD_REQUEST "The request can't be served as it was sent"
        "A rule of HTTP is broken, a switch to another protocol is asked for, or a body was sent to an operation that takes none. `detail` says which.";
    InvalidParameter "INVALID_PARAMETER" BAD_REQUEST "A parameter is wrong"
        "A part of the path or of the query string is missing, unknown, or not of the type or range that the operation documents.";
    BadCursor "BAD_CURSOR" BAD_REQUEST "The cursor is not one of ours"
        "A cursor is only good for the list that gave it out, with the same filters and sort. Start again without one.";
    IdempotencyKeyMissing "IDEMPOTENCY_KEY_MISSING" BAD_REQUEST "The request needs an Idempotency-Key"
        "Requests that move money or place an order must carry an `Idempotency-Key` header. Make a new random one for each intent, and send the same one with each repetition of it.";
    IdempotencyKeyInvalid "IDEMPOTENCY_KEY_INVALID" BAD_REQUEST "The Idempotency-Key is malformed"
        "An Idempotency-Key is 1 to 255 visible ASCII characters, bare or in double quotes, and is sent once.";
    Unauthenticated "UNAUTHENTICATED" UNAUTHORIZED "Sign in first"
        "The request carries no access token, or one that is malformed, expired, revoked or not meant for this service. Get a new one with your refresh token or by signing in.";
    BadCredentials "BAD_CREDENTIALS" UNAUTHORIZED "Email or password is wrong"
        "No member has this email with this password. Which of the two is wrong is not said.";
    OtpRequired "OTP_REQUIRED" UNAUTHORIZED "A one-time password is needed"
        "The account has a second factor, and the code of its authenticator is missing, wrong, or was used before. Send the present one; each is taken once.";
    RefreshTokenInvalid "REFRESH_TOKEN_INVALID" UNAUTHORIZED "The refresh token is not valid"
        "The refresh token is unknown, expired, was used before, or its session has ended. Sign in again.";
    WrongRole "WRONG_ROLE" FORBIDDEN "Your role may not do this"
        "You are signed in, and this operation belongs to another role.";
    NotFound "NOT_FOUND" NOT_FOUND "There is nothing here for you"
        "No such route, or no such thing that you may see: what belongs to somebody else is answered in the same way as what does not exist.";
    MethodNotAllowed "METHOD_NOT_ALLOWED" METHOD_NOT_ALLOWED "The method is not allowed here"
        "The path exists, with the methods that the `Allow` header names.";
    RequestTimeout "REQUEST_TIMEOUT" REQUEST_TIMEOUT "The request took too long to arrive"
        "The rest of the request did not arrive in time.";
    PreconditionFailed "PRECONDITION_FAILED" PRECONDITION_FAILED "It has changed since you read it"
        "The `If-Match` header does not name the current `ETag`: an edit or a change of the stock came in between. Read it again, and decide anew.";
    BodyTooLarge "BODY_TOO_LARGE" PAYLOAD_TOO_LARGE "The body is too large"
        "Bodies are limited to 1 MiB.";
    UriTooLong "URI_TOO_LONG" URI_TOO_LONG "The address is too long"
        "The path and query of the request are longer than the server reads.";
    UnsupportedMediaType "UNSUPPORTED_MEDIA_TYPE" UNSUPPORTED_MEDIA_TYPE "The body must be JSON"
        "Send the body with one `Content-Type: application/json`, in UTF-8, and without a `Content-Encoding`: compressed bodies are not taken.";
    IdempotencyKeyInUse "IDEMPOTENCY_KEY_IN_USE" CONFLICT "The first request is still running"
        "A request with this Idempotency-Key is being worked on. Ask again in a moment, with the same key, for its answer.";
    IdempotencyKeyReused "IDEMPOTENCY_KEY_REUSED" UNPROCESSABLE_ENTITY "The Idempotency-Key belongs to another request"
        "This Idempotency-Key was first sent with another request: another path, body, condition or password. Use a new key for a new intent.";
    RateLimited "RATE_LIMITED" TOO_MANY_REQUESTS "Too many requests"
        "Wait for as many seconds as `Retry-After` says.";
    HeadersTooLarge "HEADERS_TOO_LARGE" REQUEST_HEADER_FIELDS_TOO_LARGE "The headers are too large"
        "The header fields of the request are larger than the server reads.";
    Internal "INTERNAL" INTERNAL_SERVER_ERROR "Something went wrong on our side"
        "The fault is ours and has been logged under the `traceId`. A request with an Idempotency-Key can be sent again with the same key.";
    BadGateway "BAD_GATEWAY" BAD_GATEWAY "A service gave no usable answer"
        "The service behind the gateway broke off or answered nonsense. A safe request, or one with an Idempotency-Key, can be sent again.";
    ServiceUnavailable "SERVICE_UNAVAILABLE" SERVICE_UNAVAILABLE "The service is unavailable for the moment"
        "A part that this operation needs is down or overloaded. Try again after `Retry-After` seconds. The request may have taken effect: send it with the same Idempotency-Key.";
    GatewayTimeout "GATEWAY_TIMEOUT" GATEWAY_TIMEOUT "A service did not answer in time"
        "The service behind the gateway took too long. The request may still take effect: send it again with the same Idempotency-Key to learn of its end.";

    // Members, sessions and money
    EmailTaken "EMAIL_TAKEN" CONFLICT "The email belongs to a member already"
        "An email belongs to one member. Sign in, or use another one.";
    OtpInForce "OTP_IN_FORCE" CONFLICT "The account has a second factor already"
        "Turn the present one off before you set up another one. Nothing has changed.";
    AccountNotSettled "ACCOUNT_NOT_SETTLED" CONFLICT "Something of the account is open"
        "An account can be closed when nothing of it is open. `open` lists all that is: money in the wallet (`WALLET`), open stores (`LIVE_STORE`), orders that are not finished (`OPEN_ORDER`), refunds that are not answered or not paid (`OPEN_REFUND`), sales that are not settled or not paid out (`PENDING_SETTLEMENT`); `count` says how many, `amount` how much money is in them. Nothing has changed.";
    AccountClosed "ACCOUNT_CLOSED" CONFLICT "An account that this needs is closed, or is just being closed"
        "Your account or that of the seller is closed, or it is being decided whether it can be. Nothing new can begin with it. If that account stays open, you can try again in a moment, with the same Idempotency-Key.";
    InsufficientBalance "INSUFFICIENT_BALANCE" CONFLICT "The wallet does not hold enough"
        "The wallet's balance is smaller than the amount. Nothing has moved. Charge the wallet and try again with a new Idempotency-Key.";
    BalanceLimit "BALANCE_LIMIT" CONFLICT "The wallet can't hold more"
        "The balance would pass the largest amount that a wallet can hold. Nothing has moved.";
    TransferMismatch "TRANSFER_MISMATCH" CONFLICT "The transfer's id belongs to another transfer"
        "A transfer with this id was recorded with other content. Nothing has moved.";

    // Stores, items and stock
    StoreNameTaken "STORE_NAME_TAKEN" CONFLICT "A store has this name already"
        "Names are unique among the stores that are open. Choose another one.";
    ItemNameTaken "ITEM_NAME_TAKEN" CONFLICT "The store has an item of this name already"
        "Item names are unique within a store. Choose another one.";
    OptionNameTaken "OPTION_NAME_TAKEN" CONFLICT "The item has an option of this name already"
        "Option names are unique within an item. Choose another one.";
    LastOption "LAST_OPTION" CONFLICT "An item keeps at least one option"
        "The last option of an item can't be deleted. Delete the item instead.";
    TooManyOptions "TOO_MANY_OPTIONS" CONFLICT "The item has as many options as it can have"
        "An item has at most 100 options.";
    StockOutOfRange "STOCK_OUT_OF_RANGE" CONFLICT "The stock would leave its range"
        "The quantity on hand would go below zero or above 1,000,000. Nothing has changed.";
    OutOfStock "OUT_OF_STOCK" CONFLICT "There is not enough in stock"
        "At least one option has fewer pieces than were asked for; `shortages` says which. Nothing has been reserved or paid.";
    ReservationExpired "RESERVATION_EXPIRED" CONFLICT "The reservation has expired"
        "The reserved stock has gone back on sale.";
    ReservationMismatch "RESERVATION_MISMATCH" CONFLICT "The reservation's id belongs to another reservation"
        "A reservation with this id was made with other lines, or has ended. Nothing has been reserved.";
    ReservationConfirmed "RESERVATION_CONFIRMED" CONFLICT "The reservation has been confirmed"
        "Its pieces are sold. They come back on sale by a restock.";
    RestockMismatch "RESTOCK_MISMATCH" CONFLICT "The restock does not fit what was sold"
        "A restock with this id was recorded with other content, or more pieces would come back than the order bought. Nothing has changed.";

    // Carts, orders and what follows
    CartChanged "CART_CHANGED" CONFLICT "Something in the cart has changed"
        "A chosen line differs from what you last saw, is not in the cart, or is in another order already, or the cart has another version than the one that you named. `messages` says how the lines differ. Nothing has been taken. Look at the cart, and send the request again with a new Idempotency-Key.";
    CartEmpty "CART_EMPTY" CONFLICT "There is nothing to order"
        "The cart holds nothing that can be ordered.";
    CartFull "CART_FULL" CONFLICT "The cart is full"
        "A cart holds at most 100 lines of 1 to 999 pieces.";
    OptionNotFound "OPTION_NOT_FOUND" NOT_FOUND "There is no such option on sale"
        "The option does not exist, or it, its item or its store has been deleted.";
    CancelWindowClosed "CANCEL_WINDOW_CLOSED" CONFLICT "It is too late to cancel"
        "A line can be cancelled for a while after the order. Request a refund instead.";
    LineStateConflict "LINE_STATE_CONFLICT" CONFLICT "The order line is in another state"
        "The order line's present state does not allow this; `lineStatus` says what it is.";
    NothingToPay "NOTHING_TO_PAY" CONFLICT "There is nothing to pay out"
        "No settlement of this range of days is pending with a positive sum.";
    DayNotOver "DAY_NOT_OVER" CONFLICT "The day is not over yet"
        "A business day can be settled when it is over in Asia/Seoul.";
    SettlementRunning "SETTLEMENT_RUNNING" CONFLICT "A settlement is running"
        "One settlement runs at a time. The list of runs shows how far it has come; ask again when it has ended.";
}

impl Code {
    /// The code with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// The code for an answer of which only the status is known, for example the rejection of a library.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthenticated,
            StatusCode::FORBIDDEN => Self::WrongRole,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::PRECONDITION_FAILED => Self::PreconditionFailed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::URI_TOO_LONG => Self::UriTooLong,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::HeadersTooLarge,
            StatusCode::BAD_GATEWAY => Self::BadGateway,
            StatusCode::SERVICE_UNAVAILABLE => Self::ServiceUnavailable,
            StatusCode::GATEWAY_TIMEOUT => Self::GatewayTimeout,
            other if other.is_client_error() => Self::InvalidParameter,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_upper_snake_and_found_again() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            let name = code.as_str();
            assert!(seen.insert(name), "{name} is there twice");
            assert!(name.chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{name}");
            assert_eq!(Code::from_name(name), Some(*code));
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }
}
