//! Laws of tailing, over a simulated file system: any order of writes, rotations, truncations and restarts.
#![allow(clippy::unwrap_used)]

mod documents;
mod laws;
mod sim;
mod stories;

use super::*;

pub(super) use sim::Sim;

const SECOND: Nanos = 1_000_000_000;

pub(super) fn rules(follow: bool, block_bytes: usize) -> Rules {
    Rules {
        follow,
        dialect: None,
        block_bytes,
        since: None,
        floors: Arc::default(),
    }
}

fn tail_over(world: &Sim, follow: bool, block_bytes: usize) -> Tail<Sim> {
    let mut tail = Tail::new(world.clone(), rules(follow, block_bytes), Vec::new(), 1);
    let now = world.0.borrow().clock;
    tail.scan(now);
    tail
}

fn append(world: &Sim, name: &str, text: &str) {
    world.0.borrow_mut().write(name, |bytes| bytes.extend_from_slice(text.as_bytes()));
}

fn texts(tail: &mut Tail<Sim>, now: Nanos) -> Vec<String> {
    std::iter::from_fn(|| tail.next(now))
        .map(|block| String::from_utf8(block.bytes).unwrap())
        .collect()
}
