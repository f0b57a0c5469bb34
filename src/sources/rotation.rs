//! What rotation does to a name: `app.jsonl` becomes `app.jsonl.1`, `app.jsonl.2.gz`, `app.jsonl-20261124`, `app.jsonl.2026-11-24.zst`.
//!
//! A name alone proves nothing; it only says which files are worth comparing.

const COMPRESSED: [&str; 2] = [".gz", ".zst"];

/// Does the name promise a compressed file?
pub(super) fn is_compressed(name: &str) -> bool {
    COMPRESSED.iter().any(|end| name.ends_with(end))
}

/// The name before rotation.
pub(super) fn stem(name: &str) -> &str {
    let mut stem = COMPRESSED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    while let Some(at) = stem.rfind(['.', '-', '_']) {
        let (before, part) = (&stem[..at], &stem[at + 1..]);
        let is_number =
            part.starts_with(|c: char| c.is_ascii_digit()) && part.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | 'T' | 'Z'));
        let named = before.rsplit('/').next().is_some_and(|name| !name.is_empty());
        if !is_number || !named {
            break;
        }
        stem = before;
    }
    stem
}

/// Is it a name that rotation gave?
pub(super) fn is_rotated(name: &str) -> bool {
    stem(name) != name
}

/// May one be the other after rotation?
pub(super) fn are_siblings(a: &str, b: &str) -> bool {
    stem(a) == stem(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_rotation_added() {
        for name in [
            "app.jsonl",
            "app.jsonl.1",
            "app.jsonl.12.gz",
            "app.jsonl.gz",
            "app.jsonl-20261124",
            "app.jsonl-20261124-1732400000.zst",
            "app.jsonl.2026-11-24",
            "app.jsonl.2026-11-24T15:04:05Z.gz",
            "app.jsonl_2.zst",
        ] {
            assert_eq!(stem(name), "app.jsonl");
            assert_eq!(is_rotated(name), name != "app.jsonl");
        }
        for name in ["app-2026-11-24.jsonl", "app.jsonl.bak", "a.1/.2", "a/2026", "2026-11-24.json", ".5"] {
            assert!(!is_rotated(name), "{name}");
        }
        assert!(are_siblings("d/a.log.2.gz", "d/a.log.1") && !are_siblings("d/a.log", "e/a.log"));
    }
}
