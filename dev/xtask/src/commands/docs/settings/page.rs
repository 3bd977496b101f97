//! The Markdown.

use std::fmt::Write as _;

use super::sections::{Inside, Key, Section};

const INTRODUCTION: &str = include_str!("introduction.md");

/// A process and its settings, without those that all processes have.
pub(super) struct Process {
    pub(super) name: &'static str,
    pub(super) settings: Section,
}

pub(super) fn write(common: &Section, processes: &[Process]) -> String {
    let shared = shared(processes);
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n## Every process\n\n");
    page.push_str(&table(&common.keys, &[]));
    for process in processes {
        let about = process.settings.documentation.join("\n\n");
        push(&mut page, format_args!("\n## {}\n\n{about}\n\n", process.name));
        page.push_str(&table(&process.settings.keys, &shared));
    }
    if !shared.is_empty() {
        page.push_str("\n## Sections of several processes\n");
    }
    for Shared { key, section } in &shared {
        let about = about_section(&section.documentation, &key.name).join("\n\n");
        push(&mut page, format_args!("\n### {}\n\n{about}\n\n", key.name));
        page.push_str(&table_of(&rows_of_keys(&key.name, &section.keys, &[], key.is_live)));
    }
    page
}

/// A section that several processes have under the same name.
struct Shared<'a> {
    key: &'a Key,
    section: &'a Section,
}

impl Shared<'_> {
    fn is(&self, key: &Key) -> bool {
        self.key.name == key.name
            && key.inside.as_ref().is_some_and(|inside| inside.section.place == self.section.place)
    }
}

fn shared(processes: &[Process]) -> Vec<Shared<'_>> {
    let mut shared: Vec<Shared<'_>> = Vec::new();
    for key in processes.iter().flat_map(|process| &process.settings.keys) {
        let Some(Inside { section, suffix }) = &key.inside else { continue };
        let one = Shared { key, section };
        let users = processes.iter().flat_map(|process| &process.settings.keys).filter(|key| one.is(key));
        if suffix.is_empty() && users.count() > 1 && !shared.iter().any(|other| other.is(key)) {
            shared.push(one);
        }
    }
    shared
}

/// A line of a table.
struct Row {
    key: String,
    form: String,
    absent: String,
    meaning: String,
}

fn table(keys: &[Key], shared: &[Shared<'_>]) -> String {
    table_of(&rows_of_keys("", keys, shared, false))
}

fn table_of(rows: &[Row]) -> String {
    let mut table = String::from("| key | type and range | default | meaning |\n|---|---|---|---|\n");
    for Row { key, form, absent, meaning } in rows {
        let cells = [format!("`{key}`").as_str(), form, absent, meaning].map(|cell| cell.replace('|', "\\|"));
        push(&mut table, format_args!("| {} |\n", cells.join(" | ")));
    }
    table
}

/// `is_live` says whether the section of the keys is.
fn rows_of_keys(prefix: &str, keys: &[Key], shared: &[Shared<'_>], is_live: bool) -> Vec<Row> {
    keys.iter().flat_map(|key| rows(prefix, key, shared, is_live || key.is_live)).collect()
}

/// The lines of a key and of those under it.
fn rows(prefix: &str, key: &Key, shared: &[Shared<'_>], is_live: bool) -> Vec<Row> {
    let name = if prefix.is_empty() { key.name.clone() } else { format!("{prefix}.{}", key.name) };
    let is_shared = shared.iter().any(|shared| shared.is(key));
    let mut row = Row {
        key: name.clone(),
        form: if is_live { format!("{}; live", key.form) } else { key.form.clone() },
        absent: key.absent.to_string(),
        meaning: meaning(key),
    };
    if is_shared {
        row.form = row.form.replacen("section", &format!("[section, see below](#{})", key.name), 1);
        return vec![row];
    }
    let mut rows = vec![row];
    if let Some(Inside { suffix, section }) = &key.inside {
        rows.extend(rows_of_keys(&format!("{name}{suffix}"), &section.keys, &[], is_live));
    }
    rows
}

fn meaning(key: &Key) -> String {
    let mut paragraphs = about_section(&key.meaning, &key.name);
    for choice in &key.choices {
        paragraphs.push(format!("`{}`: {}", choice.name, choice.meaning));
    }
    paragraphs.join("<br>")
}

/// The documentation of a section without the beginning "The section `name`:", which the table already says.
fn about_section(paragraphs: &[String], name: &str) -> Vec<String> {
    let mut paragraphs = paragraphs.to_vec();
    let Some(first) = paragraphs.first_mut() else { return paragraphs };
    let opening = format!("ection `{name}`: ");
    if let Some((article, rest)) = first.split_once(&opening)
        && ["S", "The s"].contains(&article)
    {
        let mut chars = rest.chars();
        *first =
            chars.next().map_or_else(String::new, |char| char.to_uppercase().to_string() + chars.as_str());
    }
    paragraphs
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("writing into a String does not fail");
}
