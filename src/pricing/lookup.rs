//! Under which names a logged model may stand in the price table, from exact to stripped.
//!
//! Only prefixes of known sellers and suffixes that are dates or versions are taken away: whatever else is in a name may make it
//! another model, and another model's price is worse than none.

/// Sellers and gateways that write themselves before the model: `gemini/gemini-2.5-pro`, `openrouter/openai/gpt-4o`.
const SELLERS: &[&str] = &[
    "anthropic",
    "azure",
    "azure_ai",
    "bedrock",
    "converse",
    "cohere",
    "deepseek",
    "deepseek-ai",
    "gemini",
    "google",
    "invoke",
    "litellm_proxy",
    "mistral",
    "mistralai",
    "models",
    "openai",
    "openrouter",
    "vertex",
    "vertex_ai",
    "voyage",
    "voyageai",
    "x-ai",
    "xai",
];

/// Bedrock's regions and sellers, divided by dots: `us.anthropic.claude-…`.
const DOTTED: &[&str] = &[
    "us.",
    "eu.",
    "apac.",
    "jp.",
    "au.",
    "global.",
    "us-gov.",
    "anthropic.",
    "cohere.",
    "deepseek.",
    "mistral.",
];

/// The name itself, then without its date or version, then without a provider's prefix, then without both; in lower case.
pub(super) fn candidates(model: &str) -> Vec<String> {
    let whole = model.trim().to_lowercase();
    let bare = without_prefix(&whole);
    let mut names: Vec<String> = Vec::with_capacity(4);
    for name in [whole.as_str(), without_date(&whole), bare, without_date(bare)] {
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn without_prefix(mut name: &str) -> &str {
    while let Some((_, rest)) = name.split_once('/').filter(|(seller, _)| SELLERS.contains(seller)) {
        name = rest;
    }
    while let Some(rest) = DOTTED.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest;
    }
    name
}

/// Takes `-v1:0` and then `-20250929`, `@20250929` or `-2024-08-06` from the end.
fn without_date(name: &str) -> &str {
    let name = without_version(name);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((head, tail)) = name.rsplit_once(['-', '@'])
        && tail.len() == 8
        && digits(tail)
        && (tail.starts_with("20") || tail.starts_with("19"))
    {
        return head;
    }
    let mut pieces = name.rsplitn(4, '-');
    if let (Some(day), Some(month), Some(year), Some(head)) = (pieces.next(), pieces.next(), pieces.next(), pieces.next())
        && [(day, 2), (month, 2), (year, 4)]
            .iter()
            .all(|(text, length)| text.len() == *length && digits(text))
    {
        return head;
    }
    name
}

/// Takes Bedrock's `-v1:0` from the end.
fn without_version(name: &str) -> &str {
    let Some((head, version)) = name.rsplit_once("-v") else {
        return name;
    };
    let Some((major, minor)) = version.split_once(':') else {
        return name;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits(major) && digits(minor) { head } else { name }
}
