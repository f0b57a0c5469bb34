#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn the_built_in_file_is_the_defaults() {
    let config = Config::default();
    assert_eq!(
        (config.theme.as_str(), config.color, config.memory, config.threads),
        ("ansi", When::Auto, 500_000_000, 2)
    );
    assert_eq!(
        (config.timezone.as_ref(), config.pricing.as_ref(), config.clipboard),
        (None, None, Clipboard::Auto)
    );
    assert!(config.feature_keys.is_empty() && config.keys.is_none());
    assert_eq!((config.anomaly, config.baselines), (Rule::default(), None));
    let table: toml::Table = DEFAULTS.parse().unwrap();
    assert!(
        KEYS.iter().all(|key| table.contains_key(*key)) && table.len() == KEYS.len(),
        "every setting has its default in the file"
    );
}

#[test]
fn a_file_replaces_what_it_names_and_nothing_else() {
    let config = Config::default()
        .with("color = 'never'\nmemory = '1GiB'\npricing = 'p.toml'")
        .unwrap()
        .with("[keys.list]\nopen = ['h']")
        .unwrap();
    assert_eq!((config.color, config.memory, config.threads), (When::Never, 1 << 30, 2));
    assert_eq!(config.pricing, Some("p.toml".into()));
    assert_eq!(config.keys.as_deref(), Some("[keys.list]\nopen = ['h']"));
}

