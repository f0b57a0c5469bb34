//! `diagnose`: from a complaint to the interaction, and from there to what spoiled its answer. `diff`: two interactions side by side.

use std::io::Write;

use crate::cli::{self, Whom};
use crate::insight::diagnose::{Case, Lead, diagnose};
use crate::insight::diff::{Side, compare};
use crate::insight::usual::{MOST, WEEK};
use crate::insight::versions::last_good;
use crate::model::content::Contents;
use crate::model::filter::{Field, Filter, Pattern};
use crate::model::query::{Page, Peers, Query, Reply, Sort, Window};
use crate::model::span::{Nanos, SpanKey, TraceKey};
use crate::model::trace::{Interaction, Trace};
use crate::replay::{prompt_text, response_text};
use crate::report::{self, Look, Output};
use crate::store::Store;

use super::Failure;
use super::explorer::now;
use super::headless::{Printing, choose, unexpected};
use super::setup::Setup;

/// People remember a time to the quarter of an hour; logs and people may sit in different zones of memory. Doubled until something is found.
const AROUND: Nanos = 45 * 60_000_000_000;
/// A complaint does not miss by more than a day.
const FARTHEST: Nanos = 86_400_000_000_000;

/// The time complained of, before any source is read.
pub(super) fn moment(whom: &Whom, setup: &Setup) -> Result<Nanos, Failure> {
    match whom {
        Whom::Near { at: Some(text), .. } => cli::time(text, now(), &setup.config.zone())
            .map_err(|error| Failure::new(error.code, format!("--at: {}", error.message), error.hint.unwrap_or_default())),
        Whom::Trace(_) | Whom::Near { at: None, .. } => Ok(now()),
    }
}

/// Finds the interaction, checks it, prints what was found.
pub(super) fn print(whom: &Whom, at: Nanos, output: Output, setup: &Setup, store: &Store, out: &mut dyn Write) -> Result<(), Printing> {
    let (key, lead) = match whom {
        Whom::Trace(id) => match store.ask_now(Query::Find { prefix: id.clone() }) {
            Reply::Found(found) => (choose(id, &found)?, Lead::Id),
            other => return Err(unexpected(other).into()),
        },
        Whom::Near { user, at: asked } => nearest(user.as_deref(), asked.is_some(), at, &setup.filter, store)?,
    };
    let (trace, contents, peers) = evidence(store, key)?;
    let told = diagnose(Case {
        trace: &trace,
        contents: &contents,
        peers: &peers,
        prices: &setup.prices,
        judging: &setup.judging,
        lead: &lead,
    });
    let look: Look = setup.look();
    report::diagnosis(&told, &trace, output, &look, out)?;
    Ok(())
}

/// Compares two interactions; `good` stands for the last good one before the first.
pub(super) fn diff(left: &str, right: &str, output: Output, setup: &Setup, store: &Store, out: &mut dyn Write) -> Result<(), Printing> {
    let key = |id: &str| match store.ask_now(Query::Find { prefix: id.to_owned() }) {
        Reply::Found(found) => choose(id, &found),
        other => Err(unexpected(other)),
    };
    let (trace, contents, peers) = evidence(store, key(left)?)?;
    let other = if right == "good" {
        let good = last_good(&trace, &contents, &peers).ok_or_else(|| {
            Failure::new(
                1,
                format!(
                    "no interaction of this feature in the 7 days before {} has its system prompt and no finding",
                    trace.row.trace_id
                ),
                "name another one to compare with: `spanscope ls` lists them",
            )
        })?;
        good.row.trace
    } else {
        key(right)?
    };
    let (second, second_contents, _) = evidence(store, other)?;
    let told = |trace: &Trace, contents: &[(SpanKey, Contents)]| {
        let of = trace.telling().and_then(|span| contents.iter().find(|(key, _)| *key == span.key));
        of.map_or_else(Default::default, |(_, contents)| (prompt_text(contents), response_text(contents)))
    };
    let (first_told, second_told) = (told(&trace, &contents), told(&second, &second_contents));
    let told = compare(
        Side {
            trace: &trace,
            contents: &contents,
            span: None,
            prompt: &first_told.0,
            answer: &first_told.1,
        },
        Side {
            trace: &second,
            contents: &second_contents,
            span: None,
            prompt: &second_told.0,
            answer: &second_told.1,
        },
    );
    report::comparison(&told, output, &setup.look(), out)?;
    Ok(())
}

