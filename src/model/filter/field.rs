//! The fields of the filter language: what each is called, what its values are, and whose they are.

use super::number::Unit;
use crate::model::content::Slot;
use crate::model::span::{SpanKind, Status};
use crate::model::trace::FindingKind;

/// A field of the filter language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `feature:`
    Feature,
    /// `user:`
    User,
    /// `session:`
    Session,
    /// `service:`
    Service,
    /// `trace:` the interaction's id.
    Trace,
    /// `model:` any of the interaction's models; of a span, its own.
    Model,
    /// `status:` ok, error or unset.
    Status,
    /// `finding:` any of the interaction's findings, of a span one of its own: `finding:truncated`, `finding:*`; `finding:anomaly` is dearer than
    /// its feature's usual by the multiple of the settings, and so only a whole interaction.
    Finding,
    /// `kind:` of some span.
    Kind,
    /// `name:` of some span.
    Name,
    /// `tool:` the tool that some span executed.
    Tool,
    /// `stop:` why some model call ended.
    Stop,
    /// `doc:` words of some retrieved document, its id among them.
    Doc,
    /// `prompt:` some system prompt, by its name: `spanscope prompts` lists them.
    Prompt,
    /// `cost` in dollars, of the interaction; of a span, its own.
    Cost,
    /// `tokens` of all classes, of the interaction; of a span, its own.
    Tokens,
    /// `took` of the interaction; of a span, its own.
    Took,
    /// `input` tokens of some call, cached ones included.
    Input,
    /// `output` tokens of some call.
    Output,
    /// `temp` that some call asked for.
    Temp,
    /// `ctx` of some call: its input in percent of what the model can read.
    Ctx,
    /// `ttft` of some call: until its first token.
    Ttft,
    /// `at` when the interaction began; `since:` and `until:` are short for `at>=` and `at<`.
    At,
}

/// What a field's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text, matched by a pattern.
    Text,
    /// A number, compared.
    Number(Unit),
}

/// What `has:` asks for beside the fields: contents of some span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// A system prompt or messages.
    Prompt,
    /// A system prompt.
    System,
    /// An answer.
    Response,
    /// Retrieved documents.
    Documents,
    /// Tools offered to the model.
    Tools,
    /// A tool's arguments.
    Arguments,
    /// A tool's result.
    Result,
}

/// What `has:` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Had {
    /// The field was logged.
    Field(Field),
    /// Contents were logged.
    Content(Content),
}

/// Which spans a group of conditions is about: all of them hold of one and the same span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// `span(…)`: some span.
    Span,
    /// `child(…)`: a child of this span; outside of a group, some span that has a parent.
    Child,
    /// `parent(…)`: the parent of this span; outside of a group, some span that has children.
    Parent,
}

