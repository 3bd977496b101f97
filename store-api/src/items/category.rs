//! Rules: the categories of items.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

/// What kind of dessert an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[derive(EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Category {
    /// 케이크
    Cake,
    /// 타르트
    Tart,
    /// 마카롱
    Macaron,
    /// 빵
    Bread,
    /// 쿠키
    Cookie,
    /// 초콜릿
    Chocolate,
    /// 스콘
    Scone,
}

impl Category {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_on_the_wire_and_in_the_database() {
        for category in Category::VARIANTS {
            assert_eq!(serde_json::to_value(category).unwrap(), category.as_str());
            assert_eq!(category.as_str().parse(), Ok(*category));
        }
        assert!("cake".parse::<Category>().is_err());
    }
}
