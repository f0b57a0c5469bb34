//! Invented traffic of an invented shop for bicycles: what `spanscope demo` shows. Every number gives the same interaction, at any time.
//!
//! The lines are those of the `llm_trace` record with span ids: they go the same way as anybody's.

use serde_json::{Value, json};

use crate::model::span::Nanos;

/// Interactions of the past that the demo begins with.
pub const PAST: u64 = 600;
/// Nanoseconds between two of them.
pub const PACE: Nanos = 18_000_000_000;

/// A deterministic source of numbers: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len() as u64) as usize]
    }
}

/// What a feature of the shop asks its models, and what they answer.
struct Feature {
    name: &'static str,
    model: &'static str,
    system: &'static str,
    tool: &'static str,
    index: &'static str,
    talks: &'static [(&'static str, &'static str)],
    /// Tokens that its prompt has at least.
    prompt: u64,
}

const FEATURES: [&Feature; 4] = [
    &Feature {
        name: "support_chat",
        model: "claude-sonnet-4-6",
        system: "You are the assistant of Velo & Son, a shop for bicycles. Answer from the documents alone, and say so when they do not tell.",
        tool: "get_order",
        index: "help_center",
        talks: &[
            (
                "My frame arrived with a scratch. Can I send it back?",
                "Yes: within 30 days, unridden, and the return is free. I have sent you a label.",
            ),
            (
                "Is the warranty void when I change the fork myself?",
                "No. Only damage caused by the new fork is excluded; keep the receipt.",
            ),
            (
                "Where is order 4711? It should have been here on Monday.",
                "It left the warehouse on Friday and is due tomorrow before noon.",
            ),
            (
                "Can I still cancel the service plan I took in spring?",
                "Yes, at any time; the remaining months are paid back.",
            ),
        ],
        prompt: 1_900,
    },
    &Feature {
        name: "fit_advisor",
        model: "claude-opus-4-6",
        system: "You recommend a frame size. Ask for height and inseam when they are missing. Never guess.",
        tool: "frame_sizes",
        index: "geometry_charts",
        talks: &[
            (
                "I am 1.84 m with an inseam of 87 cm. Which gravel frame?",
                "A 58 fits you: reach 391 mm, and you keep 12 cm of seat post.",
            ),
            (
                "Between a 54 and a 56, which one for long tours?",
                "The 56, with a stem 1 cm shorter: you sit more upright.",
            ),
        ],
        prompt: 4_200,
    },
    &Feature {
        name: "summarize_reviews",
        model: "claude-haiku-4-5",
        system: "Summarise the reviews in three sentences, the critical ones included.",
        tool: "load_reviews",
        index: "reviews",
        talks: &[(
            "What do people say about the Larch 3?",
            "Most praise its brakes. Several found the saddle too soft after 50 km. Two wish for more colours.",
        )],
        prompt: 9_500,
    },
    &Feature {
        name: "route_planner",
        model: "gpt-5-mini",
        system: "Plan a route by bicycle. Prefer quiet roads.",
        tool: "find_route",
        index: "tour_notes",
        talks: &[
            (
                "A flat loop of 60 km from Bregenz, please.",
                "Along the lake to Lindau, back over the Rhine dam: 61 km, 120 m of climbing.",
            ),
            (
                "Is the Albula pass open this weekend?",
                "My notes end in May; please look at the road authority's page.",
            ),
        ],
        prompt: 1_200,
    },
];

/// One interaction while it is made up.
struct Story {
    number: u64,
    feature: &'static Feature,
    dice: Dice,
    now: Nanos,
    lines: Vec<String>,
}

impl Story {
    fn span(&self, step: u64) -> String {
        format!("{:016x}", self.number.wrapping_mul(64).wrapping_add(step + 1))
    }

    fn milliseconds(&mut self, least: u64, spread: u64) -> Nanos {
        ((least + self.dice.roll(spread)) * 1_000_000) as Nanos
    }

