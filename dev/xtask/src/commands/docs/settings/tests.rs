//! The generator as a whole, on small workspaces.

use std::fs;

use tempfile::TempDir;

use super::page::{self, Process};
use super::sections::Section;
use super::sources::Sources;

const STRICT: &str = "#[serde(rename_all = \"kebab-case\", deny_unknown_fields)]";
const LENIENT: &str = "#[serde(rename_all = \"kebab-case\", deny_unknown_fields, default)]";

/// A workspace with the package `shop` and the crate `pool`.
fn workspace(shop: &str, pool: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (package, module, text) in [("shop", "settings", shop), ("crates/pool", "limits", pool)] {
        let sources = folder.path().join(package).join("src");
        fs::create_dir_all(&sources).unwrap();
        fs::write(sources.parent().unwrap().join("Cargo.toml"), "").unwrap();
        fs::write(sources.join("lib.rs"), format!("mod {module};\npub use {module}::Limits;\n")).unwrap();
        fs::write(sources.join(format!("{module}.rs")), text).unwrap();
    }
    folder
}

fn read(folder: &TempDir) -> anyhow::Result<Section> {
    let sources = Sources::new(folder.path());
    let root = super::find_struct(&sources, "shop", &["settings", "Settings"])?;
    Section::read(&sources, &root)
}

/// The lines of the table.
fn rows(folder: &TempDir) -> Vec<String> {
    let page = page::write(&none(), &[Process { name: "shop", settings: read(folder).unwrap() }]);
    let (_, of_shop) = page.split_once("## shop").unwrap();
    of_shop.lines().filter(|line| line.starts_with("| `")).map(ToOwned::to_owned).collect()
}

fn none() -> Section {
    Section { place: String::new(), documentation: Vec::new(), keys: Vec::new() }
}

/// The error of the generator for a struct with this field.
fn error_of(field: &str) -> String {
    let folder = workspace(
        &format!("/// All.\n{STRICT} struct Settings {{ {field} }}\n fn hard() -> u8 {{ read() }}"),
        "",
    );
    format!("{:#}", read(&folder).err().unwrap())
}

#[test]
fn a_key_has_its_type_range_default_and_meaning() {
    let folder = workspace(
        &format!(
            "const LARGE: u64 = 1_000 * 60;
            /// All.
            {STRICT}
            struct Settings {{
                /// How long,
                /// at most.
                #[serde(default = \"Settings::wait\")]
                #[garde(range(min = 1, max = LARGE))]
                wait_ms: u64,
                /// A | B.
                #[garde(length(min = 1))]
                names: Vec<String>,
                /// Sealed.
                #[garde(skip)]
                password: Option<secrecy::SecretString>,
                /// How.
                #[serde(default)]
                level: Level,
            }}
            impl Settings {{ fn wait() -> u64 {{ 2 * LARGE / 4 }} }}
            #[derive(Default, Deserialize)]
            #[serde(rename_all = \"kebab-case\")]
            enum Level {{
                /// Hardly.
                Low,
                /// Much.
                #[default]
                VeryLoud,
            }}"
        ),
        "",
    );

    assert_eq!(
        rows(&folder),
        [
            "| `wait-ms` | integer, 1 to 60000 | `30000` | How long, at most. |",
            "| `names` | list of texts, not empty | required | A \\| B. |",
            "| `password` | secret | not set | Sealed. |",
            "| `level` | `low` or `very-loud` | `very-loud` | How.<br>`low`: Hardly.<br>`very-loud`: Much. |",
        ]
    );
}

#[test]
fn sections_are_followed_through_imports_into_other_crates() {
    let folder = workspace(
        &format!(
            "use pool::Limits as Bounds;
            /// All.
            {STRICT}
            struct Settings {{
                /// How much.
                #[serde(default)]
                #[garde(dive)]
                limits: Bounds,
                /// For each.
                #[garde(dive)]
                more: Vec<pool::Limits>,
            }}"
        ),
        &format!(
            "/// The section `limits`: how much.
            #[derive(Deserialize)]
            {LENIENT}
            pub struct Limits {{
                /// How many.
                #[garde(range(max = 9))]
                at_once: u32,
                /// Whether.
                on: bool,
            }}
            impl Default for Limits {{ fn default() -> Self {{ Self {{ at_once: 4, on: true }} }} }}"
        ),
    );

    assert_eq!(
        rows(&folder),
        [
            "| `limits` | section |  | How much. |",
            "| `limits.at-once` | integer, 0 to 9 | `4` | How many. |",
            "| `limits.on` | `true` or `false` | `true` | Whether. |",
            "| `more` | list of sections | required | For each. |",
            "| `more[].at-once` | integer, 0 to 9 | `4` | How many. |",
            "| `more[].on` | `true` or `false` | `true` | Whether. |",
        ]
    );
}

