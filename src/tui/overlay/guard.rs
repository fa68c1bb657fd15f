//! The question before LIVE events go somewhere for the first time: a plain yes, or the account's name typed.
//!
//! Used by the form of a target, by a replay, and before a webhook endpoint of a LIVE account is made or changed. No is the answer to everything but `y`; Enter held down must not agree.

use ratatui::text::{Line, Span};

use crate::tui::fmt;
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::widgets::View;
use crate::tui::widgets::form::{self, Rows};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The whole question; it names account, mode and address.
    pub question: String,
    /// The name that has to be typed; none: a plain yes.
    pub name: Option<String>,
    line: LineEdit,
    wrong: bool,
    /// What is agreed to is a change at Stripe, not where events go.
    writes: bool,
}

/// What a person says to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing yet.
    Nothing,
    /// No.
    No,
    /// Yes: what goes into `confirmed`.
    Yes(String),
}

impl Guard {
    /// The question as the engine puts it.
    pub fn new(question: &str, name: Option<&str>) -> Guard {
        Guard {
            question: question.to_owned(),
            name: name.map(str::to_owned),
            line: LineEdit::default(),
            wrong: false,
            writes: false,
        }
    }

    /// The question before something is changed at Stripe.
    pub fn writes(question: &str) -> Guard {
        Guard { writes: true, ..Guard::new(question, None) }
    }

    /// Where keys have their meaning while it is asked.
    pub fn context(&self) -> Context {
        if self.name.is_some() { Context::Typing } else { Context::Confirm }
    }

    /// Takes an action.
    pub fn act(&mut self, action: Action) -> Said {
        match (&self.name, action) {
            (None, Action::Yes) => Said::Yes("yes".to_owned()),
            (None, Action::No) | (_, Action::Cancel | Action::Back) => Said::No,
            (Some(name), Action::Accept) => {
                let typed = self.line.text().trim();
                if typed == name.trim() {
                    return Said::Yes(typed.to_owned());
                }
                self.wrong = true;
                Said::Nothing
            }
            _ => Said::Nothing,
        }
    }

    /// Takes text.
    pub fn typed(&mut self, typed: &Typed) {
        if self.name.is_some() && self.line.take(typed) {
            self.wrong = false;
        }
    }

    /// Its rows in a form.
    pub fn rows(&self, view: &View<'_>, rows: &mut Rows, cells: usize) {
        let theme = view.theme;
        let mark = Span::styled("! ", theme.warn().patch(theme.strong()));
        rows.labelled(0, mark, &self.question, cells, theme.strong());
        rows.gap();
        if let Some(name) = &self.name {
            let remark = format!("type {} to agree", fmt::fit(&fmt::clean(name), 28));
            rows.push(form::field(view, "Name", &self.line, true, cells, &remark));
            if cells < form::LABEL + 34 + 14 {
                rows.text(0, &remark, cells, theme.faint());
            }
            if self.wrong {
                rows.push(Line::styled(
                    "✗ that is not the account's name",
                    theme.bad().patch(theme.strong()),
                ));
            }
        }
    }

    /// What its keys do.
    pub fn hints(&self) -> &'static [(Action, &'static str)] {
        match self.name {
            None if self.writes => &[(Action::Yes, "yes, do it"), (Action::No, "no (Enter and Esc too)")],
            Some(_) => &[(Action::Accept, "agree, once the name stands there"), (Action::Cancel, "no")],
            None => &[(Action::Yes, "yes, send them there"), (Action::No, "no (Enter and Esc too)")],
        }
    }
}
