//! Laws of tailing, over a simulated file system.
