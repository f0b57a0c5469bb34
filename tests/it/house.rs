//! The rules of the house, read from the source text: arrows between layers, file length, forbidden names.
//! Textual, so it names file and line and runs in milliseconds; `src/lib.rs` has the picture it keeps.

use std::fs;
use std::path::{Path, PathBuf};

/// Which layers a layer may name, itself apart.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("pricing", &["model"]),
    ("formats", &["model"]),
    ("derive", &["model", "pricing"]),
    ("insight", &["model", "pricing"]),
    ("replay", &["model"]),
    ("demo", &["model"]),
    ("sources", &["model"]),
    ("store", &["model", "derive", "pricing"]),
    ("config", &["model", "pricing"]),
    ("cli", &["model", "config", "report"]),
    ("app", &["model", "pricing", "derive", "insight", "replay"]),
    ("keymap", &["model", "app"]),
    ("ui", &["model", "pricing", "insight", "replay", "app", "keymap"]),
    ("report", &["model", "pricing", "derive", "insight", "replay"]),
    (
        "runtime",
        &[
            "model", "pricing", "formats", "derive", "insight", "replay", "demo", "sources", "store", "config", "cli", "app", "keymap",
            "ui", "report",
        ],
    ),
];

/// Layers that do no I/O and know neither engine nor event loop.
const PURE: &[&str] = &[
    "model", "formats", "pricing", "derive", "insight", "replay", "demo", "report", "app", "keymap", "ui", "config", "cli",
];

/// Words that no pure layer may name.
const IMPURE: &[&str] = &[
    "tokio",
    "duckdb",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
];

const MOST_LINES: usize = 700;

struct Source {
    path: PathBuf,
    layer: String,
    /// Lines of code: comments and what stands behind `#[cfg(test)]` are blanked.
    code: Vec<String>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.into_iter().map(|path| read(&root, path)).collect()
}

fn read(root: &Path, path: PathBuf) -> Source {
    let inside = path.strip_prefix(root).expect("found under src");
    let first = inside
        .components()
        .next()
        .expect("has a name")
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    let layer = first.trim_end_matches(".rs").to_owned();
    let text = fs::read_to_string(&path).expect("source is UTF-8");
    let is_tests = path.file_stem().is_some_and(|s| s == "tests") || path.iter().any(|part| part == "tests");
    let code = if is_tests { Vec::new() } else { strip(&text) };
    Source { path, layer, code }
}

/// Blanks comments and everything from the first `#[cfg(test)]` on a module to the end of the file.
fn strip(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut raw = text.lines().peekable();
    while let Some(line) = raw.next() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("#[cfg(test)]")
            && raw
                .peek()
                .is_some_and(|next| next.trim_start().starts_with("mod ") && next.trim_end().ends_with('{'))
        {
            break;
        }
        lines.push(if trimmed.starts_with("//") {
            String::new()
        } else {
            line.split(" // ").next().unwrap_or_default().to_owned()
        });
    }
    lines
}

fn complain(what: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{what}:\n  {}", faults.join("\n  "));
}

fn at(source: &Source, line: usize) -> String {
    format!("{}:{}", source.path.display(), line + 1)
}

/// Layers named in a line by `crate::x`, `crate::{x, y}` or `spanscope::x`.
fn named(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for piece in line.split("crate::").skip(1) {
        let list = piece
            .strip_prefix('{')
            .map_or_else(|| vec![piece], |inner| inner.split(',').collect());
        for item in list {
            let name: String = item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.push(name);
        }
    }
    names
}

#[test]
fn arrows_go_as_in_the_picture() {
    let mut faults = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = ARROWS.iter().find(|(layer, _)| *layer == source.layer) else {
            if !matches!(source.layer.as_str(), "lib" | "main") {
                faults.push(format!("{}: `{}` is not a layer of the house", source.path.display(), source.layer));
            }
            continue;
        };
        for (number, line) in source.code.iter().enumerate() {
            for name in named(line) {
                let layer = ARROWS.iter().any(|(layer, _)| *layer == name);
                if layer && name != source.layer && !allowed.contains(&name.as_str()) {
                    faults.push(format!("{}: {} must not name {name}", at(&source, number), source.layer));
                }
            }
        }
    }
    complain("arrows against the picture in src/lib.rs", &faults);
}

