//! The first screen: integrations, live events, discover & sync, all at once.
//!
//! `state` holds what is focused and the window of events, `update` turns actions into effects, `view` lays the
//! panes out. The panes themselves are widgets.

pub mod feed;
pub mod state;
pub mod update;
pub mod view;

pub use feed::Feed;
pub use state::{DashboardState, Pane};