/// All that is looked at of an interaction.
pub(super) fn evidence(store: &Store, key: TraceKey) -> Result<(Box<Trace>, Vec<(SpanKey, Contents)>, Box<Peers>), Failure> {
    let trace = match store.ask_now(Query::Trace(key)) {
        Reply::Trace(Some(trace)) => trace,
        other => return Err(unexpected(other)),
    };
    let contents = match store.ask_now(Query::Contents { trace: key, span: None }) {
        Reply::Contents(contents) => contents,
        other => return Err(unexpected(other)),
    };
    let peers = Query::Peers {
        trace: key,
        within: WEEK,
        limit: MOST,
    };
    match store.ask_now(peers) {
        Reply::Peers(peers) => Ok((trace, contents, peers)),
        other => Err(unexpected(other)),
    }
}

/// The interaction of a user nearest to a time; without a time the latest.
fn nearest(user: Option<&str>, timed: bool, at: Nanos, filter: &Filter, store: &Store) -> Result<(TraceKey, Lead), Failure> {
    let by_user = user.map_or(Filter::All, |user| Filter::Is(Field::User, Pattern(user.to_owned())));
    let filter = filter.clone().and(by_user);
    let ask = |window: Window, limit: u32| match store.ask_now(Query::Interactions {
        filter: filter.clone(),
        window,
        sort: Sort::default(),
        page: Page::First,
        limit,
    }) {
        Reply::Interactions { rows, .. } => Ok(rows),
        other => Err(unexpected(other)),
    };
    let lead = |others| Lead::Near {
        user: user.map(str::to_owned),
        at: timed.then_some(at),
        others,
    };
    if !timed {
        let latest = ask(Window::default(), 1)?.into_iter().next();
        return latest.map(|row| (row.trace, lead(0))).ok_or_else(|| nobody(user, None, store));
    }
    let mut around = AROUND;
    loop {
        let window = Window {
            since: Some(at.saturating_sub(around)),
            until: Some(at.saturating_add(around)),
        };
        let rows = ask(window, u32::MAX)?;
        if let Some(row) = rows.iter().min_by_key(|row: &&Interaction| (row.start.abs_diff(at), row.place)) {
            return Ok((row.trace, lead(rows.len() - 1)));
        }
        if around >= FARTHEST {
            return Err(nobody(user, Some(at), store));
        }
        around *= 2;
    }
}

/// Why nothing was found, and by what else one could look.
fn nobody(user: Option<&str>, at: Option<Nanos>, store: &Store) -> Failure {
    let count = |filter: Filter| match store.ask_now(Query::Count {
        filter,
        window: Window::default(),
    }) {
        Reply::Count(count) => count,
        _ => 0,
    };
    let all = count(Filter::All);
    let logged = count(Filter::Is(Field::User, Pattern("*".to_owned())));
    let whose = user.map_or_else(String::new, |user| format!(" of user {user}"));
    let when = if at.is_some() { " within a day of that time" } else { "" };
    let theirs = user.map_or(0, |user| count(Filter::Is(Field::User, Pattern(user.to_owned()))));
    let hint = if theirs > 0 {
        format!("{theirs} of this user at other times: leave --at out for the latest, or `spanscope ls -f user:U`")
    } else {
        format!("a user is logged with {logged} of {all} interactions; look for what was said: `spanscope ls -f '\"some words\"'`")
    };
    Failure::new(1, format!("no interaction{whose}{when}"), hint)
}
