//! Lists in the three spellings that attribute maps know: a JSON string, a nested value, and flattened keys `prefix.N.field`.
//!
//! All become the JSON text of one array, with every dotted key opened into objects and every numbered one into arrays.

use std::borrow::Cow;

use super::message::unwrapped;
use super::scan::{Fields, array, ordinary, quote};

/// Deeper values stay as they were written.
const DEEPEST: usize = 16;

/// A value under construction.
enum Node {
    /// JSON text.
    Leaf(String),
    /// Keys in the order they were met.
    Branch(Vec<(String, Node)>),
}

/// Takes the list under `prefix`, in whichever spelling it stands there.
pub fn list(fields: &mut Fields<'_>, prefix: &str) -> Option<String> {
    if let Some(raw) = fields.take(prefix) {
        let raw = unwrapped(&raw);
        // Some exporters write each element as a JSON string of its own.
        if let Some(items) = array(&raw)
            && items.iter().any(|item| item.starts_with('"'))
        {
            let items: Vec<Cow<'_, str>> = items.into_iter().map(unwrapped).collect();
            return Some(opened(&format!("[{}]", items.join(",")), 0).into_owned());
        }
        return Some(opened(&raw, 0).into_owned());
    }
    let taken = fields.take_under(prefix);
    if taken.is_empty() {
        return None;
    }
    let mut root = Node::Branch(Vec::new());
    for (key, value) in taken {
        let value = opened(&value, 0).into_owned();
        insert(&mut root, &key, value);
    }
    let text = render(&root);
    Some(if text.starts_with('[') { text } else { format!("[{text}]") })
}

/// JSON text with the dotted keys of its objects opened.
#[must_use]
pub fn opened(raw: &str, depth: usize) -> Cow<'_, str> {
    if depth > DEEPEST || !raw.contains('.') {
        return raw.into();
    }
    if let Some(items) = array(raw) {
        let opened: Vec<Cow<'_, str>> = items.iter().map(|item| opened(item, depth + 1)).collect();
        if opened.iter().all(|item| matches!(item, Cow::Borrowed(_))) {
            return raw.into();
        }
        return format!("[{}]", opened.join(",")).into();
    }
    let Some(fields) = Fields::of(raw) else { return raw.into() };
    let values: Vec<(&str, Cow<'_, str>)> = fields.rest().map(|(key, value)| (key, opened(value, depth + 1))).collect();
    if !values
        .iter()
        .any(|(key, value)| key.contains('.') || matches!(value, Cow::Owned(_)))
    {
        return raw.into();
    }
    let mut root = Node::Branch(Vec::new());
    for (key, value) in values {
        insert(&mut root, key, value.into_owned());
    }
    render(&root).into()
}

fn insert(node: &mut Node, path: &str, value: String) {
    let mut node = node;
    // A name has few dots; what has more is no path.
    for step in path.splitn(DEEPEST, '.') {
        if let Node::Leaf(text) = node {
            let text = std::mem::take(text);
            *node = Node::Branch(vec![("value".to_owned(), Node::Leaf(text))]);
        }
        let Node::Branch(children) = node else { return };
        let at = children.iter().rposition(|(key, _)| key == step).unwrap_or_else(|| {
            children.push((step.to_owned(), Node::Branch(Vec::new())));
            children.len() - 1
        });
        node = &mut children[at].1;
    }
    match node {
        Node::Branch(children) if !children.is_empty() => children.push(("value".to_owned(), Node::Leaf(value))),
        node => *node = Node::Leaf(value),
    }
}

fn render(node: &Node) -> String {
    let children = match node {
        Node::Leaf(text) if ordinary(text) => return text.clone(),
        Node::Leaf(text) => return quote(text),
        Node::Branch(children) => children,
    };
    let numbers: Option<Vec<(u32, &Node)>> = children.iter().map(|(key, child)| Some((key.parse().ok()?, child))).collect();
    match numbers {
        Some(mut numbered) if !numbered.is_empty() => {
            numbered.sort_by_key(|(n, _)| *n);
            let items: Vec<String> = numbered.into_iter().map(|(_, child)| render(child)).collect();
            format!("[{}]", items.join(","))
        }
        _ => {
            let items: Vec<String> = children
                .iter()
                .map(|(key, child)| format!("{}:{}", quote(key), render(child)))
                .collect();
            format!("{{{}}}", items.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&'static str, &'static str)]) -> Fields<'static> {
        let mut fields = Fields::default();
        for (key, value) in pairs {
            fields.push((*key).into(), (*value).into());
        }
        fields
    }

    #[test]
    fn three_spellings_are_one_list() {
        let want = r#"[{"message":{"role":"user","calls":[{"id":"a"}]}},{"message":{"role":"tool"}}]"#;
        let flat = [
            ("m.10.message.role", r#""tool""#),
            ("m.0.message.role", r#""user""#),
            ("m.0.message.calls.0.id", r#""a""#),
        ];
        let nested = r#"[{"message.role":"user","message.calls":[{"id":"a"}]},{"message.role":"tool"}]"#;
        let text = Box::leak(quote(nested).into_boxed_str());
        for mut spelling in [fields(&flat), fields(&[("m", nested)]), fields(&[("m", text)])] {
            assert_eq!(list(&mut spelling, "m").as_deref(), Some(want));
            assert!(spelling.is_empty());
        }
    }

    #[test]
    fn what_contradicts_itself_is_kept() {
        let mut odd = fields(&[("m.0.a", "1.50"), ("m.0.a.b", "2"), ("mine", "3")]);
        assert_eq!(list(&mut odd, "m").as_deref(), Some(r#"[{"a":{"value":1.50,"b":2}}]"#));
        assert_eq!(odd.rest().count(), 1);
        assert_eq!(list(&mut odd, "m"), None);
    }
}
