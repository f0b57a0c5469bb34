//! What is kept goes into the user's settings file, whose comments and order stay as they are.

use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, Table, value};

use crate::app::Kept;
use crate::app::layout::Plan;

/// Writes it into the settings file.
pub fn save(path: &Path, kept: &Kept) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("the settings are not kept: {}: {error}", path.display());
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(&error)),
    };
    let mut document: DocumentMut = text.parse().map_err(|error| failed(&error))?;
    match kept {
        Kept::View(view) => {
            let views = document.entry("views").or_insert(Item::Table(Table::new()));
            let Some(views) = views.as_table_like_mut() else {
                return Err(failed(&"`views` is no table there"));
            };
            views.insert(&view.name, value(&view.filter));
        }
        Kept::Plan(plan) => {
            let columns: Array = plan.columns.iter().map(|column| column.name()).collect();
            let default = Plan::default();
            // What is as designed need not be said.
            for (key, said, differs) in [
                ("columns", value(columns), plan.columns != default.columns),
                (
                    "list_percent",
                    value(i64::from(plan.list_percent)),
                    plan.list_percent != default.list_percent,
                ),
                (
                    "costs_columns",
                    value(i64::from(plan.costs_columns)),
                    plan.costs_columns != default.costs_columns,
                ),
            ] {
                match document.get_mut(key) {
                    Some(known) if differs => *known = said,
                    None if differs => {
                        document.insert(key, said);
                    }
                    Some(_) | None => {
                        document.remove(key);
                    }
                }
            }
        }
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    // Written beside it and renamed: a full disk must not cost the settings.
    let beside = path.with_extension("toml.new");
    std::fs::write(&beside, document.to_string())
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::app::View;
    use crate::model::column::Column;

    #[test]
    fn a_view_is_added_and_replaced_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/config.toml");
        let view = |filter: &str| {
            Kept::View(View {
                name: "my view".into(),
                filter: filter.into(),
            })
        };
        save(&path, &view("cost>1")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("# mine\ntheme = \"dark\" # at night\n\n{text}")).unwrap();
        save(&path, &view("a \"b\"")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# mine\ntheme = \"dark\" # at night\n"), "{text}");
        let config = crate::config::Config::default().with(&text).unwrap();
        assert_eq!(config.views["my view"], "a \"b\"");
        std::fs::write(&path, "views = 3\n").unwrap();
        assert!(save(&path, &view("x")).unwrap_err().contains("no table"));
    }

    #[test]
    fn the_layout_is_kept_before_the_tables_and_forgotten_when_it_is_as_designed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "theme = \"dark\" # at night\n\n[views]\nx = \"cost>1\"\n").unwrap();
        let plan = Plan {
            columns: vec![Column::Cost, Column::Ask],
            list_percent: 55,
            costs_columns: 40,
        };
        save(&path, &Kept::Plan(plan.clone())).unwrap();
        let read = || {
            crate::config::Config::default()
                .with(&std::fs::read_to_string(&path).unwrap())
                .unwrap()
        };
        let config = read();
        assert_eq!((config.columns, config.list_percent, config.costs_columns), (plan.columns, 55, 40));
        assert_eq!((config.theme.as_str(), config.views["x"].as_str()), ("dark", "cost>1"));
        save(&path, &Kept::Plan(Plan::default())).unwrap();
        assert!(!std::fs::read_to_string(&path).unwrap().contains("columns"));
        assert_eq!(read().list_percent, 40);
    }
}
