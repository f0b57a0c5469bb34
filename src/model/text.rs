//! `Safe`: the only text that may reach a terminal.
