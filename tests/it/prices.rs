//! The price table against arithmetic written a second time, from the text of the file and of the public table it was made from.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::value::RawValue;
use spanscope::model::usage::{Cost, Usage};
use spanscope::pricing::{Prices, Terms, Tier, import};

/// Usages drawn for every model.
const DRAWN: usize = 20;

/// A dollar in 10⁻³⁰ dollars: every price is a whole number of these, a token at a time.
const DOLLAR: u32 = 30;

/// A decimal, with or without an exponent, times 10^`shift`, in 10⁻³⁰. Exact, or a panic.
fn exact(text: &str, shift: i64) -> u128 {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u128 = format!("{whole}{part}").parse().unwrap();
    let power = exponent.parse::<i64>().unwrap() + shift + i64::from(DOLLAR) - part.len() as i64;
    if digits == 0 {
        return 0;
    }
    let power = u32::try_from(power).unwrap_or_else(|_| panic!("{text} is finer than 10^-30"));
    digits.checked_mul(10_u128.pow(power)).unwrap()
}

/// Pico-dollars, half to even.
fn rounded(amount: u128) -> Cost {
    let unit = 10_u128.pow(DOLLAR - 12);
    let (whole, rest) = (amount / unit, amount % unit);
    let up = match (rest * 2).cmp(&unit) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => whole % 2 == 1,
    };
    Cost(i128::try_from(whole + u128::from(up)).unwrap())
}

/// Tokens of one call: the classes, and which of them are sound.
#[derive(Clone, Debug)]
struct Call {
    usage: Usage,
    audio_input: u64,
    audio_output: u64,
}

fn call() -> impl Strategy<Value = Call> {
    // Small, and around every threshold of the table.
    let tokens = || prop_oneof![3 => 0_u64..5_000, 2 => 30_000_u64..300_000, 1 => 300_000_u64..1_200_000, 1 => Just(0)];
    let cached = || prop::option::of(prop_oneof![1_u64..2_000, 20_000_u64..250_000]);
    (
        tokens(),
        cached(),
        cached(),
        cached(),
        0_u64..40_000,
        prop::option::of(0_u64..20_000),
        prop::option::weighted(0.3, 0_u64..3_000),
        prop::option::weighted(0.3, 0_u64..3_000),
    )
        .prop_map(
            |(input, cache_read, cache_write, cache_write_1h, output, reasoning, audio_in, audio_out)| {
                let reasoning = reasoning.map(|tokens| tokens.min(output));
                Call {
                    usage: Usage {
                        input: Some(input),
                        cache_read,
                        cache_write,
                        cache_write_1h,
                        output: Some(output),
                        reasoning,
                    },
                    audio_input: audio_in.unwrap_or(0).min(input),
                    audio_output: audio_out.unwrap_or(0).min(output - reasoning.unwrap_or(0)),
                }
            },
        )
}

/// The same draws every time.
fn drawn() -> impl FnMut() -> Call {
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(20_261_127),
        ..Config::default()
    });
    let strategy = call();
    move || strategy.new_tree(&mut runner).unwrap().current()
}

/// Prices a token in 10⁻³⁰ dollars, by class.
type Sheet = BTreeMap<&'static str, u128>;

/// A class without a price is billed as its neighbour; parts with a price are taken out of their class.
fn bill(sheet: &Sheet, call: &Call) -> Cost {
    let price = |names: &[&str]| names.iter().find_map(|name| sheet.get(name)).copied().unwrap();
    let usage = &call.usage;
    let part = |name: &str, tokens: u64| if sheet.contains_key(name) { tokens } else { 0 };
    let (audio_in, audio_out) = (part("audio_input", call.audio_input), part("audio_output", call.audio_output));
    let thought = part("reasoning", usage.reasoning.unwrap_or(0));
    let lines = [
        (usage.input.unwrap() - audio_in, price(&["input"])),
        (audio_in, price(&["audio_input", "input"])),
        (usage.cache_read.unwrap_or(0), price(&["cache_read", "input"])),
        (usage.cache_write.unwrap_or(0), price(&["cache_write", "input"])),
        (
            usage.cache_write_1h.unwrap_or(0),
            price(&["cache_write_1h", "cache_write", "input"]),
        ),
        (usage.output.unwrap() - thought - audio_out, price(&["output"])),
        (thought, price(&["reasoning", "output"])),
        (audio_out, price(&["audio_output", "output"])),
    ];
    rounded(lines.into_iter().map(|(tokens, price)| u128::from(tokens) * price).sum())
}

