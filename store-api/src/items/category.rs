use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of dessert an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
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
    /// All categories.
    pub const ALL: [Self; 7] =
        [Self::Cake, Self::Tart, Self::Macaron, Self::Bread, Self::Cookie, Self::Chocolate, Self::Scone];

    /// The name in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cake => "CAKE",
            Self::Tart => "TART",
            Self::Macaron => "MACARON",
            Self::Bread => "BREAD",
            Self::Cookie => "COOKIE",
            Self::Chocolate => "CHOCOLATE",
            Self::Scone => "SCONE",
        }
    }

    /// The category of this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_on_the_wire_and_in_the_database() {
        for category in Category::ALL {
            assert_eq!(serde_json::to_value(category).unwrap(), category.as_str());
            assert_eq!(Category::from_name(category.as_str()), Some(category));
        }
        assert_eq!(Category::from_name("cake"), None);
    }
}
