//! Failed payments: cases, from what the event log and the records say of them.
//!
//! A case is one invoice, or one payment intent without an invoice, from its first failed try until it is paid or
//! given up (definitions: reference recovery.md §4.1). [`evidence`] reads what one event or object says; [`fold`]
//! puts any pile of it together, in whatever order and however often each piece came; [`row`] says what a case looks
//! like now; [`declines`] is the table of decline codes. All of it is pure: nothing here reads the store, the network
//! or the clock. It must never count a failure twice because two events tell of it, nor add up over currencies.

pub mod declines;
pub mod evidence;
pub mod fold;
pub mod row;

pub use declines::Declines;
pub use fold::{Case, Group, State};
