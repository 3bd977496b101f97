//! YAML files, as Spring Boot reads them with `SnakeYAML`: YAML 1.1, flat keys, and the place of each value.

mod compose;
mod error;
mod flatten;
mod lines;

use super::document::Document;
use super::limits::Budget;
pub use error::YamlError;

pub(super) fn read(content: &[u8]) -> Result<Vec<Document>, YamlError> {
    let text = std::str::from_utf8(content).map_err(YamlError::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    let mut budget = Budget::default();
    for composed in compose::documents(text)? {
        documents.extend(flatten::document(&composed, &mut budget)?);
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each document as `key=value@origin`.
    fn read_text(text: &str) -> Vec<Vec<String>> {
        let documents = read(text.as_bytes()).unwrap();
        let shown = |document: &Document| {
            let entries = document.entries.iter();
            entries.map(|(key, entry)| format!("{key}={}@{}", entry.value, entry.origin)).collect()
        };
        documents.iter().map(shown).collect()
    }

    #[test]
    fn maps_and_lists_become_flat_keys_with_their_places() {
        assert_eq!(
            read_text("# c\na: 1\nb:\n  c: [x, {d: 2}]\n---\ne: |\n  t\nf: !!str 1\ng: &x y\n"),
            [vec!["a=1@2:4", "b.c[0]=x@4:7", "b.c[1].d=2@4:14"], vec!["e=t\n@6:4", "f=1@8:4", "g=y@9:4"],]
        );
    }

    #[test]
    fn nulls_and_empty_lists_are_empty_texts_and_empty_maps_vanish() {
        assert_eq!(
            read_text("a: {}\nb: []\nc:\nd: ''\ne: [{}, [], null]\n"),
            [["b=@2:4", "c=@3:3", "d=@4:4", "e[1]=@5:9", "e[2]=@5:13"]]
        );
    }

    #[test]
    fn empty_documents_are_dropped() {
        for text in ["", "\n", "# nothing\n", "~\n", "---\n", "---\n---\n", "''"] {
            assert!(read_text(text).is_empty(), "{text:?}");
        }
        assert_eq!(read_text("---\n---\na: 1\n---\n"), [["a=1@3:4"]]);
    }

    #[test]
    fn keys_that_are_no_text_get_brackets() {
        assert_eq!(
            read_text("m:\n  1: a\n  yes: b\n  \"[x.y]\": c\n  p.q: d\n? [b, {c: 1}]\n: e\n"),
            [["m[1]=a@2:6", "m[true]=b@3:8", "m[x.y]=c@4:12", "m.p.q=d@5:8", "[[b, {c=1}]]=e@7:3"]]
        );
        assert_eq!(read_text("~: a\n? {b: [], ~: ~}\n: c\n"), [["[null]=a@1:4", "[{b=, null=}]=c@3:3"]]);
    }

    #[test]
    fn merges_keep_the_place_of_the_first_key() {
        let text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nmany:\n  <<: [{x: 9}, *b]\n  z: 1\n";
        assert_eq!(
            read_text(text)[0].iter().map(|entry| entry.split('@').next().unwrap()).collect::<Vec<_>>(),
            ["base.x=1", "base.y=2", "use.x=1", "use.y=3", "many.x=1", "many.y=2", "many.z=1"]
        );
    }

    #[test]
    fn other_documents_than_maps_have_a_key() {
        assert_eq!(read_text("- a\n- b\n"), [["document[0]=a@1:3", "document[1]=b@2:3"]]);
        assert_eq!(read_text("a:1\n"), [["document=a:1@1:1"]]);
        assert_eq!(read_text("a: !!set {x, y}\n"), [["a[0]=x@1:11", "a[1]=y@1:14"]]);
    }

    #[test]
    fn a_bare_exclamation_mark_changes_no_plain_value() {
        assert_eq!(read_text("a: ! yes\nb: ! 'yes'\n"), [["a=true@1:4", "b=yes@2:4"]]);
    }

    #[test]
    fn malformed_files_are_refused() {
        for text in [
            "a: [",
            "a: {x",
            "a: }x",
            "a: b: c",
            "a: 1\n b: 2",
            "a:\t1",
            "a: @x",
            "a: `x",
            "a: *x",
            "a: !x",
            "a: <<",
            "a: 1\na: 2",
            "a: {b: 1, b: 2}",
            "? b: 1\n  b: 2\n: a",
            "1: a\n0x1: b",
            "yes: a\ntrue: b",
            "a: &a\n  b: *a\n",
            "a: 1\n...\nb: 2\n",
            "a: [{1: b}]",
            "a: \u{1}",
            "a: !!int x",
            "<<: 1",
            "<<: [1]",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(matches!(read(b"a: \xff"), Err(YamlError::Encoding(_))));
    }

    #[test]
    fn an_error_says_where_and_does_not_show_the_file() {
        let duplicate = read(b"a:\n  b: 1\n  b: 2\n").unwrap_err();
        let syntax = read(b"password: hunter2\n  oops: [hunter2").unwrap_err();

        assert!(
            duplicate.to_string().starts_with("it is not well-formed YAML at line 3, column 3"),
            "{duplicate}"
        );
        assert!(!syntax.to_string().contains("hunter2"), "{syntax}");
    }

    #[test]
    fn files_that_stand_for_too_much_are_refused() {
        let mut aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let before = level - 1;
            let of_level = format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(", "));
            aliases.push_str(&of_level);
        }
        let parts = format!("? {}\n: 1\n", vec!["a"; 6_000].join("."));
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        let block = (0..3_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
        let hyphens = "- ".repeat(5_000);
        let long_keys = format!("{}:\n  a: [{}]", "k".repeat(900), "1, ".repeat(100_000));
        for text in [aliases, parts, deep, block, hyphens, long_keys] {
            assert!(read(text.as_bytes()).is_err(), "{}", &text[..40]);
        }
    }
}