#[test]
fn what_changes_while_the_process_runs_is_marked() {
    let folder = workspace(
        &format!(
            "/// All.\n{STRICT} struct Settings {{
                /// A.\n #[garde(dive)] a: settings::Live<pool::Limits>,
                /// B.\n b: u8,
            }}"
        ),
        &format!("/// L.\n#[derive(Deserialize)] {STRICT} pub struct Limits {{ /// C.\n c: u8 }}"),
    );

    assert_eq!(
        rows(&folder),
        [
            "| `a` | section; live | required | A. |",
            "| `a.c` | integer, 0 or more; live | required | C. |",
            "| `b` | integer, 0 or more | required | B. |",
        ]
    );
    assert!(error_of("/// A.\n a: Live<u8>").ends_with("it is live, but garde does not dive into it"));
}

#[test]
fn a_section_of_two_processes_is_described_once() {
    let folder = workspace(
        &format!("/// All.\n{STRICT} struct Settings {{ /// Which.\n limits: pool::Limits }}"),
        &format!(
            "/// The section `limits`: how much.\n#[derive(Deserialize)] {STRICT}
            pub struct Limits {{ /// One.\n one: u8 }}"
        ),
    );
    let process = |name| Process { name, settings: read(&folder).unwrap() };

    let page = page::write(&none(), &[process("shop"), process("bakery")]);

    assert_eq!(page.matches("| `limits` | [section, see below](#limits) | required | Which. |").count(), 2);
    assert_eq!(page.matches("`limits.one`").count(), 1);
    assert!(page.contains("### limits\n\nHow much.\n"), "{page}");
}

#[test]
fn what_is_not_understood_is_an_error_with_its_place() {
    let place = "shop/src/settings.rs: Settings: the field a: ";
    let cases = [
        ("a: u8", "it has no documentation"),
        ("/// A.\n #[serde(default = \"hard\")] a: u8", "`read()` is not understood"),
        ("/// A.\n #[serde(default = \"nowhere\")] a: u8", "`nowhere()` is not understood"),
        ("/// A.\n #[serde(with = \"x\")] a: u8", "serde(with) is not understood here"),
        ("/// A.\n #[garde(credit_card)] a: String", "garde(credit_card) is not understood"),
        ("/// A.\n a: std::time::Duration", "the type Duration is not understood"),
        ("/// A.\n #[cfg(unix)] a: u8", "a setting of some builds only is not understood"),
    ];
    for (field, why) in cases {
        assert_eq!(error_of(field), format!("{place}{why}"));
    }
}

#[test]
fn rules_that_are_never_checked_are_an_error() {
    let folder = workspace(
        &format!("/// All.\n{STRICT} struct Settings {{ /// A.\n a: pool::Limits }}"),
        &format!(
            "/// L.\n#[derive(Deserialize)] {STRICT}
            pub struct Limits {{ /// B.\n #[garde(range(min = 1))] b: u8 }}"
        ),
    );

    let error = format!("{:#}", read(&folder).err().unwrap());

    assert!(error.ends_with("its section has rules, but garde does not dive into it"), "{error}");
}

#[test]
fn different_defaults_are_an_error() {
    let folder = workspace(
        &format!(
            "/// All.\n#[derive(Default)] {STRICT}
            struct Settings {{ /// A.\n #[serde(default = \"one\")] a: u8 }}
            fn one() -> u8 {{ 1 }}"
        ),
        "",
    );

    let error = format!("{:#}", read(&folder).err().unwrap());

    assert!(
        error.ends_with("if it is missing, it is `1`, but by the `Default` of the struct it is `0`"),
        "{error}"
    );
}

#[test]
fn a_section_that_ignores_unknown_keys_is_an_error() {
    let folder =
        workspace("/// All.\n#[serde(rename_all = \"kebab-case\")] struct Settings { /// A.\n a: u8 }", "");

    let error = format!("{:#}", read(&folder).err().unwrap());

    assert!(error.contains("deny_unknown_fields"), "{error}");
}

#[test]
fn every_setting_of_this_checkout_is_understood() {
    let page = super::generate(stack::checkout()).unwrap();

    for known in ["`server.address`", "`database.url`", "`routes[].path`", "`credentials-file`"] {
        assert!(page.contains(known), "{known} is missing in\n{page}");
    }
}
