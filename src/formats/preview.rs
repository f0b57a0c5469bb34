//! Counts the documents in a tool result that was logged as the text of a Python list, possibly cut off.
//!
//! Nothing is evaluated: brackets are matched outside of quotes, and only a list of mappings counts.

/// How many mappings a list holds, the last one perhaps cut; `None` when the text is no list of mappings.
#[must_use]
pub fn documents(text: &str) -> Option<u32> {
    let list = text.trim_start().strip_prefix('[')?;
    if !list.trim_start().starts_with('{') {
        return None;
    }
    let (mut depth, mut count) = (0u32, 0u32);
    let mut quote = None;
    let mut escaped = false;
    for c in list.chars() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '{') => {
                count += u32::from(depth == 0);
                depth += 1;
            }
            (None, '[' | '(') => depth += 1,
            (None, ']') if depth == 0 => break,
            (None, '}' | ']' | ')') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::documents;

    #[test]
    fn counts() {
        assert_eq!(documents("[{'id': 'a', 'm': {'x': [1]}}, {'id': \"b's {\"}]"), Some(2));
        assert_eq!(documents("[{'id': 'a'}, {'id': 'b', 'text': 'cut he"), Some(2));
        assert_eq!(documents("{'plan': 'annual'}"), None);
        assert_eq!(documents("['a', 'b']"), None);
    }
}
