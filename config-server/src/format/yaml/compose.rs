//! Parses YAML into documents of nodes. An alias refers to the node that it names.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span};

use super::error::YamlError;
use super::lines::Lines;
use crate::format::document::Origin;
use crate::format::limits::{DEPTH_MAX, LimitError, NODES_MAX};

/// The place of a node in the list of its document.
pub(super) type NodeId = usize;

/// A document: its nodes, and the first one.
pub(super) struct Composed {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

pub(super) struct Node {
    pub(super) kind: Kind,
    /// Without `tag:yaml.org,2002:` where it has it. `!` is the tag of a text.
    pub(super) tag: Option<String>,
    pub(super) origin: Origin,
}

pub(super) enum Kind {
    Scalar { text: String, is_plain: bool },
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
}

const CORE_TAGS: &str = "tag:yaml.org,2002:";

/// Parses all documents of a file.
pub(super) fn documents(text: &str) -> Result<Vec<Composed>, YamlError> {
    refuse_control_characters(text)?;
    let mut options = Options::default();
    options.flow_nesting_limit = DEPTH_MAX + 1;
    options.block_nesting_limit = DEPTH_MAX + 1;
    options.set_emit_comments(false);
    options.emit_anchor_events = true;
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut composer = Composer {
        lines: Lines::of(text),
        documents: Vec::new(),
        nodes: Vec::new(),
        open: Vec::new(),
        root: None,
        anchors: HashMap::new(),
    };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        composer.take(event, &span)?;
    }
    Ok(composer.documents)
}

/// `SnakeYAML` refuses them everywhere.
fn refuse_control_characters(text: &str) -> Result<(), YamlError> {
    let is_refused = |char: char| matches!(char, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    for (line, content) in text.split('\n').enumerate() {
        if let Some(column) = content.chars().position(is_refused) {
            let origin = Origin { line, column: isize::try_from(column).unwrap_or_default() };
            return Err(YamlError::at(
                origin,
                "a control character must be written as an escape in double quotes",
            ));
        }
    }
    Ok(())
}

fn syntax(error: &ScanError) -> YamlError {
    let mark = error.marker();
    let column = isize::try_from(mark.col()).unwrap_or_default();
    // The message of the parser names what it expected, and may name an anchor or a directive, but no value.
    YamlError::at(Origin { line: mark.line().saturating_sub(1), column }, error.info())
}

/// Builds the nodes from the events of the parser.
struct Composer<'text> {
    lines: Lines<'text>,
    documents: Vec<Composed>,
    nodes: Vec<Node>,
    /// The collections that are not complete.
    open: Vec<Open>,
    root: Option<NodeId>,
    anchors: HashMap<usize, NodeId>,
}

struct Open {
    id: NodeId,
    /// The key of a map whose value has not come.
    key: Option<NodeId>,
}

impl Composer<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), YamlError> {
        match event {
            Event::DocumentStart(false, _) if !self.documents.is_empty() => {
                return Err(YamlError::at(origin_of(span), "a document behind another begins with ---"));
            }
            Event::DocumentEnd => {
                let nodes = std::mem::take(&mut self.nodes);
                self.anchors.clear();
                if let Some(root) = self.root.take() {
                    self.documents.push(Composed { nodes, root });
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                let is_absent = is_plain && span.start.index() == span.end.index();
                let kind = Kind::Scalar { text: text.into_owned(), is_plain };
                let id = self.add(kind, tag.as_deref(), anchor, span)?;
                let node = &mut self.nodes[id];
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    node.origin = node.origin.min(self.lines.block_indicator_before(node.origin));
                } else if is_absent {
                    node.origin = self.lines.behind_indicator(node.origin);
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                let id = self.add(Kind::Sequence(Vec::new()), tag.as_deref(), anchor, span)?;
                self.open.push(Open { id, key: None });
            }
            Event::MappingStart(_, anchor, tag) => {
                let id = self.add(Kind::Mapping(Vec::new()), tag.as_deref(), anchor, span)?;
                self.open.push(Open { id, key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            Event::Anchor(anchor, _) => {
                // The place of a node is that of its anchor.
                if let Some(node) = self.anchors.get(&anchor).and_then(|&id| self.nodes.get_mut(id)) {
                    node.origin = node.origin.min(origin_of(span));
                }
            }
            Event::Alias(anchor) => self.alias(anchor, span)?,
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), YamlError> {
        let id = self.anchors.get(&anchor).copied();
        let id = id.ok_or_else(|| YamlError::at(origin_of(span), "the alias has no anchor before it"))?;
        if self.open.iter().any(|open| open.id == id) {
            return Err(YamlError::at(origin_of(span), "the alias names a collection that contains it"));
        }
        self.attach(id);
        Ok(())
    }

    fn add(
        &mut self,
        kind: Kind,
        tag: Option<&granit_parser::Tag>,
        anchor: usize,
        span: &Span,
    ) -> Result<NodeId, YamlError> {
        let origin = origin_of(span);
        if self.lines.has_tab_before(origin) {
            return Err(YamlError::at(origin, "a tab can't separate tokens"));
        }
        if self.nodes.len() >= NODES_MAX {
            return Err(YamlError::limit(origin, LimitError::Nodes));
        }
        if self.open.len() >= DEPTH_MAX && !matches!(kind, Kind::Scalar { .. }) {
            return Err(YamlError::limit(origin, LimitError::Depth));
        }
        let tag = tag.map(|tag| {
            let full = format!("{}{}", tag.handle(), tag.suffix());
            full.strip_prefix(CORE_TAGS).map_or_else(|| full.clone(), str::to_owned)
        });
        let id = self.nodes.len();
        self.nodes.push(Node { kind, tag, origin });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        self.attach(id);
        Ok(id)
    }

    /// Puts a node into the collection that is open.
    fn attach(&mut self, id: NodeId) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(id);
            return;
        };
        match &mut self.nodes[open.id].kind {
            Kind::Sequence(items) => items.push(id),
            Kind::Mapping(pairs) => match open.key.take() {
                Some(key) => pairs.push((key, id)),
                None => open.key = Some(id),
            },
            Kind::Scalar { .. } => {}
        }
    }
}

fn origin_of(span: &Span) -> Origin {
    let start = span
        .tag_start
        .map_or(span.start, |tag| if tag.index() < span.start.index() { tag } else { span.start });
    Origin { line: start.line().saturating_sub(1), column: isize::try_from(start.col()).unwrap_or_default() }
}