fn total(usage: &Usage) -> u64 {
    [usage.input, usage.cache_read, usage.cache_write, usage.cache_write_1h]
        .into_iter()
        .flatten()
        .sum()
}

fn terms(tier: &str, call: &Call) -> Terms {
    let (first, more) = tier.split_once(' ').unwrap_or((tier, ""));
    let tier = match Tier::of(first) {
        Tier::Other(word) => Tier::Other(format!("{word} {more}").trim_end().to_owned()),
        Tier::Standard => Tier::Standard,
    };
    Terms {
        tier,
        audio_input: call.audio_input,
        audio_output: call.audio_output,
    }
}

const CLASSES: [&str; 8] = [
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "audio_input",
    "audio_output",
];

/// Lays the prices that a TOML table names over others. Reasoning that is not named follows an output that is.
fn named_over(table: &toml::Table, usual: &Sheet) -> Sheet {
    let mut sheet = usual.clone();
    if table.contains_key("output") {
        sheet.remove("reasoning");
    }
    for class in CLASSES {
        if let Some(price) = table.get(class) {
            sheet.insert(class, exact(price.as_str().unwrap(), -6));
        }
    }
    sheet
}

/// What a TOML table says of prompts of so many tokens; nothing where it says nothing.
fn beyond(table: &toml::Table, mark: Option<u64>) -> toml::Table {
    let all = table.get("thresholds").and_then(toml::Value::as_array);
    let found = all
        .into_iter()
        .flatten()
        .map(|t| t.as_table().unwrap())
        .find(|t| u64::try_from(t["above"].as_integer().unwrap()).ok() == mark);
    found.cloned().unwrap_or_default()
}

#[test]
fn every_built_in_price_bills_as_its_text_says() {
    let text = include_str!("../../assets/pricing.toml");
    let file: toml::Table = text.parse().unwrap();
    let mut draw = drawn();
    let (mut models, mut calls) = (0, 0);
    for row in file["price"].as_array().unwrap().iter().map(|row| row.as_table().unwrap()) {
        let model = row["model"].as_str().unwrap();
        // The row by itself: which of several holds when is the lookup's affair.
        let alone = toml::Table::from_iter([("price".to_owned(), toml::Value::Array(vec![row.clone().into()]))]);
        let alone = Prices::read(&alone.to_string()).unwrap();
        let price = alone.iter().next().unwrap();
        let usual = named_over(row, &Sheet::new());
        let mut tiers = vec![("", None)];
        let own = row.get("tiers").and_then(toml::Value::as_table);
        tiers.extend(own.into_iter().flatten().map(|(word, tier)| (word.as_str(), tier.as_table())));
        for (word, tier) in tiers {
            let mut marks: Vec<u64> = [Some(row), tier]
                .into_iter()
                .flatten()
                .filter_map(|table| table.get("thresholds")?.as_array())
                .flatten()
                .map(|t| u64::try_from(t["above"].as_integer().unwrap()).unwrap())
                .collect();
            marks.sort_unstable();
            for _ in 0..DRAWN {
                let call = draw();
                let mark = marks.iter().rev().copied().find(|mark| total(&call.usage) > *mark);
                // From the least particular to the most.
                let mut sheet = usual.clone();
                for table in [
                    tier.cloned().unwrap_or_default(),
                    beyond(row, mark),
                    beyond(tier.unwrap_or(&toml::Table::new()), mark),
                ] {
                    sheet = named_over(&table, &sheet);
                }
                let billed = price.bill(&call.usage, terms(word, &call));
                assert_eq!(billed.cost(), Some(bill(&sheet, &call)), "{model} {word} {call:?}");
                calls += 1;
            }
        }
        models += 1;
    }
    assert!(models > 1_000, "{models} rows");
    println!("{models} rows, {calls} calls");
}

