//! Rules: when the entity tag of an item changes.

use sha2::{Digest, Sha256};

use super::ItemWithOptions;
use crate::shared::EntityTag;

impl ItemWithOptions {
    /// Its entity tag, which its options share. It consists of the version, which counts the edits, and a digest of the stock and
    /// the name of the store.
    ///
    /// If a sale raised the version instead, every sale would write the row of the item, and all its buyers would wait for that
    /// row.
    pub fn entity_tag(&self) -> EntityTag {
        let mut digest = Sha256::new_with_prefix(&self.item.store_name);
        for option in &self.options {
            digest.update(option.id);
            digest.update(option.on_hand.to_be_bytes());
        }
        let digest: [u8; 32] = digest.finalize().into();
        let start = u64::from_be_bytes(digest.as_chunks().0[0]);
        EntityTag::new(format!("{}-{start:016x}", self.item.version))
    }
}

#[cfg(test)]
mod tests {
    use money::Won;
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::items::{Category, Item, ItemOption};

    fn item() -> ItemWithOptions {
        let option = |id: u128, on_hand| ItemOption {
            id: Uuid::from_u128(id),
            name: String::new(),
            name_key: String::new(),
            price: Won::new(1_000),
            on_hand,
        };
        let item = Item {
            number: 1,
            id: Uuid::from_u128(1),
            store_id: Uuid::from_u128(2),
            store_name: "달콤상점".to_owned(),
            seller_id: Uuid::from_u128(3),
            name: "케이크".to_owned(),
            name_key: "케이크".to_owned(),
            description: String::new(),
            category: Category::Cake,
            thumbnail_url: None,
            description_url: None,
            min_price: Won::new(1_000),
            hearts: 0,
            sold: 0,
            version: 3,
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
        };
        ItemWithOptions { item, options: vec![option(1, 10), option(2, 0)] }
    }

    #[test]
    fn it_changes_with_the_version_the_stock_and_the_stores_name_and_with_nothing_else() {
        let tag = |change: fn(&mut ItemWithOptions)| {
            let mut changed = item();
            change(&mut changed);
            changed.entity_tag()
        };
        let before = item().entity_tag();
        assert_eq!(before, tag(|changed| changed.item.hearts = 7));
        assert_eq!(before, tag(|changed| changed.item.sold = 7));
        assert_ne!(before, tag(|changed| changed.item.version = 4));
        assert_ne!(before, tag(|changed| changed.options[0].on_hand = 9));
        assert_ne!(before, tag(|changed| changed.options[1].on_hand = 1));
        assert_ne!(before, tag(|changed| changed.item.store_name = "쓴상점".to_owned()));
        assert_ne!(
            before,
            tag(|changed| {
                changed.options[0].on_hand = 0;
                changed.options[1].on_hand = 10;
            })
        );
        assert_eq!(before.as_str().len(), "3-".len() + 16);
    }
}
