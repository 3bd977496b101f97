//! Live values are swapped together, or not at all.
#![expect(clippy::unwrap_used, reason = "a test panics where it finds the unexpected")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};
use settings::live::{self, Commit, LiveCells, Unusable};
use settings::{Environment, Fault, Live, SettingsError, Tree, Values};

#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Shop {
    #[garde(dive)]
    #[serde(default)]
    opening_hours: Live<Hours>,
    #[garde(dive)]
    #[serde(default)]
    prices: Live<Prices>,
    #[garde(skip)]
    #[serde(default)]
    street: String,
    #[garde(dive)]
    #[serde(default)]
    door: Option<Door>,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Hours {
    #[garde(range(max = 24))]
    from_hour: u8,
}

impl Default for Hours {
    fn default() -> Self {
        Self { from_hour: 9 }
    }
}

#[derive(Debug, Default, Deserialize, Validate)]
#[serde(deny_unknown_fields, default)]
struct Prices {
    #[garde(skip)]
    list: Vec<u32>,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Door {
    #[garde(skip)]
    width: u32,
    #[garde(dive)]
    lock: Live<Lock>,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
struct Lock(#[garde(length(min = 2))] String);

fn read(source: &Value) -> (Result<Shop, SettingsError>, LiveCells, Values) {
    let environment: Environment = serde_json::from_value(json!({
        "name": "shop", "profiles": ["default"], "propertySources": [{"name": "x", "source": source}]
    }))
    .unwrap();
    let tree = Tree::from_environment(&environment).unwrap();
    let values = tree.values();
    let (shop, cells) = live::collect(|| tree.finish::<Shop>());
    (shop, cells, values)
}

fn keys(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_new_value_reaches_all_who_have_the_cell_also_one_that_was_a_default() {
    let (shop, cells, values) = read(&json!({"street": "Main"}));
    let shop = shop.unwrap();
    assert_eq!((shop.street.as_str(), shop.door.map(|door| door.width)), ("Main", None));
    let (hours, mut seen) = (shop.opening_hours.clone(), shop.opening_hours.subscribe());
    let (new, new_cells, new_values) =
        read(&json!({"street": "Main", "opening-hours.from-hour": 7, "prices.list[0]": 5}));
    new.unwrap();

    let changed = values.changed_keys(&new_values);
    assert_eq!(changed, keys(&["opening-hours.from-hour", "prices.list[0]"]));
    assert!(changed.iter().all(|key| cells.takes(&new_cells, key)));
    let prepared = cells.prepare(&new_cells, &changed).await.unwrap();
    assert_eq!(hours.get().from_hour, 9);
    prepared.commit();

    assert_eq!((hours.get().from_hour, shop.prices.get().list.as_slice()), (7, &[5][..]));
    assert_eq!(seen.borrow_and_update().from_hour, 7);
}

#[tokio::test]
async fn what_is_not_live_needs_a_restart() {
    let (_, cells, _) = read(&json!({"street": "Main", "door.width": 1, "door.lock": "ab"}));
    let (_, without_door, _) = read(&json!({"street": "Side"}));

    assert!(cells.takes(&cells, "door.lock"));
    for key in ["street", "door.width", "door", "door.locks", "opening", "opening-hours2", ""] {
        assert!(!cells.takes(&cells, key), "{key}");
    }
    assert!(!cells.takes(&without_door, "door.lock"), "there is nothing that it could become");
}

#[tokio::test]
async fn a_preparation_that_fails_stops_every_swap() {
    let (shop, cells, values) = read(&json!({}));
    let shop = shop.unwrap();
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    shop.opening_hours.prepare_with(move |_, _| {
        let counted = Arc::clone(&counted);
        let commit: Commit = Box::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        std::future::ready(Ok::<_, String>(commit))
    });
    shop.prices.prepare_with(async |prices, _| match prices.list.len() {
        0 => Err("there are none"),
        _ => Ok(Box::new(|| ()) as Commit),
    });

    let (_, new_cells, new_values) = read(&json!({"opening-hours.from-hour": 7, "prices.list": ""}));
    let changed = values.changed_keys(&new_values);
    let error = cells.prepare(&new_cells, &changed).await.unwrap_err();

    assert_eq!(error.to_string(), "prices: there are none");
    assert_eq!((shop.opening_hours.get().from_hour, commits.load(Ordering::SeqCst)), (9, 0));

    let (_, new_cells, _) = read(&json!({"opening-hours.from-hour": 7, "prices.list[0]": 1}));
    cells.prepare(&new_cells, &changed).await.unwrap().commit();

    assert_eq!((shop.opening_hours.get().from_hour, commits.load(Ordering::SeqCst)), (7, 1));
}

#[tokio::test]
async fn a_fault_has_the_key_that_the_preparation_names_and_is_told_once() {
    let (shop, cells, values) = read(&json!({}));
    let shop = shop.unwrap();
    let refuse = || std::future::ready(Err::<Commit, _>(Unusable::at("prices.list[0]", &"is odd")));
    live::prepare_together(&[&shop.opening_hours, &shop.prices], move |_| refuse());
    let (_, new_cells, new_values) = read(&json!({"opening-hours.from-hour": 7, "prices.list[0]": 1}));

    let error = cells.prepare(&new_cells, &values.changed_keys(&new_values)).await.unwrap_err();

    let fault = Fault { key: "prices.list[0]".to_owned(), problem: "is odd".to_owned(), origin: None };
    assert_eq!(error.faults(), [fault]);
}

#[tokio::test]
async fn what_is_made_of_several_cells_is_made_once_for_each_change() {
    let (shop, cells, values) = read(&json!({}));
    let shop = shop.unwrap();
    let made = Arc::new(Mutex::new(Vec::new()));
    let (hours, notes) = (shop.opening_hours.clone(), Arc::clone(&made));
    live::prepare_together(&[&shop.opening_hours, &shop.prices], move |upcoming| {
        notes.lock().unwrap().push(upcoming.of(&hours).from_hour);
        std::future::ready(Ok::<_, String>(Box::new(|| ()) as Commit))
    });
    for changed in [
        json!({"opening-hours.from-hour": 7, "prices.list[0]": 1}),
        json!({"opening-hours.from-hour": 8}),
        json!({"prices.list[0]": 1}),
    ] {
        let (_, new_cells, new_values) = read(&changed);
        let _ = cells.prepare(&new_cells, &values.changed_keys(&new_values)).await.unwrap();
    }
    assert_eq!(made.lock().unwrap()[..2], [7, 8]);
    assert_eq!(made.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_preparation_that_does_not_end_is_given_up() {
    let (shop, cells, _) = read(&json!({}));
    let shop = shop.unwrap();
    shop.prices.prepare_with(|_, _| std::future::pending::<Result<Commit, String>>());
    let (_, new_cells, _) = read(&json!({"prices.list[0]": 1}));

    let error = cells.prepare(&new_cells, &keys(&["prices.list[0]"])).await.unwrap_err();

    assert_eq!(error.to_string(), "prices: can't be tried in time");
    assert!(shop.prices.get().list.is_empty());
}

#[tokio::test]
async fn a_preparation_sees_the_new_values_of_other_cells() {
    let (shop, cells, values) = read(&json!({"prices.list[0]": 1}));
    let shop = shop.unwrap();
    let prices = shop.prices.clone();
    shop.opening_hours.prepare_with(move |hours, upcoming| {
        let told = format!("{} {:?}", hours.from_hour, upcoming.of(&prices).list);
        std::future::ready(Err::<Commit, _>(told))
    });

    for (new, told) in [
        (json!({"opening-hours.from-hour": 7, "prices.list[0]": 5}), "opening-hours: 7 [5]"),
        (json!({"opening-hours.from-hour": 8, "prices.list[0]": 1}), "opening-hours: 8 [1]"),
    ] {
        let (_, new_cells, new_values) = read(&new);
        let changed = values.changed_keys(&new_values);
        assert_eq!(cells.prepare(&new_cells, &changed).await.unwrap_err().to_string(), told);
    }
}

#[test]
fn the_rules_of_a_live_value_name_its_key() {
    let (shop, ..) = read(&json!({"opening-hours.from-hour": 25}));
    assert_eq!(shop.unwrap_err().faults()[0].key, "opening-hours.from-hour");
    let (shop, ..) = read(&json!({"door.width": 1, "door.lock": "a"}));
    assert_eq!(shop.unwrap_err().faults()[0].key, "door.lock");
}

#[test]
fn changed_keys_are_those_that_are_new_gone_or_different() {
    let (_, _, old) = read(&json!({"street": "Main", "prices.list[0]": 1, "prices.list[1]": 2}));
    let (_, _, new) = read(&json!({"prices.list[0]": 1, "prices.list[1]": 3, "door.width": 1}));

    let changed = old.changed_keys(&new);

    assert_eq!(changed, keys(&["door.width", "prices.list[1]", "street"]));
    let mut taken = old.clone();
    taken.take(&changed, &new);
    assert_eq!(taken, new);
    assert!(!format!("{old:?}").contains("Main"));
}
