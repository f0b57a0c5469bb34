//! Containers: how spans are written down. One file each; `ALL` is the table in the order of recognition.

pub mod adk;
pub mod agents;
pub mod atof;
pub mod batch;
pub mod claude_code;
pub mod claude_stream;
pub mod codex;
pub mod cost_anomaly;
pub mod go;
pub mod inspect;
pub mod interaction;
pub mod jaeger;
pub mod javascript;
pub mod langfuse;
pub mod langsmith;
pub mod litellm;
pub mod llm_trace;
pub mod mlflow;
pub mod openhands;
pub mod opik;
pub mod otlp;
pub mod phoenix;
pub mod pi;
pub mod promptflow;
pub mod python;
pub mod record;
pub mod session;
pub mod weave;

use super::Dialect;
use super::scan::Fields;
use super::sink::{Line, Sink};
use crate::model::span::Nanos;

/// What a container made of a record.
pub enum Outcome {
    /// Spans: at least one part was pushed.
    Spans,
    /// Nothing with a span in it: at this time, if it has one.
    Other(Option<Nanos>),
    /// It cannot be read.
    Bad(&'static str, String),
}

/// A way to write spans down.
pub trait Container: Sync {
    /// Its row in the table of dialects.
    fn dialect(&self) -> &'static Dialect;
    /// Whether this object is one of its records, by its top-level keys.
    fn recognises(&self, fields: &Fields<'_>) -> bool;
    /// Reads a record: one span, many, or none.
    fn read(&self, fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome;
}

/// Containers told by keys that no logger's envelope has.
pub static UNMISTAKABLE: &[&dyn Container] = &[
    &otlp::Otlp,
    &go::Go,
    &phoenix::Phoenix,
    &python::Python,
    &javascript::JavaScript,
    &agents::Agents,
    &langsmith::LangSmith,
    &langfuse::Langfuse,
    &litellm::LiteLlm,
    &codex::Codex,
    &claude_code::ClaudeCode,
    &claude_stream::ClaudeStream,
    &pi::Pi,
    &jaeger::Jaeger,
    &mlflow::Mlflow,
    &weave::Weave,
    &opik::Opik,
    &batch::BatchResult,
    &atof::Atof,
    &inspect::Inspect,
    &adk::AdkSession,
    &promptflow::PromptFlow,
    &openhands::OpenHands,
];

/// Containers whose records are plain objects: looked at once nothing wraps them any more.
pub static PLAIN: &[&dyn Container] = &[&interaction::Interaction, &cost_anomaly::CostAnomaly, &llm_trace::LlmTrace];

/// Reads a record from its text, without a list of its fields, where its dialect has long lines of one shape. `None`, and nothing read, for
/// all others; `forced` is the dialect that the user names.
pub fn at_once(text: &str, forced: Option<&str>, line: &Line<'_>, sink: &mut Sink<'_>) -> Option<(&'static str, Outcome)> {
    let name = otlp::Otlp.dialect().name;
    let outcome = forced
        .is_none_or(|forced| forced == name)
        .then(|| otlp::at_once(text, line, sink))?;
    Some((name, outcome?))
}

/// Whether a plain record stands here beyond doubt.
#[must_use]
pub fn is_record(fields: &Fields<'_>) -> bool {
    interaction::Interaction.recognises(fields) || cost_anomaly::CostAnomaly.recognises(fields) || llm_trace::is_call(fields)
}
