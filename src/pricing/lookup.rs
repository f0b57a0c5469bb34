//! Under which names a logged model may stand in the price table, from exact to stripped.
//!
//! Only what is known to leave the price as it is gets taken away: a seller's or gateway's name in front, a date or Bedrock's version
//! behind. Whatever else is in a name (`:free`, `-preview`, a region we have no price for) may make it another model, and another
//! model's price is worse than none.

use std::borrow::Cow;

/// Sellers and gateways that write themselves before the model and sell at its list price: `openrouter/openai/gpt-4o`.
/// Where one asks another price, the table has a row under the whole name.
const SELLERS: &[&str] = &[
    "anthropic",
    "azure",
    "bedrock",
    "cohere",
    "converse",
    "deepseek",
    "gemini",
    "google",
    "invoke",
    "litellm_proxy",
    "mistral",
    "mistralai",
    "minimax",
    "models",
    "moonshot",
    "openai",
    "openrouter",
    "publishers",
    "vertex",
    "vertex_ai",
    "voyage",
    "voyageai",
    "x-ai",
    "xai",
    "zai",
];

/// Bedrock's inference profiles: `us.anthropic.claude-…`. Where a profile is dearer the table has a row under its whole name.
/// `us-gov.` is missing on purpose: its price is its own.
const PROFILES: &[&str] = &["us.", "eu.", "apac.", "jp.", "au.", "global."];
/// Those of one region beside `us.`, at its price.
const REGIONS: &[&str] = &["eu.", "apac.", "jp.", "au."];

/// Every name to look up for a model in lower case, the most exact first: as it stands, without its sellers, as Bedrock's American
/// profile where it names another region's (they cost the same), without Bedrock's prefix; each also without its date.
pub(super) fn names(model: &str) -> Vec<Cow<'_, str>> {
    let whole = model.trim();
    let sold = without_sellers(whole);
    let regional = REGIONS
        .iter()
        .find_map(|region| sold.strip_prefix(region))
        .filter(|rest| rest.starts_with("anthropic."));
    let american = regional.map(|rest| format!("us.{rest}"));
    let bare = without_bedrock(sold);
    let mut names: Vec<Cow<'_, str>> = exact(whole).chain(exact(sold)).map(Cow::Borrowed).collect();
    if let Some(name) = american {
        let short = without_date(&name).to_owned();
        names.extend([Cow::Owned(name), Cow::Owned(short)]);
    }
    names.extend(exact(bare).map(Cow::Borrowed));
    names.retain(|name| !name.is_empty());
    names
}

/// A name, and the same without its date.
pub(super) fn exact(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(std::iter::once_with(move || without_date(name)))
}

/// A model under the name of who sells it, as the table writes it: `azure/gpt-4o` of `azure.ai.openai`.
pub(super) fn sold_by(model: &str, provider: &str) -> Option<String> {
    let provider = provider.trim().to_ascii_lowercase();
    let prefix = match provider.rsplit_once('.').unwrap_or(("", &provider)) {
        ("azure.ai" | "az.ai", "inference") => "azure_ai",
        ("azure.ai" | "az.ai", "openai") => "azure",
        ("aws", "bedrock") => "bedrock",
        ("gcp", "gen_ai") => "gemini",
        (_, "x_ai") => "xai",
        (_, "mistral_ai" | "mistralai") => "mistral",
        (_, "together" | "togetherai") => "together_ai",
        (_, "fireworks") => "fireworks_ai",
        (_, last) => last,
    };
    let plain = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let model = model.trim();
    (plain && !model.starts_with(&format!("{prefix}/"))).then(|| format!("{prefix}/{model}"))
}

fn without_sellers(mut name: &str) -> &str {
    // An ARN ends in the profile's name: arn:aws:bedrock:us-east-1:123:inference-profile/us.anthropic.claude-…
    if let Some((_, last)) = name.rsplit_once('/').filter(|_| name.starts_with("arn:aws")) {
        return last;
    }
    while let Some((seller, rest)) = name.split_once('/') {
        if !SELLERS.contains(&seller) || seller == "azure" && !is_openai(rest) {
            break;
        }
        name = rest;
    }
    name
}

/// Azure sells other makers' models at prices of its own.
fn is_openai(model: &str) -> bool {
    ["gpt-", "o1", "o3", "o4"].iter().any(|start| model.starts_with(start))
}

fn without_bedrock(name: &str) -> &str {
    let profile = PROFILES.iter().find_map(|prefix| name.strip_prefix(prefix));
    profile.unwrap_or(name).strip_prefix("anthropic.").map_or(name, without_version)
}

/// Takes a date from the end, and what stands behind a date: `-20250929`, `@20250929`, `-2024-08-06`, `-20250929-v1:0`, `@default`,
/// `[1m]`, and whose a fine-tuned model is.
fn without_date(name: &str) -> &str {
    if let Some(tuned) = name.strip_prefix("ft:") {
        let base = tuned.split(':').next().unwrap_or_default();
        return &name[..3 + base.len()];
    }
    let name = name.strip_suffix("[1m]").or_else(|| name.strip_suffix("@default")).unwrap_or(name);
    let name = if name.contains("anthropic.") { without_version(name) } else { name };
    if let Some((head, day)) = name.rsplit_once(['-', '@'])
        && day.starts_with("20")
        && is_number(day, 8)
    {
        return head;
    }
    let mut pieces = name.rsplitn(4, '-');
    if let (Some(day), Some(month), Some(year), Some(head)) = (pieces.next(), pieces.next(), pieces.next(), pieces.next())
        && is_number(day, 2)
        && is_number(month, 2)
        && is_number(year, 4)
    {
        return head;
    }
    name
}

/// Takes Bedrock's `-v1` or `-v1:0` from the end.
fn without_version(name: &str) -> &str {
    let Some((head, version)) = name.rsplit_once("-v") else {
        return name;
    };
    let (major, minor) = version.split_once(':').unwrap_or((version, "0"));
    if is_number(major, 1) && is_number(minor, 1) { head } else { name }
}

fn is_number(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())
}