#[test]
fn pure_layers_do_nothing_but_think() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|s| PURE.contains(&s.layer.as_str())) {
        for (number, line) in source.code.iter().enumerate() {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{}: a pure layer names {word}", at(source, number)));
            }
        }
    }
    complain("I/O, threads or clocks in a pure layer", &faults);
}

#[test]
fn app_knows_of_ratatui_only_the_layout() {
    let mut faults = Vec::new();
    let mut text_areas = Vec::new();
    for source in sources().iter().filter(|s| s.layer == "app") {
        for (number, line) in source.code.iter().enumerate() {
            for rest in line.split("ratatui::").skip(1) {
                if !rest.starts_with("layout") {
                    faults.push(format!("{}: app names ratatui beyond its layout", at(source, number)));
                }
            }
            if line.contains("crossterm") {
                faults.push(format!("{}: app names crossterm", at(source, number)));
            }
            if line.contains("tui_textarea") && !text_areas.contains(&source.path) {
                text_areas.push(source.path.clone());
            }
        }
    }
    assert!(
        text_areas.len() <= 2,
        "the text area belongs to one file (and its message type to the router): {text_areas:?}"
    );
    complain("the screen leaks into app", &faults);
}

#[test]
fn only_the_theme_names_a_colour() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|s| !s.path.ends_with("ui/theme.rs")) {
        for (number, line) in source.code.iter().enumerate() {
            if line.contains("Color::") || line.contains("style::Color") {
                faults.push(format!("{}: a colour outside ui/theme.rs", at(source, number)));
            }
        }
    }
    complain("colours", &faults);
}

#[test]
fn only_safe_text_reaches_a_span() {
    const DOORS: &[&str] = &[
        "Span::raw(",
        "Span::styled(",
        "Span::from(",
        "Line::raw(",
        "Line::styled(",
        "Text::raw(",
        ".set_string(",
        ".set_stringn(",
    ];
    let mut faults = Vec::new();
    for source in sources().iter().filter(|s| s.layer == "ui" && !s.path.ends_with("ui/text.rs")) {
        for (number, line) in source.code.iter().enumerate() {
            for door in DOORS.iter().filter(|door| line.contains(**door)) {
                faults.push(format!("{}: {door}…) takes any text; go through ui::text", at(source, number)));
            }
        }
    }
    complain("text that was not sanitised may reach the terminal", &faults);
}

#[test]
fn files_stay_short() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines = source.code.iter().filter(|line| !line.trim().is_empty()).count();
        if lines > MOST_LINES {
            faults.push(format!("{}: {lines} lines of code, at most {MOST_LINES}", source.path.display()));
        }
    }
    complain("long files", &faults);
}

#[test]
fn no_module_is_named_after_nothing() {
    const EMPTY: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager", "misc"];
    let mut faults = Vec::new();
    for source in sources() {
        for part in source.path.iter().map(|p| p.to_string_lossy()) {
            if EMPTY.contains(&part.trim_end_matches(".rs")) {
                faults.push(source.path.display().to_string());
            }
        }
    }
    complain("names that say nothing", &faults);
}

#[test]
fn every_query_file_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let Ok(folder) = fs::read_dir(root.join("sql")) else { return };
    let code: String = sources()
        .iter()
        .filter(|s| s.layer == "store")
        .flat_map(|s| s.code.clone())
        .collect();
    let mut faults = Vec::new();
    for entry in folder {
        let name = entry.expect("sql is readable").file_name().to_string_lossy().into_owned();
        if !code.contains(&format!("sql/{name}")) {
            faults.push(format!("src/store/sql/{name} is named nowhere"));
        }
    }
    complain("queries nobody asks", &faults);
}

#[test]
fn the_rules_catch_what_they_forbid() {
    assert_eq!(named("use crate::{model::span, store};"), ["model", "store"]);
    assert_eq!(named("let x = crate::pricing::Prices::embedded();"), ["pricing"]);
    assert_eq!(strip("a\n// b\n#[cfg(test)]\nmod tests {\n c\n}"), ["a", ""]);
}
