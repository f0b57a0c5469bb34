#![allow(clippy::unwrap_used)]

use super::bill::rounded;
use super::{Imported, Price, Prices, Terms, Tier, UsdPerMillion, import, write};
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

fn with(prices: &Prices, text: &str) -> Result<Prices, super::PricingError> {
    Ok(prices.with(&Prices::read(text)?))
}

fn cost(price: &Price, usage: &Usage) -> Option<Cost> {
    price.bill(usage, Terms::default()).cost()
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
        ("gemini/gemini-2.5-flash", "gemini/gemini-2.5-flash"),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("vertex_ai/claude-sonnet-4-6@20260101", "vertex_ai/claude-sonnet-4-6"),
        ("mistral/mistral-large-latest", "mistral-large-2512"),
        ("xai/grok-4.3", "grok-4.3"),
        // Azure: as OpenAI, and where it is dearer a row of its own.
        ("azure/gpt-4o", "azure/gpt-4o"),
        ("azure/o3-mini", "o3-mini"),
        ("gpt-35-turbo", "gpt-3.5-turbo"),
        ("azure/gpt-4-turbo-2024-04-09", "azure/gpt-4-turbo"),
        ("azure/text-embedding-3-large", "azure/text-embedding-3-large"),
        // Bedrock: across the world at list price, in one region dearer from the 4.5 models on.
        (
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("anthropic.claude-opus-4-6-v1", "anthropic.claude-opus-4-6-v1"),
        ("anthropic.claude-opus-4-1-v1", "claude-opus-4-1"),
        ("global.anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1"),
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("apac.anthropic.claude-sonnet-4-5-20260101-v1:0", "us.anthropic.claude-sonnet-4-5"),
        (
            "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("bedrock/converse/jp.anthropic.claude-opus-4-8", "us.anthropic.claude-opus-4-8"),
        ("us.anthropic.claude-opus-4-6-v1", "us.anthropic.claude-opus-4-6"),
        ("us.anthropic.claude-3-5-sonnet-20250101-v2:0", "claude-3-5-sonnet"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        // Fine-tuned: what follows the base model says only whose it is.
        ("ft:gpt-4o-mini-2024-07-18:larkspur:support:9XyZ", "ft:gpt-4o-mini-2024-07-18"),
        ("ft:gpt-3.5-turbo-0125:larkspur::abc", "ft:gpt-3.5-turbo-0125"),
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
        "gpt-4o-v2",
        "gpt-4ominious",
        "gpt-4.1-nano-mini",
        "claude-sonnet-4-6-fast",
        "claude-sonnet",
        "claude-sonnet-4-60",
        "my-claude-sonnet-4-6",
        "claude-sonnet-4-6-v1:0",
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
        "azure/eu/gpt-5.9",
        "azure/magistral-large-latest",
        "together_ai/mistral-small-2603",
        "groq/gpt-4o",
        "bedrock/us-west-2/anthropic.claude-sonnet-4-6",
        "us-gov.anthropic.claude-sonnet-4-6-20260217-v1:0",
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
    let before = [
        "claude-3",
        "claude-opus-4-1",
        "claude-opus-4",
        "claude-sonnet-4",
        // Dearer in every region than by the maker, and once with a price for long prompts.
        "claude-mythos-preview",
        "claude-sonnet-4-5",
    ];
    let rates = |price: &Price| {
        let mut all = vec![price.standard.rates];
        all.extend(price.standard.thresholds.iter().map(|t| t.rates));
        all.into_iter()
            .flat_map(|r| [Some(r.input), Some(r.output), r.cache_read, r.cache_write, r.cache_write_1h])
            .map(|rate| rate.map(|rate| rate.0))
            .collect::<Vec<_>>()
    };
    let mut seen = 0;
    for price in prices.iter().filter(|p| p.provider == "anthropic" && !p.model.contains(['.', '/'])) {
        if before.iter().any(|old| {
            price.model.starts_with(old) && (price.model == *old || old.ends_with('3') || price.model[old.len()..].starts_with("-20"))
        }) {
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
    assert!(seen >= 15, "{seen}");
}

#[test]
fn every_row_names_its_source_and_makes_sense() {
    let prices = Prices::embedded();
    let mut names = std::collections::HashMap::new();
    for price in prices.iter() {
        let (model, rates) = (&price.model, price.standard.rates);
        assert!(price.source.starts_with("https://"), "{model} has no source");
        assert!(
            rates.input.0 > 0 || rates.output.0 > 0 || !price.standard.thresholds.is_empty(),
            "{model} is free"
        );
        assert!(price.standard.thresholds.is_sorted_by_key(|t| t.above), "{model}");
        // What makers charge for their own models follows rules; resellers do as they like.
        if matches!(price.provider.as_str(), "anthropic" | "openai") && !model.contains(['/', ':']) {
            assert!(
                rates.cache_read.is_none_or(|read| read <= rates.input),
                "{model}: reading the cache is cheaper"
            );
            assert!(
                rates.cache_write.is_none_or(|write| write > rates.input),
                "{model}: writing it is dearer"
            );
            assert!(
                rates.cache_write_1h.is_none_or(|hour| Some(hour) > rates.cache_write),
                "{model}: and dearer for an hour"
            );
            for threshold in &price.standard.thresholds {
                let long = threshold.rates;
                assert!(long.input > rates.input && long.output > rates.output, "{model}");
                // A class left out of the threshold would keep its cheap price.
                let dearer = |long, short: Option<UsdPerMillion>| short.is_none() || long > short;
                assert!(dearer(long.cache_read, rates.cache_read), "{model}");
                assert!(dearer(long.cache_write, rates.cache_write), "{model}");
                assert!(dearer(long.cache_write_1h, rates.cache_write_1h), "{model}");
            }
            for (word, scale) in price.tiers.iter().filter(|(word, _)| matches!(word.as_str(), "batch" | "flex")) {
                assert!(scale.rates.input <= rates.input, "{model}: {word} is not dearer");
            }
        }
        // One name, one model; several rows of it differ in their date.
        for name in std::iter::once(model).chain(&price.aliases) {
            let dates: &mut Vec<_> = names.entry(name.to_lowercase()).or_insert_with(Vec::new);
            assert!(!dates.contains(&(price.valid_from)), "{name} stands twice");
            dates.push(price.valid_from);
        }
    }
    assert!(prices.iter().count() > 3_000);
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
        assert_eq!(price.standard.rates.input.to_string(), input, "{model} at {when}");
    }
    let read = |when| {
        prices
            .find("claude-sonnet-5-5", None, at(when))
            .unwrap()
            .standard
            .rates
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
    let cost = |model: &str, usage: &Usage| {
        prices
            .find(model, None, NOW)
            .unwrap()
            .bill(usage, Terms::default())
            .cost()
            .unwrap()
            .decimal()
    };
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
        let prices = with(&Prices::default(), &row("x", rates)).unwrap();
        let cost = cost(prices.find("x", None, NOW).unwrap(), &usage(classes)).unwrap();
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
        assert_eq!(rounded(sum * 1_000_000), Cost(cost), "{sum}");
    }
    // Two classes of half a pico-dollar each make one together, not none and not two.
    let prices = with(&Prices::default(), &row("x", "input = \"0.0000005\"\noutput = \"0.0000005\"")).unwrap();
    let price = prices.find("x", None, NOW).unwrap();
    assert_eq!(cost(price, &usage([1, 0, 0, 0, 0])), Some(Cost(0)));
    assert_eq!(cost(price, &usage([1, 0, 0, 0, 1])), Some(Cost(1)));
}

#[test]
fn no_number_of_tokens_overflows() {
    let most = usage([u64::MAX; 5]);
    for price in Prices::embedded().iter() {
        let cost = cost(price, &most).unwrap();
        assert!(cost.0 > 0, "{}", price.model);
    }
    let dear = row("x", "input = \"18446744.073709551615\"\noutput = \"18446744.073709551615\"");
    let prices = with(&Prices::default(), &dear).unwrap();
    let cost = cost(prices.find("x", None, NOW).unwrap(), &most).unwrap();
    // Saturated: 2^128 − 1 over a million million.
    assert_eq!(cost.0, i128::try_from(u128::MAX / 1_000_000_000_000).unwrap());
}

#[test]
fn not_logged_is_no_cost_and_zero_tokens_are_a_cost_of_zero() {
    let prices = Prices::embedded();
    let price = prices.find("gpt-4o", None, NOW).unwrap();
    assert_eq!(cost(price, &Usage::default()), None);
    let only_reasoning = Usage {
        reasoning: Some(7),
        ..Usage::default()
    };
    assert_eq!(
        cost(price, &only_reasoning),
        None,
        "reasoning is a part of the output, never a class of its own"
    );
    assert_eq!(cost(price, &usage([0; 5])), Some(Cost(0)));
}

#[test]
fn reasoning_is_inside_the_output_and_not_billed_again() {
    let prices = Prices::embedded();
    let price = prices.find("o3", None, NOW).unwrap();
    let told = Usage {
        reasoning: Some(900),
        ..usage([0, 0, 0, 0, 1_000])
    };
    assert_eq!(cost(price, &told), cost(price, &usage([0, 0, 0, 0, 1_000])));
}

#[test]
fn the_users_file_replaces_a_model_with_all_its_prices_and_leaves_the_others() {
    let prices = Prices::embedded();
    let user = row("gpt-5.6-sol", "input = \"1.00\"\noutput = \"2.00\"") + &row("acme-7b", "input = \"0.10\"\noutput = \"0.20\"");
    let own = with(&prices, &user).unwrap();
    for when in ["2026-07-15T00:00:00Z", "2026-11-01T00:00:00Z"] {
        assert_eq!(
            own.find("gpt-5.6-sol", None, at(when)).unwrap().standard.rates.input.to_string(),
            "1.00",
            "{when}"
        );
    }
    assert_eq!(own.find("acme-7b", None, NOW).unwrap().standard.rates.output.to_string(), "0.20");
    assert_eq!(own.find("gpt-4o", None, NOW), prices.find("gpt-4o", None, NOW));
    assert_ne!(own.hash(), prices.hash());
    assert_eq!(prices.hash(), Prices::embedded().hash());
    // A name taken from another row by an alias is taken away there.
    let alias = "[[price]]\nmodel = \"house\"\naliases = [\"gpt-5.6\"]\nprovider = \"acme\"\ninput = \"9.00\"\noutput = \"9.00\"\n";
    let own = with(&prices, alias).unwrap();
    assert_eq!(found(&own, "gpt-5.6"), Some("house"));
    assert_eq!(found(&own, "gpt-5.6-sol"), Some("gpt-5.6-sol"));
}

#[test]
fn a_provider_chooses_between_two_sellers_of_one_name() {
    let sold =
        |provider: &str, input: &str| format!("[[price]]\nmodel = \"x\"\nprovider = \"{provider}\"\ninput = \"{input}\"\noutput = \"0\"\n");
    let prices = with(&Prices::default(), &(sold("acme", "1.00") + &sold("zeta", "2.00"))).unwrap();
    let input = |provider| prices.find("x", provider, NOW).unwrap().standard.rates.input.to_string();
    assert_eq!(input(Some("acme")), "1.00");
    assert_eq!(input(Some("Zeta Cloud")), "2.00");
}

#[test]
fn mistakes_in_a_price_file_name_the_line_and_what_to_do() {
    let fault = |text: &str| {
        let error = with(&Prices::embedded(), text).unwrap_err();
        (error.line, error.what, error.hint)
    };
    let (line, what, hint) = fault("\n\n[[price]]\nmodel = \"x\"\nprovider = \"y\"\ninput = \"1\"\noutput = \"1\"\ncache_raed = \"1\"\n");
    assert_eq!((line, hint.as_str()), (8, "did you mean `cache_read`?"), "{what}");
    for (rates, said) in [
        ("input = 3.0\noutput = \"1\"", "decimal in quotes"),
        ("input = \"-3\"\noutput = \"1\"", "decimal in quotes"),
        ("input = \"1e3\"\noutput = \"1\"", "decimal in quotes"),
        ("input = \"0.0000000000000000001\"\noutput = \"1\"", "decimal in quotes"),
        ("input = \".5\"\noutput = \"1\"", "decimal in quotes"),
        ("input = \"1000000000\"\noutput = \"1\"", "decimal in quotes"),
        ("input = \"1\"", "output"),
        ("input = \"1\"\noutput = \"1\"\nvalid_from = 2026-01-31T10:00:00", "is not a date"),
    ] {
        let (_, what, hint) = fault(&row("x", rates));
        assert!(what.contains(said), "{rates}: {what} / {hint}");
    }
    assert!(fault(&row(" ", "input = \"1\"\noutput = \"1\"")).1.contains("empty"));
}

#[test]
fn a_users_dated_price_leaves_the_old_one_to_old_traces() {
    let dated = row("gpt-4o", "input = \"2.00\"\noutput = \"8.00\"\nvalid_from = 2026-06-01");
    let prices = with(&Prices::embedded(), &dated).unwrap();
    let input = |when: &str| {
        prices
            .find("gpt-4o-2024-08-06", None, at(when))
            .unwrap()
            .standard
            .rates
            .input
            .to_string()
    };
    assert_eq!(
        (input("2026-05-31T23:59:59Z"), input("2026-06-01T00:00:00Z")),
        ("2.50".into(), "2.00".into())
    );
    // From the user's first day on nothing built in comes in between.
    let early = row("gpt-5.6-sol", "input = \"1.00\"\noutput = \"2.00\"\nvalid_from = 2026-08-01");
    let prices = with(&Prices::embedded(), &early).unwrap();
    let input = |when: &str| prices.find("gpt-5.6-sol", None, at(when)).unwrap().standard.rates.input.to_string();
    assert_eq!(
        (input("2026-07-31T23:59:59Z"), input("2026-11-01T00:00:00Z")),
        ("5.00".into(), "1.00".into())
    );
}

const TIERED: &str = r#"
input = "2.00"
output = "8.00"
cache_read = "0.50"
reasoning = "12.00"
audio_input = "40.00"
audio_output = "80.00"
thresholds = [{ above = 1000, input = "4.00", output = "16.00" }]
tiers.batch = { input = "1.00", output = "4.00", thresholds = [{ above = 1000, input = "3.00" }] }
tiers.priority = { input = "3.50", output = "14.00", cache_read = "0.875", reasoning = "15.00" }
"#;

#[test]
fn a_service_tier_has_its_own_rates_and_what_it_does_not_name_is_as_usual() {
    let prices = with(&Prices::default(), &row("x", TIERED)).unwrap();
    let price = prices.find("x", None, NOW).unwrap();
    let million = |class: usize| {
        let mut tokens = [0; 5];
        tokens[class] = 1_000;
        usage(tokens)
    };
    let bill = |usage: &Usage, tier: &str| {
        let terms = Terms {
            tier: Tier::of(tier),
            ..Terms::default()
        };
        let bill = price.bill(usage, terms);
        (bill.cost().unwrap().decimal(), bill.unpriced_tier)
    };
    for (tier, input, read, output, unpriced) in [
        ("default", "0.002", "0.0005", "0.008", false),
        ("BATCH", "0.001", "0.0005", "0.004", false),
        ("priority", "0.0035", "0.000875", "0.014", false),
        ("scale", "0.002", "0.0005", "0.008", true),
    ] {
        let costs = [(0, input), (1, read), (4, output)];
        for (class, dollars) in costs {
            assert_eq!(bill(&million(class), tier), (dollars.to_owned(), unpriced), "{tier} {class}");
        }
    }
    // Beyond the threshold the tier's own rate holds, else what is usual there, else the tier's.
    for (tier, dollars) in [("standard", "0.00804"), ("batch", "0.00604"), ("priority", "0.00804")] {
        assert_eq!(
            bill(&usage([2_000, 0, 0, 0, 0]), tier).0,
            dollars.replace("804", "8").replace("604", "6"),
            "{tier}"
        );
    }
    assert_eq!(bill(&usage([2_000, 0, 0, 0, 1_000]), "priority").0, "0.024");
}

#[test]
fn reasoning_and_sound_are_parts_of_their_class_at_rates_of_their_own() {
    let prices = with(&Prices::default(), &row("x", TIERED)).unwrap();
    let price = prices.find("x", None, NOW).unwrap();
    let told = Usage {
        reasoning: Some(100),
        ..usage([500, 100, 0, 0, 400])
    };
    let lines = |audio_input, audio_output, tier: &str| {
        let terms = Terms {
            tier: Tier::of(tier),
            audio_input,
            audio_output,
        };
        let lines = price.bill(&told, terms).lines;
        lines
            .iter()
            .map(|line| format!("{} {} × {}", line.class, line.tokens, line.rate))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(
        lines(0, 0, ""),
        "input 500 × 2.00, cache_read 100 × 0.50, cache_write 0 × 2.00, cache_write_1h 0 × 2.00, output 300 × 8.00, reasoning 100 × 12.00"
    );
    assert!(lines(200, 50, "").starts_with("input 300 × 2.00, audio_input 200 × 40.00, "));
    assert!(lines(200, 50, "").ends_with("output 250 × 8.00, reasoning 100 × 12.00, audio_output 50 × 80.00"));
    // More than the class has is not billed.
    assert!(lines(900, 0, "").starts_with("input 0 × 2.00, audio_input 500 × 40.00, "));
    // A tier that names its output and no reasoning bills all output alike.
    assert!(lines(0, 0, "batch").ends_with("output 400 × 4.00"));
    assert!(lines(0, 0, "priority").ends_with("output 300 × 14.00, reasoning 100 × 15.00"));
}

#[test]
fn what_is_written_reads_back_the_same() {
    let mut all: Vec<Price> = Prices::embedded().iter().cloned().collect();
    all.extend(Prices::read(&row("odd \\\"name\\\" \\\\ #", TIERED)).unwrap().iter().cloned());
    let text = write(&all);
    let back = Prices::read(&text).unwrap();
    assert_eq!(back.iter().count(), all.len());
    for (a, b) in Prices::of(all).iter().zip(back.iter()) {
        assert_eq!(a, b);
    }
}

const TABLE: &str = r#"{
    "sample_spec": {"input_cost_per_token": "what it costs", "mode": "one of: chat"},
    "quartz-2": {"litellm_provider": "quartz", "mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5E-05,
        "cache_read_input_token_cost": 3e-07, "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06, "input_cost_per_token_above_200k_tokens": 6e-06,
        "output_cost_per_token_above_200k_tokens": 0.0000225, "input_cost_per_token_batches": 1.5e-06,
        "output_cost_per_token_batches": 7.5e-06, "input_cost_per_token_above_200k_tokens_batches": 3e-06,
        "cache_creation_input_token_cost_above_12hr": 9e-06, "input_cost_per_token_cache_hit": 1e-09, "max_input_tokens": 1000000,
        "source": "https://quartz.example/prices?region=eu"},
    "quartz-2-20260105": {"litellm_provider": "quartz", "mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5E-05,
        "cache_read_input_token_cost": 3e-07, "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06, "input_cost_per_token_above_200k_tokens": 6e-06,
        "output_cost_per_token_above_200k_tokens": 0.0000225, "input_cost_per_token_batches": 1.5e-06,
        "output_cost_per_token_batches": 7.5e-06, "input_cost_per_token_above_200k_tokens_batches": 3e-06},
    "xai/onyx": {"litellm_provider": "xai", "mode": "chat", "input_cost_per_token": 0.0000029999900000000002, "output_cost_per_token": 1e-05,
        "input_cost_per_token_above_128k_tokens": 5e-06},
    "slate-lengths": {"litellm_provider": "slate", "mode": "chat", "tiered_pricing": [
        {"range": [32000.0, 64000.0], "input_cost_per_token": 2e-06, "output_cost_per_token": 4e-06},
        {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "cache_read_input_token_cost": 1e-07}]},
    "slate-embed": {"litellm_provider": "slate", "mode": "embedding", "input_cost_per_token": 2e-08},
    "slate-night": {"litellm_provider": "slate", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06,
        "off_peak_pricing": {"hours_utc": "00:00-06:00"}},
    "slate-picture": {"litellm_provider": "slate", "mode": "image_generation", "output_cost_per_image": 0.04},
    "slate-free": {"litellm_provider": "slate", "mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
    "slate-half": {"litellm_provider": "slate", "mode": "chat", "input_cost_per_token": 1e-06},
    "slate-fine": {"litellm_provider": "slate", "mode": "chat", "input_cost_per_token": 1e-26, "output_cost_per_token": 1e-06},
    "slate-minus": {"litellm_provider": "slate", "mode": "chat", "input_cost_per_token": -1e-06, "output_cost_per_token": 1e-06}
}"#;

fn day(text: &str) -> jiff::civil::Date {
    text.parse().unwrap()
}

#[test]
fn a_table_is_read_digit_by_digit_and_what_is_no_price_by_the_token_is_told() {
    let nothing = Prices::default();
    let done = import(TABLE, &nothing, &nothing, day("2026-11-27")).unwrap();
    assert_eq!((done.added, done.implied, done.changed, done.skipped.len()), (4, 1, 0, 6));
    let prices = Prices::read(&write(&done.rows)).unwrap();
    let text = |model: &str| {
        let price = prices.find(model, None, NOW).unwrap();
        write([price]).trim().to_owned()
    };
    assert_eq!(
        text("quartz-2-20260105"),
        "[[price]]\nmodel = \"quartz-2\"\nprovider = \"quartz\"\ninput = \"3.00\"\noutput = \"15.00\"\ncache_read = \"0.30\"\n\
         cache_write = \"3.75\"\ncache_write_1h = \"6.00\"\nthresholds = [{ above = 200000, input = \"6.00\", output = \"22.50\" }]\n\
         tiers.batch = { input = \"1.50\", output = \"7.50\", thresholds = [{ above = 200000, input = \"3.00\" }] }\n\
         context_window = 1000000\nsource = \"https://quartz.example/prices\""
    );
    // Its maker's name is taken away, its digits are all there, and its threshold is reached rather than exceeded.
    assert!(text("onyx").contains("input = \"2.9999900000000002\"\n"), "{}", text("onyx"));
    assert!(text("xai/onyx").contains("above = 127999, input = \"5.00\""));
    // Above 32,000 tokens the cache is read at the price of input: nothing cheaper is stated there.
    assert!(text("slate-lengths").contains("thresholds = [{ above = 32000, input = \"2.00\", output = \"4.00\", cache_read = \"2.00\" }]"));
    assert!(text("slate-embed").contains("output = \"0.00\""));
    let reasons: Vec<(&str, &str)> = done.skipped.iter().map(|entry| (entry.model.as_str(), entry.reason)).collect();
    for (model, why) in [
        ("slate-night", "hour"),
        ("slate-picture", "not priced by the token"),
        ("slate-free", "0 for every token"),
        ("slate-half", "no price for a token of its output"),
        ("slate-fine", "finer"),
        ("slate-minus", "no plain decimal"),
    ] {
        let found = reasons.iter().find(|(name, _)| *name == model).unwrap();
        assert!(found.1.contains(why), "{found:?}");
    }
    assert!(import("[]", &nothing, &nothing, day("2026-11-27")).is_err());
}

#[test]
fn importing_again_changes_nothing_and_a_changed_price_is_dated() {
    let nothing = Prices::default();
    let first = import(TABLE, &nothing, &nothing, day("2026-11-01")).unwrap();
    let own = Prices::of(first.rows.clone());
    let again = import(TABLE, &own, &own, day("2026-11-27")).unwrap();
    let figures = |done: &Imported| (done.added, done.changed, done.completed);
    assert_eq!(figures(&again), (0, 0, 0));
    assert_eq!((again.unchanged, again.rows.len()), (4, first.rows.len()));
    let cheaper = TABLE.replace("\"input_cost_per_token\": 2e-08", "\"input_cost_per_token\": 1e-08");
    let changed = import(&cheaper, &own, &own, day("2026-11-27")).unwrap();
    assert_eq!(figures(&changed), (0, 1, 0));
    let own = Prices::of(changed.rows);
    let input = |when: &str| own.find("slate-embed", None, at(when)).unwrap().standard.rates.input.to_string();
    assert_eq!(
        (input("2026-11-26T23:59:59Z"), input("2026-11-27T00:00:00Z")),
        ("0.02".into(), "0.01".into())
    );
    // The same day again, the new price is corrected rather than dated twice.
    let dearer = TABLE.replace("\"input_cost_per_token\": 2e-08", "\"input_cost_per_token\": 4e-08");
    let corrected = import(&dearer, &own, &own, day("2026-11-27")).unwrap();
    assert_eq!((figures(&corrected), corrected.rows.len()), ((0, 0, 1), own.iter().count()));
    // Over built-in prices only what differs is written, and only from today on.
    let user = import(&cheaper, &Prices::of(first.rows), &nothing, day("2026-11-27")).unwrap();
    assert_eq!((figures(&user), user.rows.len()), ((0, 1, 0), 1));
}

#[test]
fn a_fast_mode_and_a_place_are_tiers_and_an_alias_may_say_less() {
    let table = r#"{
        "quartz-2": {"litellm_provider": "quartz", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
            "cache_read_input_token_cost": 3e-07, "input_cost_per_token_batches": 1.5e-06, "output_cost_per_token_batches": 7.5e-06,
            "provider_specific_entry": {"us": 1.1, "fast": 2.5, "video": {"a": 1}}},
        "quartz-2-0101": {"litellm_provider": "quartz", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
            "cache_read_input_token_cost": 3e-07}
    }"#;
    let own = Prices::read(&row(
        "quartz-2",
        "aliases = [\"quartz-2-0101\"]\ninput = \"3.00\"\noutput = \"15.00\"\ncache_read = \"0.30\"",
    ))
    .unwrap();
    let done = import(table, &own, &own, day("2026-11-27")).unwrap();
    assert_eq!((done.added, done.changed, done.completed, done.unchanged), (0, 0, 1, 1));
    let tiers: Vec<(&str, String)> = done.rows[0]
        .tiers
        .iter()
        .map(|(word, scale)| (word.as_str(), format!("{} {}", scale.rates.input, scale.rates.cache_read.unwrap())))
        .collect();
    let expected = [
        ("batch", "1.50 0.30"),
        ("batch us", "1.65 0.33"),
        ("fast", "7.50 0.75"),
        ("fast us", "8.25 0.825"),
        ("us", "3.30 0.33"),
    ];
    assert_eq!(tiers, expected.map(|(word, rates)| (word, rates.to_owned())));
    let written = Prices::read(&write(&done.rows)).unwrap();
    assert!(written.iter().eq(&done.rows), "it reads back the same");
    let again = import(table, &written, &written, day("2026-11-28")).unwrap();
    assert_eq!((again.changed, again.completed, again.unchanged), (0, 0, 2));
}

#[test]
fn a_row_without_tiers_is_completed_in_place_and_keeps_its_aliases() {
    let bare = r#"[[price]]
model = "quartz-2"
aliases = ["quartz-latest"]
provider = "quartz"
input = "3.00"
output = "15.00"
cache_read = "0.30"
cache_write = "3.75"
cache_write_1h = "6.00"
thresholds = [{ above = 200000, input = "6.00", output = "22.50" }]
"#;
    let own = Prices::read(bare).unwrap();
    let done = import(TABLE, &own, &own, day("2026-11-27")).unwrap();
    assert_eq!((done.completed, done.changed, done.added), (1, 0, 3));
    let prices = Prices::of(done.rows);
    let price = prices.find("quartz-latest", None, NOW).unwrap();
    assert!(price.tiers.contains_key("batch") && price.valid_from.is_none());
}

#[test]
fn a_seller_that_is_named_is_looked_up_under_its_own_name() {
    let text = "[[price]]\nmodel = \"azure/m\"\nprovider = \"azure\"\ninput = \"2.00\"\noutput = \"1.00\"\n\
        [[price]]\nmodel = \"m\"\nprovider = \"acme\"\ninput = \"1.00\"\noutput = \"1.00\"\n\
        [[price]]\nmodel = \"groq/llama-9\"\nprovider = \"groq\"\ninput = \"3.00\"\noutput = \"1.00\"\n\
        [[price]]\nmodel = \"vertex_ai/m@20260101\"\nprovider = \"vertex_ai\"\ninput = \"4.00\"\noutput = \"1.00\"\n";
    let prices = Prices::read(text).unwrap();
    for (model, provider, input) in [
        ("m", None, Some("1.00")),
        ("m", Some("acme"), Some("1.00")),
        ("m", Some("azure.ai.openai"), Some("2.00")),
        ("M", Some("Azure"), Some("2.00")),
        ("azure/m", Some("azure"), Some("2.00")),
        ("m@20260101", Some("vertex_ai"), Some("4.00")),
        ("llama-9", Some("groq"), Some("3.00")),
        ("llama-9", None, None),
        ("llama-9", Some("another one"), None),
    ] {
        let found = prices
            .find(model, provider, NOW)
            .map(|price| price.standard.rates.input.to_string());
        assert_eq!(found.as_deref(), input, "{model} of {provider:?}");
    }
}