    /// Writes a span that began so long ago and ends now.
    fn write(&mut self, step: u64, parent: Option<u64>, took: Nanos, fields: Value) {
        let user = self.number % 37;
        let trace = u128::from(self.number + 1).wrapping_mul(0x00d1_5ea5_e0dd_ba11_c0ff_ee00_1234_5677);
        let mut line = json!({
            "timestamp": time(self.now - took), "end_time": time(self.now), "trace_id": format!("{trace:032x}"), "span_id": self.span(step),
            "feature": self.feature.name, "service": "velo-api", "user_id": format!("u_{user:03}"),
            "session_id": format!("s_{:04}", self.number / 150 * 37 + user),
        });
        if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
            if let Some(parent) = parent {
                line.insert("parent_span_id".to_owned(), self.span(parent).into());
            }
            line.extend(fields);
        }
        self.lines.push(line.to_string());
    }

    fn retrieve(&mut self, ask: &str, answer: &str) {
        let index = self.feature.index;
        let documents: Vec<Value> = (0..2 + self.dice.roll(3))
            .map(|rank| {
                let year = 2024 + self.dice.roll(3);
                let content = if rank == 0 {
                    format!("{answer} Last checked in {year}.")
                } else {
                    format!("Other notes in {}, part {rank}.", index.replace('_', " "))
                };
                let score = [0.93, 0.81, 0.64, 0.52][rank as usize];
                let updated = format!("{year}-0{}-12", 1 + self.dice.roll(9));
                json!({"id": format!("{index}-{}", 3 + rank * 7), "score": score, "content": content, "metadata": {"updated": updated}})
            })
            .collect();
        let took = self.milliseconds(40, 160);
        self.now += took;
        let fields = json!({"kind": "retrieval", "name": format!("retrieval {index}"), "query": ask, "documents": documents});
        self.write(1, Some(0), took, fields);
    }

    /// A model call: its prompt, its answer, and what it reads.
    fn call(&mut self, step: u64, messages: &[Value], text: &str, stop: &str, input: u64, temperature: f64) {
        let took = self.milliseconds(600, 2_600);
        self.now += took;
        let cached = if self.dice.roll(3) == 0 { 0 } else { self.feature.prompt / 2 };
        let output = 40 + text.len() as u64 / 3 + self.dice.roll(120);
        let first = 180 + self.dice.roll(400);
        let fields = json!({
            "kind": "llm", "model": self.feature.model, "system": self.feature.system, "messages": messages, "response_text": text,
            "stop_reason": stop, "input_tokens": input.saturating_sub(cached), "output_tokens": output, "cache_read_tokens": cached,
            "cache_write_tokens": 0, "params": {"temperature": temperature, "max_tokens": 1024}, "time_to_first_token_ms": first,
        });
        self.write(step, Some(0), took, fields);
    }

    fn tool(&mut self, ask: &str, fails: bool) {
        let took = self.milliseconds(15, 400);
        self.now += took;
        let mut fields = json!({"kind": "tool", "tool_name": self.feature.tool, "arguments": {"about": ask}});
        let (status, key, value) = if fails {
            ("error", "error", json!("timeout after 400 ms"))
        } else {
            let state = self.dice.pick(&["shipped", "open", "in stock"]);
            ("ok", "result", json!({"found": 1 + self.dice.roll(4), "state": state}))
        };
        fields["status"] = status.into();
        fields[key] = value;
        self.write(3, Some(2), took, fields);
    }
}

/// The lines of one interaction that begins at this time: its steps in the order in which they end, its root last.
#[must_use]
pub fn interaction(number: u64, at: Nanos) -> Vec<String> {
    let mut dice = Dice(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    // Support is asked most.
    let feature = FEATURES[[0, 0, 0, 1, 2, 2, 3][dice.roll(7) as usize]];
    let (ask, answer) = feature.talks[dice.roll(feature.talks.len() as u64) as usize];
    let temperature = if dice.roll(23) == 0 { 1.0 } else { 0.2 };
    let mut input = feature.prompt + dice.roll(900);
    if dice.roll(29) == 0 {
        // Somebody pasted the whole catalogue.
        input += 150_000 + dice.roll(30_000);
    }
    let (looks_up, fails, cut) = (dice.roll(3) > 0, dice.roll(13) == 0, dice.roll(31) == 0);
    let mut story = Story {
        number,
        feature,
        dice,
        now: at,
        lines: Vec::new(),
    };
    story.retrieve(ask, answer);
    let mut messages = vec![json!({"role": "user", "content": ask})];
    if looks_up {
        story.call(2, &messages, "Let me look that up.", "tool_use", input, temperature);
        story.tool(ask, fails);
        let found = if fails { "The tool did not answer." } else { "It was found." };
        messages.push(json!({"role": "assistant", "content": "Let me look that up."}));
        messages.push(json!({"role": "user", "content": found}));
        input += 220;
    }
    let (text, stop) = match (fails && looks_up, cut) {
        (true, _) => ("I cannot see that right now; please try again in a moment.", "end_turn"),
        (false, true) => (answer.split_at(answer.floor_char_boundary(answer.len() / 2)).0, "max_tokens"),
        (false, false) => (answer, "end_turn"),
    };
    story.call(4, &messages, text, stop, input, temperature);
    story.now += 3_000_000;
    let (name, took) = (feature.name, story.now - at);
    let fields = json!({"kind": "request", "name": format!("POST /{name}"), "http.route": format!("/{name}")});
    story.write(0, None, took, fields);
    story.lines
}

fn time(nanos: Nanos) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanos)).map_or_else(|_| nanos.to_string(), |moment| moment.to_string())
}