#[test]
fn when_a_cost_is_out_of_the_ordinary_is_set_piece_by_piece() {
    let config = Config::default()
        .with("[anomaly]\nmultiplier = 2.5\nhours = 48")
        .unwrap()
        .with("anomaly = { minimum = 5, baselines = 'b.toml' }")
        .unwrap();
    let rule = Rule {
        multiplier: 2_500,
        window: 48 * 3_600_000_000_000,
        minimum: 5,
        ..Rule::default()
    };
    assert_eq!((config.anomaly, config.baselines), (rule, Some("b.toml".into())));
    for (text, message) in [
        ("[anomaly]\nmultiplier = 0.5", "line 2: multiplier is a number from 1 to 1000"),
        ("[anomaly]\n\nhours = 0", "line 3: hours is a number from 1 to 8784, a year"),
        ("[anomaly]\nminimum = -1", "line 2: minimum is a number from 1 to 1000000"),
    ] {
        assert_eq!(Config::default().with(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_format_of_ones_own() {
    let text = "[dialect.acme]\nmatch = ['/kind', '/llm/m']\nmodel = '/llm/m'\n'cost_usd' = '/usd'\n[dialect.other]\nmodel = '/m'\n";
    let config = Config::default().with(text).unwrap().with("[dialect.other]\nname = '/n'").unwrap();
    let names: Vec<(&str, usize, usize)> = config
        .dialects
        .iter()
        .map(|own| (own.name, own.matches.len(), own.fields.len()))
        .collect();
    assert_eq!(names, [("acme", 2, 2), ("other", 0, 1)]);
    assert_eq!(
        config.dialects[1].fields[0].0, "name",
        "a later file's say replaces the whole format"
    );
}

#[test]
fn errors_name_the_line_and_what_was_meant() {
    let table = [
        (
            "\ncolour = 'auto'",
            "line 2: unknown setting `colour`",
            Some("did you mean `color`?"),
        ),
        (
            "zzz = 1",
            "line 1: unknown setting `zzz`",
            Some(
                "settings are theme, color, glyphs, columns, list_percent, costs_columns, timezone, feature_keys, clipboard, memory, threads, pricing, anomaly, ssh, dialect, source, keys, views",
            ),
        ),
        (
            "\n\ncolor = 'alway'",
            "line 3: `alway` is not allowed here",
            Some("did you mean `always`?"),
        ),
        (
            "clipboard = 'xyzzy'",
            "line 1: `xyzzy` is not allowed here",
            Some("one of auto, tmux, osc52, native, file, off"),
        ),
        (
            "\ncolumns = ['time', 'featur']",
            "line 2: there is no column `featur`",
            Some("did you mean `feature`?"),
        ),
        ("list_percent = 95", "line 1: list_percent is a number from 10 to 90", None),
        ("memory = 'lots'", "line 1: `lots` is not a size", Some("such as 512MB or 1GiB")),
        (
            "memory = '10MB'",
            "line 1: `10MB` is too little: it needs 300MB at least",
            Some("such as 512MB or 1GiB"),
        ),
        ("threads = 0", "line 1: threads is a number from 1 to 1024", None),
        (
            "theme = 'x'\ntimezone = 'Mars/Base'",
            "line 2: unknown time zone `Mars/Base`",
            Some("an IANA name such as Europe/Berlin, or \"\" for the machine's own"),
        ),
        (
            "[dialect.acme]\nmodel = '/m'\nmodle = '/m'",
            "line 3: unknown field `modle`",
            Some("did you mean `model`?"),
        ),
        (
            "[dialect.acme]\nmatch = ['/a', 'b/c']",
            "line 2: `b/c` is no JSON pointer",
            Some("it begins with a slash: \"/b/c\""),
        ),
        (
            "[dialect.acme]\n\nmodel = ['/a', '/b']",
            "line 3: `model` is one JSON pointer",
            Some("only `match` is a list"),
        ),
        (
            "[dialect.acme]\nmodel = 1",
            "line 2: a JSON pointer such as \"/usage/input\", or a list of them",
            None,
        ),
        ("theme = 3", "line 1: invalid type: integer `3`, expected a string", None),
    ];
    for (text, message, hint) in table {
        let error = Config::default().with(text).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.hint.as_deref()), (message, hint), "{text}");
    }
    assert_eq!(Config::default().with("a = 1\nb = [").unwrap_err().line, 2);
}

#[test]
fn sizes() {
    let table = [
        ("512MB", Ok(512_000_000)),
        ("1GiB", Ok(1 << 30)),
        ("1.5 kib", Ok(1536)),
        ("7", Ok(7)),
        ("2g", Ok(2_000_000_000)),
    ];
    for (text, bytes) in table {
        assert_eq!(size(text), bytes, "{text}");
    }
    for text in ["", "MB", "-1MB", "1..2MB", "1.", "1XB", "0", "0.0001B", "99999999TB", "1e3", "é"] {
        assert!(size(text).is_err(), "{text}");
    }
}

#[test]
fn views_are_filters_with_names_and_wrong_ones_are_told_with_their_line() {
    let config = Config::default()
        .with("[views]\nslow = 'took>5s'\n\"two words\" = 'has:prompt'\n")
        .unwrap();
    let views: Vec<(&str, &str)> = config.views.iter().map(|(name, filter)| (name.as_str(), filter.as_str())).collect();
    assert_eq!(views, [("slow", "took>5s"), ("two words", "has:prompt")]);
    let error = Config::default().with("[views]\na = 'cost>1'\nslow = 'tok>5s'\n").unwrap_err();
    assert_eq!(error.line, 3);
    assert!(
        error.message.contains("slow") && error.message.contains("unknown field `tok`"),
        "{error}"
    );
}

#[test]
fn a_source_says_what_its_log_means() {
    let config = Config::default()
        .with("[[source]]\npath = '/a/*.jsonl'\nconvention = 'inclusive'\n[[source]]\npath = 'b'\nconvention = 'unknown'\n")
        .unwrap();
    let told: Vec<_> = config.sources.iter().map(|rule| (rule.path.as_str(), rule.convention)).collect();
    assert_eq!(told, [("/a/*.jsonl", Convention::Inclusive), ("b", Convention::Unknown)]);
    let wrong = Config::default()
        .with("[[source]]\npath = 'a'\nconvention = 'inclusiv'\n")
        .unwrap_err();
    assert_eq!((wrong.line, wrong.hint.as_deref()), (3, Some("did you mean `inclusive`?")));
    assert!(Config::default().with("[[source]]\npath = 'a'\n").is_err());
}
