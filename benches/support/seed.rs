//! A small generator: the same numbers on every machine.

/// Where it stands.
pub struct Seed(pub u64);

impl Seed {
    /// The next number, below the limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        xxhash_rust::xxh3::xxh3_64(&self.0.to_le_bytes()) % limit
    }
}
