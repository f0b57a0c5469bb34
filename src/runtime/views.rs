//! Named views go into the user's settings file, whose comments and order stay as they are.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, value};

use crate::app::View;

/// Adds or replaces a view in the settings file; what to say about it.
pub fn save(path: &Path, view: &View) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("the view is not kept: {}: {error}", path.display());
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(&error)),
    };
    let mut document: DocumentMut = text.parse().map_err(|error| failed(&error))?;
    let views = document.entry("views").or_insert(Item::Table(Table::new()));
    let Some(views) = views.as_table_like_mut() else {
        return Err(failed(&"`views` is no table there"));
    };
    views.insert(&view.name, value(&view.filter));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    // Written beside it and renamed: a full disk must not cost the settings.
    let beside = path.with_extension("toml.new");
    std::fs::write(&beside, document.to_string())
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| failed(&error))?;
    Ok(format!("view {} is kept in {}", view.name, path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_view_is_added_and_replaced_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/config.toml");
        let view = |filter: &str| View {
            name: "my view".into(),
            filter: filter.into(),
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
}