impl Field {
    /// Every field, in the order the help lists them.
    pub const ALL: &'static [Self] = &[
        Self::Feature,
        Self::User,
        Self::Session,
        Self::Service,
        Self::Trace,
        Self::Model,
        Self::Status,
        Self::Finding,
        Self::Kind,
        Self::Name,
        Self::Tool,
        Self::Stop,
        Self::Doc,
        Self::Prompt,
        Self::Cost,
        Self::Tokens,
        Self::Took,
        Self::Input,
        Self::Output,
        Self::Temp,
        Self::Ctx,
        Self::Ttft,
        Self::At,
    ];

    /// The word before the operator.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Feature => "feature",
            Self::User => "user",
            Self::Session => "session",
            Self::Service => "service",
            Self::Trace => "trace",
            Self::Model => "model",
            Self::Status => "status",
            Self::Finding => "finding",
            Self::Kind => "kind",
            Self::Name => "name",
            Self::Tool => "tool",
            Self::Stop => "stop",
            Self::Doc => "doc",
            Self::Prompt => "prompt",
            Self::Cost => "cost",
            Self::Tokens => "tokens",
            Self::Took => "took",
            Self::Input => "input",
            Self::Output => "output",
            Self::Temp => "temp",
            Self::Ctx => "ctx",
            Self::Ttft => "ttft",
            Self::At => "at",
        }
    }

    /// What it means, in a few words, for whoever completes it.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Feature => "what the application calls the use case",
            Self::User => "the user's id",
            Self::Session => "the conversation's id",
            Self::Service => "the service that wrote the log",
            Self::Trace => "the interaction's id",
            Self::Model => "a model that answered",
            Self::Status => "ok, error or unset",
            Self::Finding => "something worth a look",
            Self::Kind => "llm, tool, retrieval …",
            Self::Name => "a span's name",
            Self::Tool => "a tool that was executed",
            Self::Stop => "why a model stopped",
            Self::Doc => "words of a retrieved document",
            Self::Prompt => "a system prompt's name: P lists them",
            Self::Cost => "dollars: cost>0.05",
            Self::Tokens => "all tokens: tokens:2k..8k",
            Self::Took => "its whole time: took>5s",
            Self::Input => "tokens read by a call: input>8k",
            Self::Output => "tokens written by a call",
            Self::Temp => "temperature: temp>0.7",
            Self::Ctx => "window filled by a call: ctx>80%",
            Self::Ttft => "time to first token: ttft>1s",
            Self::At => "when it began: at:15:00 at>=2h",
        }
    }

    /// What its values are.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::Cost => Shape::Number(Unit::Dollars),
            Self::Tokens | Self::Input | Self::Output => Shape::Number(Unit::Tokens),
            Self::Took | Self::Ttft => Shape::Number(Unit::Seconds),
            Self::Temp => Shape::Number(Unit::Plain),
            Self::Ctx => Shape::Number(Unit::Percent),
            Self::At => Shape::Number(Unit::Moment),
            _ => Shape::Text,
        }
    }

    /// It can be asked of one span.
    #[must_use]
    pub const fn of_span(self) -> bool {
        !matches!(
            self,
            Self::Feature | Self::User | Self::Session | Self::Service | Self::Trace | Self::At
        )
    }

    /// An interaction has it by some span alone.
    #[must_use]
    pub const fn only_of_span(self) -> bool {
        matches!(
            self,
            Self::Kind | Self::Name | Self::Tool | Self::Stop | Self::Input | Self::Output | Self::Temp | Self::Ctx | Self::Ttft
        )
    }

    /// All values it can have, where they are ours; else none.
    #[must_use]
    pub fn known(self) -> Vec<&'static str> {
        match self {
            Self::Status => Status::ALL.iter().map(|status| status.name()).collect(),
            Self::Kind => SpanKind::ALL.iter().map(|kind| kind.name()).collect(),
            Self::Finding => FindingKind::ALL.iter().map(|kind| kind.name()).chain([ANOMALY]).collect(),
            _ => Vec::new(),
        }
    }
}

/// The finding that only the store can tell: it follows from other interactions. A pattern with a star does not mean it.
pub const ANOMALY: &str = "anomaly";

impl Content {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Prompt,
        Self::System,
        Self::Response,
        Self::Documents,
        Self::Tools,
        Self::Arguments,
        Self::Result,
    ];

    /// The word behind `has:`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::System => "system",
            Self::Response => "response",
            Self::Documents => "documents",
            Self::Tools => "tools",
            Self::Arguments => "arguments",
            Self::Result => "result",
        }
    }

    /// The slots any of which it is in: bits as in `Part::slots`.
    #[must_use]
    pub const fn slots(self) -> u8 {
        match self {
            Self::Prompt => Slot::System.bit() | Slot::Message.bit(),
            Self::System => Slot::System.bit(),
            Self::Response => Slot::Response.bit(),
            Self::Documents => Slot::Document.bit(),
            Self::Tools => Slot::ToolDefinition.bit(),
            Self::Arguments => Slot::Arguments.bit(),
            Self::Result => Slot::Result.bit(),
        }
    }
}

impl Had {
    /// Everything `has:` can ask for. Every interaction has a beginning, an id and a status.
    pub fn all() -> impl Iterator<Item = Self> {
        let fields = Field::ALL.iter().copied().filter(|field| {
            !matches!(
                field,
                Field::At | Field::Trace | Field::Status | Field::Kind | Field::Doc | Field::Prompt | Field::Name
            )
        });
        Content::ALL.into_iter().map(Self::Content).chain(fields.map(Self::Field))
    }

    /// The word behind `has:`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Field(field) => field.name(),
            Self::Content(content) => content.name(),
        }
    }

    /// It can be asked of one span.
    #[must_use]
    pub const fn of_span(self) -> bool {
        match self {
            Self::Field(field) => field.of_span(),
            Self::Content(_) => true,
        }
    }
}

impl Reach {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Span, Self::Child, Self::Parent];

    /// The word before the parenthesis.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Child => "child",
            Self::Parent => "parent",
        }
    }
}
