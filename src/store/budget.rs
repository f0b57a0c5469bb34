//! Keeps the process to its budget while rows come. What the engine accounts for is bounded by its share; what it keeps beside that, its
//! records of row groups and freed pages that the allocator has not given back, grows with the store and is paid for by the engine's cache.

use std::fs;

/// Less than this would slow large transactions and checkpoints down, in bytes.
const LEAST: u64 = 96_000_000;
/// What the engine gets back at a time once there is room again.
const STEP: u64 = 16_000_000;
/// A part of the budget that is kept free for what happens between two looks.
const RESERVE: u64 = 10;

/// The memory of the whole process, and the engine's share when nothing is short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    process: u64,
    share: u64,
}

impl Budget {
    pub(super) const fn new(process: u64, share: u64) -> Self {
        Self { process, share }
    }

    /// What the engine may take from now on, when the process has so much and the engine might take `limit`; `None`: as before. Setting a
    /// limit, even the same, also makes the engine give free pages back.
    pub(super) fn limit(self, resident: u64, limit: u64) -> Option<u64> {
        let most = self.process - self.process / RESERVE;
        if resident > most {
            return Some(limit.saturating_sub(resident - most).max(LEAST.min(self.share)));
        }
        (limit < self.share && resident + STEP <= most).then(|| self.share.min(limit + STEP))
    }
}

/// What the process has in memory, in bytes; `None` where the system does not tell.
pub(super) fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_pays_for_what_is_over_and_gets_it_back() {
        const MB: u64 = 1_000_000;
        let budget = Budget::new(500 * MB, 160 * MB);
        for (resident, limit, then) in [
            // There is room, and the engine has all of its share.
            (100, 160, None),
            (450, 160, None),
            // Over: by as much it gets less, down to what it needs.
            (451, 160, Some(159)),
            (480, 160, Some(130)),
            (900, 160, Some(96)),
            // Nothing more to take away: free pages are given back all the same.
            (460, 96, Some(96)),
            // Neither over nor room for a step.
            (440, 100, None),
            // Room again: step by step, up to its share.
            (434, 100, Some(116)),
            (300, 150, Some(160)),
        ] {
            assert_eq!(
                budget.limit(resident * MB, limit * MB),
                then.map(|limit: u64| limit * MB),
                "{resident} MB, limit {limit} MB"
            );
        }
        // A small budget: the share is less than the engine would need, and stays what it is.
        assert_eq!(Budget::new(200 * MB, 10 * MB).limit(300 * MB, 10 * MB), Some(10 * MB));
    }

    #[test]
    fn a_process_knows_its_size() {
        if cfg!(target_os = "linux") {
            assert!(resident().is_some_and(|bytes| bytes > 1 << 20));
        }
    }
}
