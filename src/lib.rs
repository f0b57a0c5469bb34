//! `spanscope`: a terminal explorer for the traces of LLM applications.
//!
//! ```text
//!             files, stdin, ssh                                     terminal, clipboard
//!                    │                                                  ▲  │
//!     ┌──────────────┼─────────────────── runtime ─────────────────────┼──┼──────────┐
//!     │              ▼                                                  │  ▼          │
//!     │   sources  Block                                           ui::draw   keymap  │
//!     │      │       │                                                  │       │     │
//!     │      │    formats                                               │     Action  │
//!     │      │       │ Batch                                            │       ▼     │
//!     │      │       ▼                    Query                     app::App::update  │
//!     │      │  derive → store ◄────────────────────────────────────────┤             │
//!     │      │       │   ─────────────────────────────────────────────► │             │
//!     │      │       │                    Reply                         └─► Effect    │
//!     │      └────►  model   ◄── pricing, derive, insight, replay, report (pure)      │
//!     └──────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Everyone knows [`model`]. [`mod@derive`] knows [`pricing`]. [`app`], [`ui`] and [`report`] may also name [`insight`] and [`replay`];
//! `ui` and [`keymap`] know `app`. `runtime` knows everyone, nobody names `runtime`. No other arrows; `tests/it/house.rs` keeps them.
//!
//! Two front ends stand on the same port, `model::query::{Query, Reply}`: the explorer (`app` and `ui`) and the headless commands (`report`).
//!
//! | word | meaning |
//! |---|---|
//! | Interaction (a trace) | everything one user action caused: spans that share a trace id |
//! | Span | one step: a model call, a tool, a retrieval … |
//! | Part | what one record says about a span; parts merge in any order |
//! | Usage | tokens in disjoint classes; `None` is "not logged" |
//! | Cost | integer pico-dollars with a basis that says how far to trust it |
//! | Content | a message, document or tool payload; equal ones are stored once |
//! | Block → Batch | some MiB of whole lines → the facts they state |
//! | Reject | a line that could not be read, kept verbatim with its reason |
//! | Finding | something worth a look, with its evidence |

pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod derive;
pub mod formats;
pub mod insight;
pub mod keymap;
pub mod model;
pub mod pricing;
pub mod replay;
pub mod report;
pub mod ui;

#[cfg(feature = "store")]
pub mod runtime;
pub mod sources;
#[cfg(feature = "store")]
pub mod store;

#[cfg(feature = "store")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