/// The public table's own arithmetic, from its keys.
struct Entry<'a>(BTreeMap<String, &'a RawValue>);

impl Entry<'_> {
    fn price(&self, key: &str) -> Option<u128> {
        let text = self.0.get(key)?.get();
        (text != "null").then(|| exact(text.trim_matches('"'), 0))
    }

    fn word(&self, key: &str) -> &str {
        self.0.get(key).map_or("", |raw| raw.get().trim_matches('"'))
    }

    fn tiers(&self) -> Vec<String> {
        let words = self.0.keys().filter_map(|key| {
            let rest = key.strip_prefix("input_cost_per_token_")?;
            (!rest.contains('_') && rest.bytes().all(|b| b.is_ascii_lowercase())).then(|| rest.to_owned())
        });
        words.collect()
    }

    /// A tier, and what else is logged beside it, with the thousandths of the tier's prices that a call costs then.
    fn times(&self, tier: &str) -> Vec<(String, u128)> {
        let more = self.0.get("provider_specific_entry").map_or("{}", |raw| raw.get());
        let more: BTreeMap<String, serde_json::Value> = serde_json::from_str(more).unwrap();
        let factor = |word: &str| Some((more.get(word)?.as_f64()? * 1000.0).round() as u128);
        let mut all = vec![(tier.to_owned(), 1000)];
        all.extend(factor("us").map(|us| (format!("{tier} us").trim_start().to_owned(), us)));
        if let Some(fast) = factor("fast").filter(|_| tier.is_empty()) {
            all.push(("fast".to_owned(), fast));
            all.extend(factor("us").map(|us| ("fast us".to_owned(), fast * us / 1000)));
        }
        all
    }

    /// Thresholds in tokens, with their spelling in the keys.
    fn marks(&self) -> Vec<(u64, String)> {
        let marks = self.0.keys().filter_map(|key| {
            let mark = key.strip_prefix("input_cost_per_token_above_")?.strip_suffix("_tokens")?;
            let tokens = mark
                .strip_suffix('k')
                .map_or_else(|| mark.parse(), |k| k.parse::<u64>().map(|n| n * 1000));
            Some((tokens.unwrap(), mark.to_owned()))
        });
        let mut marks: Vec<_> = marks.collect();
        marks.sort();
        marks
    }

    /// The prices of a call of so many input tokens at a tier (empty: the usual one).
    fn sheet(&self, total: u64, tier: &str) -> Sheet {
        if let Some(lengths) = self.0.get("tiered_pricing").filter(|_| tier.is_empty()) {
            let lengths: Vec<BTreeMap<String, &RawValue>> = serde_json::from_str(lengths.get()).unwrap();
            let mut lengths: Vec<(u64, Entry<'_>)> = lengths
                .into_iter()
                .map(|fields| {
                    (
                        serde_json::from_str::<[f64; 2]>(fields["range"].get()).unwrap()[0] as u64,
                        Entry(fields),
                    )
                })
                .collect();
            lengths.sort_by_key(|(from, _)| *from);
            let (_, entry) = lengths.iter().rev().find(|(from, _)| total > *from).unwrap_or(&lengths[0]);
            return entry.classes("", "", self.price("output_cost_per_token"));
        }
        let reached = self.word("litellm_provider") == "xai";
        let passed = |mark: u64| total > mark || reached && total == mark;
        let marks = self.marks();
        let mark = marks.iter().rev().find(|(mark, _)| passed(*mark)).map_or("", |(_, mark)| mark);
        self.classes(mark, tier, None)
    }

    fn classes(&self, mark: &str, tier: &str, output: Option<u128>) -> Sheet {
        let above = |key: &str| {
            if mark.is_empty() {
                key.to_owned()
            } else {
                format!("{key}_above_{mark}_tokens")
            }
        };
        let at = |key: &str| if tier.is_empty() { key.to_owned() } else { format!("{key}_{tier}") };
        let price = |key: &str| {
            [at(&above(key)), above(key), at(key), key.to_owned()]
                .iter()
                .find_map(|key| self.price(key))
        };
        let mut sheet = Sheet::new();
        let mut put = |class, price: Option<u128>| {
            if let Some(price) = price {
                sheet.insert(class, price);
            }
        };
        let pictures = self.price("output_cost_per_image_token");
        let has_output = matches!(self.word("mode"), "embedding" | "rerank" | "moderation");
        put("input", price("input_cost_per_token"));
        let answers = price("output_cost_per_token").or(pictures).or(output);
        put("output", answers.or(has_output.then_some(0)));
        put("cache_read", price("cache_read_input_token_cost"));
        put("cache_write", price("cache_creation_input_token_cost"));
        put("cache_write_1h", price("cache_creation_input_token_cost_above_1hr"));
        // A part at the price of its class is no class of its own; a tier that names its output and no reasoning bills them alike.
        let unless = |key: &str, class: &str| self.price(key).filter(|price| Some(*price) != self.price(class));
        let named = !tier.is_empty() && self.price(&at("output_cost_per_token")).is_some();
        let reasoning = unless("output_cost_per_reasoning_token", "output_cost_per_token").filter(|_| !named);
        put(
            "reasoning",
            self.price(&at("output_cost_per_reasoning_token")).filter(|_| named).or(reasoning),
        );
        for (class, key, whole) in [
            ("audio_input", "input_cost_per_audio_token", "input_cost_per_token"),
            ("audio_output", "output_cost_per_audio_token", "output_cost_per_token"),
        ] {
            let own = self.price(&at(key)).filter(|_| !tier.is_empty());
            put(class, own.or(unless(key, whole)));
        }
        sheet
    }
}

