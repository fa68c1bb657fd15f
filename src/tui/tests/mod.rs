//! Tests of the screen as a whole: canned snapshots drawn at many sizes, any keys at any size, and the real loop on a
//! terminal of its own.

mod canned;
