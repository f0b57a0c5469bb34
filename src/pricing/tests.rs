#![allow(clippy::unwrap_used)]

use super::{Price, Prices, UsdPerMillion, per_million};
use crate::model::span::Nanos;
use crate::model::usage::{Cost, Usage};

/// 2026-11-24T00:00:00Z.
const NOW: Nanos = 1_795_478_400_000_000_000;

fn at(text: &str) -> Nanos {
    Nanos::try_from(text.parse::<jiff::Timestamp>().unwrap().as_nanosecond()).unwrap()
}

fn found<'a>(prices: &'a Prices, model: &str) -> Option<&'a str> {
    prices.find(model, None, NOW).map(|price| price.model.as_str())
}

fn row(model: &str, rates: &str) -> String {
    format!("[[price]]\nmodel = \"{model}\"\nprovider = \"acme\"\n{rates}\n")
}

fn usage(classes: [u64; 5]) -> Usage {
    let [input, cache_read, cache_write, cache_write_1h, output] = classes.map(Some);
    Usage {
        input,
        cache_read,
        cache_write,
        cache_write_1h,
        output,
        reasoning: None,
    }
}

#[test]
fn a_logged_name_finds_its_model() {
    let prices = Prices::embedded();
    for (logged, model) in [
        // As its provider spells it, with and without its date.
        ("claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("claude-sonnet-4-6-20260101", "claude-sonnet-4-6"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("claude-opus-4-6@default", "claude-opus-4-6"),
        ("claude-opus-4-6[1m]", "claude-opus-4-6"),
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("gpt-5.6", "gpt-5.6-sol"),
        ("GPT-4o-Mini", "gpt-4o-mini"),
        (" gpt-4o ", "gpt-4o"),
        // A date of its own price is not taken away.
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-3.5-turbo-1106", "gpt-3.5-turbo-1106"),
        // Sellers and gateways.
        ("anthropic/claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("anthropic/claude-sonnet-4.6", "claude-sonnet-4-6"),
        ("openrouter/anthropic/claude-opus-4.8", "claude-opus-4-8"),
        ("openai/gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini/gemini-2.5-flash", "gemini-2.5-flash"),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("vertex_ai/claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("mistral/mistral-large-latest", "mistral-large-2512"),
        ("xai/grok-4.3", "grok-4.3"),
        // Azure: as OpenAI, and where it is dearer a row of its own.
        ("azure/gpt-4o", "gpt-4o"),
        ("azure/o3-mini", "o3-mini"),
        ("gpt-35-turbo", "gpt-3.5-turbo"),
        ("azure/gpt-4-turbo-2024-04-09", "azure/gpt-4-turbo"),
        ("azure/text-embedding-3-large", "azure/text-embedding-3-large"),
        // Bedrock: across the world at list price, in one region dearer from the 4.5 models on.
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-sonnet-4-5"),
        (
            "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us.anthropic.claude-sonnet-4-5",
        ),
        ("bedrock/converse/jp.anthropic.claude-opus-4-8", "us.anthropic.claude-opus-4-8"),
        ("us.anthropic.claude-opus-4-6-v1", "us.anthropic.claude-opus-4-6"),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "us.anthropic.claude-haiku-4-5",
        ),
        // Fine-tuned: what follows the base model says only whose it is.
        ("ft:gpt-4o-mini-2024-07-18:larkspur:support:9XyZ", "ft:gpt-4o-mini-2024-07-18"),
        ("ft:gpt-3.5-turbo-0125:larkspur::abc", "ft:gpt-3.5-turbo"),
    ] {
        assert_eq!(found(&prices, logged), Some(model), "{logged}");
    }
}

#[test]
fn a_name_that_only_looks_alike_has_no_price() {
    let prices = Prices::embedded();
    for logged in [
        "",
        " ",
        "/",
        "20250929",
        "-20250929",
        "gpt",
        "gpt-99-imaginary",
        // Another variant of the model, at a price of its own.
        "gpt-4o:free",
        "openrouter/openai/gpt-4o:free",
        "gpt-4o-audio-preview",
        "gpt-4o-audio-preview-2024-12-17",
        "gpt-4o-mini-search-preview",
        "gpt-4o-v2",
        "gpt-4ominious",
        "gpt-4.1-nano-mini",
        "claude-sonnet-4-6-fast",
        "claude-sonnet",
        "claude-sonnet-4-60",
        "my-claude-sonnet-4-6",
        "claude-sonnet-4-6-v1:0",
        "gemini-2.5-flash-image",
        "gemini-2.5-pro-preview-tts",
        "gemini-2.5-pro-002",
        "o1-preview-2024-09-12",
        // Not a date.
        "gpt-4o-2024-8-6",
        "gpt-4o-20240806x",
        "gpt-4o-19990101",
        "claude-sonnet-4-6-99990101",
        // A fine-tuned model is dearer than its base, and an unknown base stays unknown.
        "ft:",
        "ft:gpt-4o-mini-2025-01-01:larkspur::x",
        "ft:gpt-5:larkspur::x",
        "larkspur:gpt-4o",
        // Others' prices for the same weights.
        "azure/eu/gpt-4o",
        "azure/mistral-large-latest",
        "azure_ai/grok-code-fast-1",
        "together_ai/mistral-small-2603",
        "groq/gpt-4o",
        "bedrock/us-west-2/anthropic.claude-sonnet-4-6",
        "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
        "us.gpt-4o",
        "mistral.mistral-large-2512",
        // Its price depends on the hour.
        "deepseek-v4-pro",
    ] {
        assert_eq!(found(&prices, logged), None, "{logged:?}");
    }
}

#[test]
fn a_regional_profile_costs_a_tenth_more_in_every_class() {
    let prices = Prices::embedded();
    // From Sonnet 4.5 on; the models before it cost the same everywhere.
    let before = ["claude-3", "claude-opus-4-1", "claude-opus-4", "claude-sonnet-4", "vertex_ai/"];
    let rates = |price: &Price| {
        let mut all = vec![price.rates_for(0)];
        all.extend(price.thresholds.iter().map(|t| t.rates));
        all.into_iter()
            .flat_map(|r| [Some(r.input), Some(r.output), r.cache_read, r.cache_write, r.cache_write_1h])
            .map(|rate| rate.map(|rate| rate.0))
            .collect::<Vec<_>>()
    };
    let mut seen = 0;
    for price in prices
        .iter()
        .filter(|p| p.provider == "anthropic" && !p.model.contains("anthropic."))
    {
        if before
            .iter()
            .any(|old| price.model == *old || old.ends_with(['3', '/']) && price.model.starts_with(old))
        {
            continue;
        }
        let from = price.valid_from.map_or(NOW, super::midnight);
        let worldwide = prices.find(&price.model, None, from).unwrap();
        for region in ["us", "eu", "apac", "jp", "au"] {
            let regional = prices.find(&format!("{region}.anthropic.{}", price.model), None, from).unwrap();
            let expected: Vec<_> = rates(worldwide).iter().map(|rate| rate.map(|rate| rate / 10 * 11)).collect();
            assert_eq!(rates(regional), expected, "{region} {}", price.model);
            assert_eq!(regional.context_window, worldwide.context_window, "{region} {}", price.model);
        }
        seen += 1;
    }
    assert!(seen >= 17, "{seen}");
}

#[test]
fn every_row_names_its_source_and_makes_sense() {
    let prices = Prices::embedded();
    let mut names = std::collections::HashMap::new();
    for price in prices.iter() {
        let model = &price.model;
        assert!(price.source.starts_with("https://"), "{model} has no source");
        assert!(price.context_window.is_some(), "{model} has no context window");
        assert!(
            price.cache_read.is_none_or(|read| read < price.input),
            "{model}: reading the cache is cheaper"
        );
        assert!(
            price.cache_write.is_none_or(|write| write > price.input),
            "{model}: writing it is dearer"
        );
        assert!(
            price.cache_write_1h.is_none_or(|hour| Some(hour) > price.cache_write),
            "{model}: and dearer for an hour"
        );
        for threshold in &price.thresholds {
            let (long, short) = (threshold.rates, price.rates_for(0));
            assert!(long.input > short.input && long.output > short.output, "{model}");
            // A class left out of the threshold would keep its cheap price.
            let dearer = |long, short: Option<UsdPerMillion>| short.is_none() || long > short;
            assert!(dearer(long.cache_read, short.cache_read), "{model}");
            assert!(dearer(long.cache_write, short.cache_write), "{model}");
            assert!(dearer(long.cache_write_1h, short.cache_write_1h), "{model}");
        }
        // One name, one model; several rows of it differ in their date.
        for name in std::iter::once(model).chain(&price.aliases) {
            assert_eq!(*name, name.to_lowercase());
            let dates: &mut Vec<_> = names.entry(name.clone()).or_insert_with(Vec::new);
            assert!(!dates.contains(&(price.valid_from)), "{name} stands twice");
            dates.push(price.valid_from);
        }
    }
    assert!(prices.iter().count() > 130);
}

#[test]
fn a_price_holds_from_its_first_day_in_utc() {
    let prices = Prices::embedded();
    for (model, when, input) in [
        ("gpt-5.6-sol", "2026-08-20T23:59:59.999999999Z", "5.00"),
        ("gpt-5.6-sol", "2026-08-21T00:00:00Z", "4.00"),
        ("gpt-5.6-terra", "2026-07-29T23:59:59Z", "2.50"),
        ("gpt-5.6-terra", "2026-07-30T00:00:00Z", "2.00"),
        ("gpt-5.6-luna", "2026-07-29T23:59:59Z", "1.00"),
        ("gpt-5.6-luna", "2026-07-30T00:00:00Z", "0.20"),
    ] {
        let price = prices.find(model, None, at(when)).unwrap();
        assert_eq!(price.input.to_string(), input, "{model} at {when}");
    }
    let read = |when| {
        prices
            .find("claude-sonnet-5-5", None, at(when))
            .unwrap()
            .cache_read
            .unwrap()
            .to_string()
    };
    assert_eq!(
        (read("2026-10-06T23:59:59Z"), read("2026-10-07T00:00:00Z")),
        ("0.20".into(), "0.10".into())
    );
    // Before its first day a dated model has no price, not the later one.
    assert!(prices.find("mistral-large-latest", None, at("2025-06-01T00:00:00Z")).is_none());
}

#[test]
fn a_prompt_beyond_the_threshold_is_billed_at_its_rates_to_the_last_token() {
    let prices = Prices::embedded();
    let cost = |model: &str, usage: &Usage| prices.find(model, None, NOW).unwrap().cost(usage).unwrap().decimal();
    for (model, classes, dollars, why) in [
        (
            "gemini-2.5-pro",
            [200_000, 0, 0, 0, 1_000],
            "0.26",
            "exactly at the threshold is not above it",
        ),
        (
            "gemini-2.5-pro",
            [200_001, 0, 0, 0, 1_000],
            "0.5150025",
            "one token more: all tokens, output too",
        ),
        (
            "gemini-2.5-pro",
            [100_000, 100_001, 0, 0, 0],
            "0.27500025",
            "cached tokens count towards it",
        ),
        ("claude-haiku-5-5", [0, 0, 0, 100_000, 0], "0.02", "an hour's cache below it"),
        ("claude-haiku-5-5", [0, 0, 0, 100_001, 0], "0.100001", "and above it"),
        (
            "claude-haiku-5-5",
            [50_000, 0, 50_001, 0, 0],
            "0.056250625",
            "written tokens count too",
        ),
        ("gpt-6-sol", [272_001, 0, 0, 0, 0], "1.088004", "OpenAI's threshold"),
        ("gpt-4.1", [900_000, 0, 0, 0, 0], "1.8", "a model without a threshold"),
    ] {
        assert_eq!(cost(model, &usage(classes)), dollars, "{model} {classes:?}: {why}");
    }
}

#[test]
fn each_class_has_its_own_price_and_a_class_without_one_is_billed_as_its_neighbour() {
    let full = "input = \"3.00\"\noutput = \"15.00\"\ncache_read = \"0.30\"\ncache_write = \"3.75\"\ncache_write_1h = \"6.00\"";
    let five_minutes = "input = \"3.00\"\noutput = \"15.00\"\ncache_write = \"3.75\"";
    let bare = "input = \"3.00\"\noutput = \"15.00\"";
    for (rates, classes, dollars) in [
        (full, [1_000_000, 0, 0, 0, 0], "3"),
        (full, [0, 1_000_000, 0, 0, 0], "0.3"),
        (full, [0, 0, 1_000_000, 0, 0], "3.75"),
        (full, [0, 0, 0, 1_000_000, 0], "6"),
        (full, [0, 0, 0, 0, 1_000_000], "15"),
        (full, [1_000_000; 5], "28.05"),
        (five_minutes, [0, 0, 0, 1_000_000, 0], "3.75"),
        (bare, [0, 1_000_000, 0, 0, 0], "3"),
        (bare, [0, 0, 1_000_000, 1_000_000, 0], "6"),
    ] {
        let prices = Prices::default().with_user(&row("x", rates)).unwrap();
        let cost = prices.find("x", None, NOW).unwrap().cost(&usage(classes)).unwrap();
        assert_eq!(cost.decimal(), dollars, "{rates} {classes:?}");
    }
}

#[test]
fn a_call_is_rounded_once_half_to_even() {
    for (sum, cost) in [
        (0, 0),
        (499_999, 0),
        (500_000, 0),
        (500_001, 1),
        (1_499_999, 1),
        (1_500_000, 2),
        (2_500_000, 2),
        (3_500_000, 4),
    ] {
        assert_eq!(per_million(sum), Cost(cost), "{sum}");
    }
    // Two classes of half a pico-dollar each make one together, not none and not two.
    let prices = Prices::default()
        .with_user(&row("x", "input = \"0.0000005\"\noutput = \"0.0000005\""))
        .unwrap();
    let price = prices.find("x", None, NOW).unwrap();
    assert_eq!(price.cost(&usage([1, 0, 0, 0, 0])), Some(Cost(0)));
    assert_eq!(price.cost(&usage([1, 0, 0, 0, 1])), Some(Cost(1)));
}

#[test]
fn no_number_of_tokens_overflows() {
    let most = usage([u64::MAX; 5]);
    for price in Prices::embedded().iter() {
        let cost = price.cost(&most).unwrap();
        assert!(cost.0 > 0, "{}", price.model);
    }
    let dear = row("x", "input = \"18446744.073709551615\"\noutput = \"18446744.073709551615\"");
    let prices = Prices::default().with_user(&dear).unwrap();
    let cost = prices.find("x", None, NOW).unwrap().cost(&most).unwrap();
    // Saturated: 2^128 − 1 over a million.
    assert_eq!(cost.0, i128::try_from(u128::MAX / 1_000_000).unwrap());
}

#[test]
fn not_logged_is_no_cost_and_zero_tokens_are_a_cost_of_zero() {
    let prices = Prices::embedded();
    let price = prices.find("gpt-4o", None, NOW).unwrap();
    assert_eq!(price.cost(&Usage::default()), None);
    let only_reasoning = Usage {
        reasoning: Some(7),
        ..Usage::default()
    };
    assert_eq!(
        price.cost(&only_reasoning),
        None,
        "reasoning is a part of the output, never a class of its own"
    );
    assert_eq!(price.cost(&usage([0; 5])), Some(Cost(0)));
}

#[test]
fn reasoning_is_inside_the_output_and_not_billed_again() {
    let prices = Prices::embedded();
    let price = prices.find("o3", None, NOW).unwrap();
    let told = Usage {
        reasoning: Some(900),
        ..usage([0, 0, 0, 0, 1_000])
    };
    assert_eq!(price.cost(&told), price.cost(&usage([0, 0, 0, 0, 1_000])));
}

#[test]
fn the_users_file_replaces_a_model_with_all_its_prices_and_leaves_the_others() {
    let prices = Prices::embedded();
    let user = row("gpt-5.6-sol", "input = \"1.00\"\noutput = \"2.00\"") + &row("acme-7b", "input = \"0.10\"\noutput = \"0.20\"");
    let own = prices.with_user(&user).unwrap();
    for when in ["2026-07-15T00:00:00Z", "2026-11-01T00:00:00Z"] {
        assert_eq!(own.find("gpt-5.6-sol", None, at(when)).unwrap().input.to_string(), "1.00", "{when}");
    }
    assert_eq!(own.find("acme-7b", None, NOW).unwrap().output.to_string(), "0.20");
    assert_eq!(own.find("gpt-4o", None, NOW), prices.find("gpt-4o", None, NOW));
    assert_ne!(own.hash(), prices.hash());
    assert_eq!(prices.hash(), Prices::embedded().hash());
    // A name taken from another row by an alias is taken away there.
    let alias = "[[price]]\nmodel = \"house\"\naliases = [\"gpt-5.6\"]\nprovider = \"acme\"\ninput = \"9.00\"\noutput = \"9.00\"\n";
    let own = prices.with_user(alias).unwrap();
    assert_eq!(found(&own, "gpt-5.6"), Some("house"));
    assert_eq!(found(&own, "gpt-5.6-sol"), Some("gpt-5.6-sol"));
}

#[test]
fn a_provider_chooses_between_two_sellers_of_one_name() {
    let sold =
        |provider: &str, input: &str| format!("[[price]]\nmodel = \"x\"\nprovider = \"{provider}\"\ninput = \"{input}\"\noutput = \"0\"\n");
    let prices = Prices::default()
        .with_user(&(sold("acme", "1.00") + &sold("zeta", "2.00")))
        .unwrap();
    let input = |provider| prices.find("x", provider, NOW).unwrap().input.to_string();
    assert_eq!(input(Some("acme")), "1.00");
    assert_eq!(input(Some("Zeta Cloud")), "2.00");
}

#[test]
fn mistakes_in_a_price_file_name_the_line_and_what_to_do() {
    let fault = |text: &str| {
        let error = Prices::embedded().with_user(text).unwrap_err();
        (error.line, error.what, error.hint)
    };
    let (line, what, hint) = fault("\n\n[[price]]\nmodel = \"x\"\nprovider = \"y\"\ninput = \"1\"\noutput = \"1\"\ncache_raed = \"1\"\n");
    assert_eq!((line, hint.as_str()), (8, "did you mean `cache_read`?"), "{what}");
    for (rates, said) in [
        ("input = 3.0\noutput = \"1\"", "decimal in quotes"),
        ("input = \"-3\"\noutput = \"1\"", "decimal in quotes"),
        ("input = \"1e3\"\noutput = \"1\"", "decimal in quotes"),
        ("input = \"0.0000000000001\"\noutput = \"1\"", "decimal in quotes"),
        ("input = \"1\"", "output"),
        ("input = \"1\"\noutput = \"1\"\nvalid_from = 2026-01-31T10:00:00", "is not a date"),
    ] {
        let (_, what, hint) = fault(&row("x", rates));
        assert!(what.contains(said), "{rates}: {what} / {hint}");
    }
    assert!(fault(&row(" ", "input = \"1\"\noutput = \"1\"")).1.contains("empty"));
}
