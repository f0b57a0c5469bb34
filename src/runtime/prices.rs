//! `prices import`: another project's table into the user's price file, which is replaced in one step.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::pricing::{self, Imported, Prices};
use crate::report::{self, Output};

use super::Failure;
use super::setup::Setup;

/// What a new price file begins with.
const HEADER: &str = "# Prices in USD per million tokens, in the schema of spanscope's assets/pricing.toml: laid over the built-in prices.\n\
# Written by `spanscope prices import`, which keeps the rows that are here and these first comments.\n";

/// Reads the table, writes the file, says what came of it.
pub fn import(setup: &Setup, table: &Path, output: Output) -> Result<u8, Failure> {
    let text = fs::read_to_string(table).map_err(|error| {
        Failure::new(
            1,
            format!("{}: {error}", table.display()),
            "name a copy of LiteLLM's model_prices_and_context_window.json",
        )
    })?;
    let path = &setup.price_file;
    let before = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(Failure::new(
                1,
                format!("{}: {error}", path.display()),
                "look at `pricing` in the settings",
            ));
        }
    };
    let own = Prices::read(&before).map_err(|error| {
        Failure::new(
            2,
            format!("{}: {error}", path.display()),
            "the schema is that of assets/pricing.toml",
        )
    })?;
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let imported = pricing::import(&text, &setup.prices, &own, today).map_err(|error| {
        Failure::new(
            1,
            format!("{}: {error}", table.display()),
            "the table is one JSON object, a model each",
        )
    })?;
    let is_new = |imported: &Imported| imported.added + imported.changed + imported.completed > 0;
    if is_new(&imported) {
        // In the order that the prices have in force.
        let rows = Prices::of(imported.rows.clone());
        let after = format!("{}{}", head(&before), pricing::write(rows.iter()));
        replace(path, &after).map_err(|error| {
            Failure::new(
                4,
                format!("cannot write {}: {error}", path.display()),
                "make room, or name another file by `pricing` in the settings; the file is as it was",
            )
        })?;
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    match report::imported(&imported, path, output, &mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(1, format!("cannot print: {error}"), "look at where the output goes"))
        }
        Ok(()) | Err(_) => Ok(0),
    }
}

/// The comments a file begins with.
fn head(text: &str) -> String {
    let lines = text.lines().take_while(|line| line.is_empty() || line.starts_with('#'));
    let head: Vec<&str> = lines.collect();
    let head = head.join("\n");
    let head = head.trim_end();
    if head.is_empty() { HEADER.to_owned() } else { format!("{head}\n") }
}

/// Writes beside the file and renames: whoever reads sees the old file or the new one. A new file is the user's alone.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    if let Ok(known) = fs::metadata(path) {
        file.as_file().set_permissions(known.permissions())?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
