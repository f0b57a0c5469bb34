//! All state of the explorer and every decision about it; no cell, no clock, no I/O.

pub mod inspector;