/// `SPANSCOPE_PRICE_TABLE=PATH cargo test public_table -- --nocapture` checks the public table itself, every model of it.
#[test]
fn every_model_of_the_public_table_bills_as_the_table_does() {
    let Ok(path) = std::env::var("SPANSCOPE_PRICE_TABLE") else {
        println!("SPANSCOPE_PRICE_TABLE does not name the table: not checked");
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let entries: BTreeMap<String, BTreeMap<String, &RawValue>> = serde_json::from_str(&text).unwrap();
    let nothing = Prices::default();
    let done = import(&text, &nothing, &nothing, jiff::civil::date(2026, 11, 27)).unwrap();
    let skipped: BTreeMap<&str, &str> = done.skipped.iter().map(|entry| (entry.model.as_str(), entry.reason)).collect();
    let built_in = Prices::embedded();
    let imported = Prices::of(done.rows);
    let mut draw = drawn();
    let (mut models, mut calls, mut reasons) = (0, 0, BTreeMap::<&str, usize>::new());
    for (key, fields) in entries.into_iter().filter(|(key, _)| key != "sample_spec") {
        if let Some(reason) = skipped.get(key.as_str()) {
            *reasons.entry(reason).or_default() += 1;
            continue;
        }
        let entry = Entry(fields);
        models += 1;
        let mut tiers = entry.tiers();
        tiers.push(String::new());
        for (tier, times) in tiers.iter().flat_map(|tier| entry.times(tier)) {
            for _ in 0..DRAWN {
                let call = draw();
                let (usual, _) = tier.split_once(' ').filter(|_| times > 1000).unwrap_or((&tier, ""));
                let usual = if tiers.iter().any(|tier| tier == usual) { usual } else { "" };
                let mut sheet = entry.sheet(total(&call.usage), usual);
                sheet.values_mut().for_each(|price| *price = *price * times / 1000);
                let expected = bill(&sheet, &call);
                for prices in [&imported, &built_in] {
                    let price = prices.find(&key, None, i64::MAX).unwrap_or_else(|| panic!("{key} has no price"));
                    let billed = price.bill(&call.usage, terms(&tier, &call)).cost();
                    assert_eq!(billed, Some(expected), "{key} {tier} {call:?} by {}", price.model);
                }
                calls += 1;
            }
        }
    }
    println!("{models} models, {calls} calls; not priced by the token: {reasons:?}");
}
