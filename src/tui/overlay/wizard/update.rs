//! What the wizard does with keys, text, snapshots and answers. Pure: everything it wants done is an effect.

use super::profiles::Profiles;
use super::{Field, SecretEdit, Step, Wait, Wizard, address, delivery};
use crate::engine::api::{Answer, ConnectSpec, Delivery, KeyCheckState, KeyTicket, Level, Request};
use crate::tui::effects::Effect;
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::keys::Key;
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::overlay::guard::{Guard, Said};
use crate::tui::overlay::{Overlay, endpoint};
use crate::tui::state::State;
use crossterm::event::KeyCode;

/// The topmost overlay, when it is the wizard.
fn top(state: &mut State) -> Option<&mut Wizard> {
    match state.overlays.last_mut() {
        Some(Overlay::Wizard(wizard)) => Some(wizard),
        _ => None,
    }
}

/// The wizard, wherever it is: an overlay may lie over it.
fn find(state: &mut State) -> Option<&mut Wizard> {
    state.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Wizard(wizard) => Some(&mut **wizard),
        _ => None,
    })
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let Some(wizard) = top(state) else { return Vec::new() };
    if wizard.waiting.is_some_and(|(_, what)| what == Wait::Save) {
        // It will be there or refused in a moment; leaving now would leave that untold.
        return Vec::new();
    }
    // Whatever else is done now is thought better of it.
    wizard.soon = false;
    if let Some(guard) = &mut wizard.guard {
        match guard.act(action) {
            Said::Nothing => {}
            Said::No => wizard.guard = None,
            Said::Yes(_) => {
                wizard.guard = None;
                wizard.agreed = true;
                return go_on(state, now_ms);
            }
        }
        return Vec::new();
    }
    if wizard.profiles.is_some() {
        return in_profiles(state, action);
    }
    match action {
        Action::Complete | Action::NextPane | Action::Down => move_focus(state, 1),
        Action::CompleteBack | Action::PreviousPane | Action::Up => move_focus(state, -1),
        Action::Right => turn(state, 1),
        Action::Left => turn(state, -1),
        Action::Toggle => turn(state, 0),
        Action::Accept | Action::Open => return go_on(state, now_ms),
        Action::Back | Action::Cancel => return back(state),
        Action::Profiles => return open_profiles(state),
        Action::TryAgain => return try_again(state),
        Action::OpenInStripe => return vec![Effect::OpenPage(form_url(state))],
        Action::CopyId => {
            let url = form_url(state);
            state.tell(Level::Info, "the form's address was sent to the terminal's clipboard", now_ms);
            return vec![Effect::Copy(url)];
        }
        _ => {}
    }
    Vec::new()
}

/// Takes text.
pub fn typed(state: &mut State, typed: &Typed, now_ms: i64) -> Vec<Effect> {
    if top(state).is_some_and(|wizard| wizard.profiles.is_some()) {
        leave_profiles(state, typed);
    }
    // While the field is empty the form's own keys work: no key begins with one of them.
    if let Typed::Key(key) = typed {
        let empty = top(state).is_some_and(|wizard| wizard.focus == Field::Key && wizard.key.is_empty());
        match state.keymap.action(Context::Form, *key) {
            Some(action @ (Action::Profiles | Action::OpenInStripe | Action::CopyId)) if empty => {
                return act(state, action, now_ms);
            }
            _ => {}
        }
    }
    let Some(wizard) = top(state).filter(|wizard| wizard.waiting.is_none_or(|(_, what)| what != Wait::Save))
    else {
        return Vec::new();
    };
    wizard.soon = false;
    match wizard.focus {
        Field::Key if wizard.key.take(typed) => {
            // Another key: what is known of the one before is of no use.
            wizard.wrong = None;
            wizard.profile = None;
            wizard.waiting = None;
            wizard.confirm = LineEdit::default();
            wizard.refused = false;
            let old = wizard.ticket.take();
            drop_key(state, old)
        }
        Field::Name if wizard.name.take(typed) => {
            wizard.renamed = true;
            wizard.wrong = None;
            Vec::new()
        }
        Field::Confirm if wizard.confirm.take(typed) => {
            wizard.wrong = None;
            Vec::new()
        }
        Field::Url if wizard.url.take(typed) => {
            wizard.wrong = None;
            wizard.agreed = false;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// What a snapshot tells: whose the key is, that it was refused, or that all was tried and it can be saved.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    let Some(check) = find(state).cloned().and_then(|wizard| wizard.check(state).cloned()) else {
        return Vec::new();
    };
    let Some(wizard) = find(state) else { return Vec::new() };
    let refused = matches!(check.state, KeyCheckState::Refused { .. });
    if refused && !wizard.refused && wizard.waiting.is_none() {
        // Once: from then on the keys go where a person wants them.
        wizard.refused = true;
        wizard.step = Step::Key;
        wizard.focus = Field::Key;
    }
    if refused {
        wizard.soon = false;
        return Vec::new();
    }
    if std::mem::take(&mut wizard.refused) && wizard.focus == Field::Key {
        wizard.focus = Field::Go;
    }
    if let Some(account) = &check.account
        && !wizard.renamed
        && wizard.name.text().is_empty()
    {
        wizard.name = LineEdit::new(&account.name);
        if super::can_move_money(&check) && wizard.focus == Field::Go {
            wizard.focus = Field::Confirm;
        }
    }
    if check.state == KeyCheckState::Done && top(state).is_some_and(|wizard| std::mem::take(&mut wizard.soon))
    {
        return go_on(state, state.now_ms);
    }
    Vec::new()
}

/// Takes an answer that the wizard waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer, now_ms: i64) -> Option<Vec<Effect>> {
    let waits = find(state).and_then(|wizard| wizard.waiting).filter(|(number, _)| *number == generation);
    let Some((_, what)) = waits else {
        // A key that nobody waits for any more must not stay with the engine.
        return match answer {
            Answer::Ticket { ticket } => Some(drop_key(state, Some(*ticket))),
            _ => None,
        };
    };
    let wizard = find(state)?;
    wizard.waiting = None;
    match (what, answer) {
        (Wait::Ticket, Answer::Ticket { ticket }) => {
            wizard.ticket = Some(*ticket);
            wizard.profiles = None;
            return Some(try_again(state));
        }
        (Wait::Profiles, Answer::CliProfiles(profiles)) if wizard.profiles.is_some() => {
            wizard.profiles = Some(Profiles::of(profiles));
        }
        (Wait::Profiles, Answer::Refused { reason }) if wizard.profiles.is_some() => {
            wizard.profiles = Some(Profiles::Failed(reason.clone()));
        }
        (Wait::Save, Answer::Connected { integration }) => {
            // The snapshot that has it comes after this answer.
            let typed = find(state).map(|wizard| wizard.name.text().trim().to_owned());
            let known = state.integration(*integration).map(|view| view.name.clone());
            let name = known.or(typed).filter(|name| !name.is_empty()).unwrap_or_else(|| "it".to_owned());
            let sheet = find(state).filter(|wizard| wizard.delivery == Delivery::Endpoint);
            let by_hand = sheet.map(|wizard| wizard.by_hand);
            done(state, *integration);
            if let Some(by_hand) = by_hand {
                endpoint::open(state, *integration, by_hand);
            }
            let key = state.keymap.label(Action::Discover);
            state.tell(Level::Info, format!("{name} is connected; {key} lists what is at Stripe"), now_ms);
        }
        (Wait::Save, Answer::Done) => {
            let target = find(state).cloned().and_then(|wizard| wizard.target(state));
            if let Some(id) = target {
                let name = state.name_of(id);
                done(state, id);
                state.tell(Level::Info, format!("{name} has its new key"), now_ms);
            }
        }
        (Wait::Try | Wait::Ticket, Answer::Refused { reason }) => {
            wizard.wrong = Some(reason.clone());
            wizard.profiles = None;
            wizard.step = Step::Key;
            wizard.focus = Field::Key;
        }
        (Wait::Save, Answer::Refused { reason }) => {
            if wizard.step == Step::Current && address::is_about_url(reason) {
                wizard.focus = Field::Url;
            }
            wizard.agreed = false;
            wizard.wrong = Some(reason.clone());
        }
        _ => {}
    }
    Some(Vec::new())
}

/// It is saved: the wizard goes, what it was about is selected.
fn done(state: &mut State, id: crate::engine::api::IntegrationId) {
    state.overlays.retain(|overlay| !matches!(overlay, Overlay::Wizard(_)));
    state.selected = Some(id);
    state.integrations.opened();
}

fn send(state: &mut State, what: Wait, request: Request) -> Vec<Effect> {
    let generation = state.next_generation();
    if let Some(wizard) = top(state) {
        wizard.waiting = Some((generation, what));
    }
    vec![Effect::Request { generation, request }]
}

/// Nobody waits for the answer.
fn drop_key(state: &mut State, ticket: Option<KeyTicket>) -> Vec<Effect> {
    let Some(ticket) = ticket else { return Vec::new() };
    let generation = state.next_generation();
    vec![Effect::Request { generation, request: Request::DropKey { ticket } }]
}

fn move_focus(state: &mut State, by: isize) {
    let Some(wizard) = top(state).cloned() else { return };
    let fields = wizard.fields(state);
    let here = fields.iter().position(|field| *field == wizard.focus).unwrap_or(0);
    let next = (here as isize + by).rem_euclid(fields.len().max(1) as isize) as usize;
    if let (Some(wizard), Some(field)) = (top(state), fields.get(next)) {
        wizard.focus = *field;
    }
}

/// Changes the choice that has the keys.
fn turn(state: &mut State, by: isize) {
    let demo = state.snapshot.demo;
    let Some(wizard) = top(state) else { return };
    match wizard.focus {
        Field::Billing => wizard.billing = !wizard.billing,
        Field::Delivery => {
            let usable: Vec<_> = delivery::ways().into_iter().filter(|way| way.usable).collect();
            let here = usable.iter().position(|way| way.delivery == wizard.delivery).unwrap_or(0);
            let by = if by == 0 { 1 } else { by };
            let next = (here as isize + by).rem_euclid(usable.len().max(1) as isize) as usize;
            if let Some(way) = usable.get(next) {
                wizard.delivery = way.delivery;
                wizard.wrong = None;
            }
        }
        Field::Made => wizard.by_hand = !wizard.by_hand,
        Field::Every => {
            let by = if by == 0 { 1 } else { by };
            wizard.every_s = delivery::step(demo, wizard.every_s, by);
        }
        Field::Key | Field::Name | Field::Confirm | Field::Url | Field::Go => {}
    }
}

/// The page with the right boxes ticked: the check's own, or one for a live key while there is none.
pub fn form_url(state: &State) -> String {
    let wizard = state.overlays.iter().find_map(|overlay| match overlay {
        Overlay::Wizard(wizard) => Some(wizard),
        _ => None,
    });
    if let Some(check) = wizard.and_then(|wizard| wizard.check(state)) {
        return check.form_url.clone();
    }
    let live = wizard.and_then(|wizard| wizard.key.looks_like()).and_then(|(_, live)| live).unwrap_or(true);
    let billing = wizard.is_none_or(|wizard| wizard.billing);
    crate::integration::check::form_link(live, &crate::integration::check::wanted_permissions(billing))
}

fn offer(state: &mut State) -> Vec<Effect> {
    let Some(wizard) = top(state) else { return Vec::new() };
    if wizard.key.is_empty() {
        wizard.wrong =
            Some("There is no key yet: paste a restricted key (rk_live_… or rk_test_…).".to_owned());
        wizard.focus = Field::Key;
        return Vec::new();
    }
    let key = wizard.key.take_whole();
    wizard.wrong = None;
    wizard.focus = Field::Go;
    if !wizard.renamed {
        wizard.name = LineEdit::default();
    }
    let old = wizard.ticket.take();
    let mut effects = drop_key(state, old);
    let generation = state.next_generation();
    if let Some(wizard) = top(state) {
        wizard.waiting = Some((generation, Wait::Ticket));
    }
    effects.push(Effect::OfferKey { generation, key });
    effects
}

/// Tries the key that the engine has; offers it when it has none.
fn try_again(state: &mut State) -> Vec<Effect> {
    let Some(wizard) = find(state) else { return Vec::new() };
    if wizard.step != Step::Key || wizard.waiting.is_some() {
        return Vec::new();
    }
    let Some(ticket) = wizard.ticket else { return offer(state) };
    wizard.wrong = None;
    wizard.focus = Field::Go;
    // With billing's permissions, whatever is chosen later: what is not needed is not held against the key.
    let request = Request::TryKey { ticket, billing: true };
    let generation = state.next_generation();
    if let Some(wizard) = find(state) {
        wizard.waiting = Some((generation, Wait::Try));
    }
    vec![Effect::Request { generation, request }]
}

fn go_on(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some(wizard) = top(state).cloned() else { return Vec::new() };
    match wizard.step {
        Step::Key => {
            if wizard.waiting.is_some_and(|(_, what)| what == Wait::Ticket) {
                return Vec::new();
            }
            if !wizard.is_tried(state) {
                let refused = wizard.check(state).is_some();
                return match (wizard.ticket, wizard.profile.is_some() || refused) {
                    (Some(_), true) => try_again(state),
                    (Some(_), false) => Vec::new(),
                    (None, _) => offer(state),
                };
            }
            if let Some((field, reason)) = unready(&wizard, state) {
                if let Some(wizard) = top(state) {
                    wizard.focus = field;
                    wizard.wrong = Some(reason);
                }
                return Vec::new();
            }
            match (wizard.target(state), wizard.ticket) {
                (Some(_), Some(_)) if is_checking(&wizard, state) => soon(state),
                (Some(integration), Some(ticket)) => {
                    let confirmed = confirmed(&wizard, state);
                    send(state, Wait::Save, Request::NewKey { integration, ticket, confirmed })
                }
                _ => enter(state, Step::Keep, Field::Billing),
            }
        }
        Step::Keep => enter(state, Step::Current, Field::Every),
        Step::Current => {
            let Some(ticket) = wizard.ticket.filter(|_| wizard.check(state).is_some()) else {
                state.tell(Level::Warning, "the key is not there any more: give it again", now_ms);
                return enter(state, Step::Key, Field::Key);
            };
            if is_checking(&wizard, state) {
                return soon(state);
            }
            let ours = wizard.delivery == Delivery::Endpoint;
            let url = Some(wizard.url.text().trim().to_owned()).filter(|url| ours && !url.is_empty());
            if ours && url.is_none() {
                if let Some(wizard) = top(state) {
                    wizard.focus = Field::Url;
                    wizard.wrong = Some(address::NO_URL.to_owned());
                }
                return Vec::new();
            }
            let by_hand = ours && wizard.by_hand;
            let live = wizard.check(state).filter(|check| check.livemode && ours && !by_hand);
            if let Some(check) = live.filter(|_| !wizard.agreed) {
                let name = check.account.as_ref().map_or("This account", |one| one.name.as_str());
                let question =
                    address::question(name, "A webhook endpoint is made at Stripe for it. Make it?");
                if let Some(wizard) = top(state) {
                    wizard.wrong = None;
                    wizard.guard = Some(Guard::writes(&question));
                }
                return Vec::new();
            }
            let name = wizard.name.text().trim().to_owned();
            let spec = ConnectSpec {
                name: Some(name).filter(|name| wizard.renamed && !name.is_empty()),
                description: None,
                billing: wizard.billing,
                delivery: wizard.delivery,
                poll_every_s: wizard.every_s,
                confirmed: confirmed(&wizard, state),
                public_url: url,
                by_hand,
            };
            if let Some(wizard) = top(state) {
                wizard.wrong = None;
            }
            send(state, Wait::Save, Request::Connect { ticket, spec })
        }
    }
}

fn confirmed(wizard: &Wizard, state: &State) -> Option<String> {
    wizard.must_confirm(state).then(|| wizard.confirm.text().trim().to_owned())
}

/// What of the first step is not as it has to be.
fn unready(wizard: &Wizard, state: &State) -> Option<(Field, String)> {
    let check = wizard.check(state)?;
    let Some(account) = &check.account else {
        let text = "Whose key it is is not known yet: a moment.".to_owned();
        // Only at the very beginning: a key that may not read its account has one by the end.
        return (check.state == KeyCheckState::Checking).then_some((Field::Go, text));
    };
    if wizard.must_confirm(state) && wizard.confirm.text().trim() != account.name.trim() {
        let text =
            format!("To go on with a key that can move money, type the account's name: {}", account.name);
        return Some((Field::Confirm, text));
    }
    if let Some(id) = wizard.renew
        && let Some(view) = state.integration(id)
        && (view.livemode != check.livemode || view.account != account.id)
    {
        let text = format!(
            "This key is of {} ({}), not of {} ({}): give a key of that account.",
            account.name,
            mode(check.livemode),
            view.name,
            mode(view.livemode)
        );
        return Some((Field::Key, text));
    }
    if wizard.target(state).is_some() {
        return None;
    }
    let name = wizard.name.text().trim();
    let taken = state.snapshot.integrations.iter().any(|view| view.name.eq_ignore_ascii_case(name));
    if wizard.renamed && name.is_empty() {
        return Some((Field::Name, "A name needs at least one letter.".to_owned()));
    }
    (wizard.renamed && taken)
        .then(|| (Field::Name, format!("The name `{name}` is taken here: choose another.")))
}

fn is_checking(wizard: &Wizard, state: &State) -> bool {
    wizard.check(state).is_some_and(|check| check.state == KeyCheckState::Checking)
}

/// Once the key has been tried. Nobody has to press Enter again for that.
fn soon(state: &mut State) -> Vec<Effect> {
    if let Some(wizard) = top(state) {
        wizard.wrong = None;
        wizard.soon = true;
    }
    Vec::new()
}

fn mode(livemode: bool) -> &'static str {
    if livemode { "LIVE" } else { "TEST" }
}

fn enter(state: &mut State, step: Step, focus: Field) -> Vec<Effect> {
    if let Some(wizard) = top(state) {
        wizard.step = step;
        wizard.focus = focus;
        wizard.wrong = None;
    }
    Vec::new()
}

fn back(state: &mut State) -> Vec<Effect> {
    match top(state).map(|wizard| wizard.step) {
        Some(Step::Current) => enter(state, Step::Keep, Field::Billing),
        Some(Step::Keep) => enter(state, Step::Key, Field::Go),
        Some(Step::Key) => {
            let ticket = top(state).and_then(|wizard| wizard.ticket.take());
            state.overlays.pop();
            drop_key(state, ticket)
        }
        None => Vec::new(),
    }
}

fn open_profiles(state: &mut State) -> Vec<Effect> {
    let Some(wizard) = top(state).filter(|wizard| wizard.step == Step::Key) else { return Vec::new() };
    wizard.profiles = Some(Profiles::Loading);
    wizard.focus = Field::Key;
    send(state, Wait::Profiles, Request::CliProfiles)
}

/// A key that comes while the list is open goes into its field. A terminal without bracketed paste sends `pk_…` letter
/// by letter: its `p` has opened the list, and belongs to the key.
fn leave_profiles(state: &mut State, typed: &Typed) {
    let Some(wizard) = top(state) else { return };
    let first = Key { code: KeyCode::Char('p'), ctrl: false, alt: false };
    match typed {
        Typed::Paste(_) => {}
        Typed::Key(key) if key.code == KeyCode::Char('k') && wizard.key.is_empty() => {
            wizard.key.take(&Typed::Key(first));
        }
        Typed::Key(key) if key.is_text() => {}
        Typed::Key(_) => return,
    }
    wizard.profiles = None;
    wizard.waiting = None;
    wizard.focus = Field::Key;
}

fn in_profiles(state: &mut State, action: Action) -> Vec<Effect> {
    let Some(wizard) = top(state) else { return Vec::new() };
    match action {
        Action::Down | Action::Complete => {
            if let Some(profiles) = &mut wizard.profiles {
                profiles.step(1);
            }
        }
        Action::Up | Action::CompleteBack => {
            if let Some(profiles) = &mut wizard.profiles {
                profiles.step(-1);
            }
        }
        Action::Back | Action::Cancel => {
            wizard.profiles = None;
            wizard.waiting = None;
        }
        Action::Accept | Action::Open => {
            let Some(line) = wizard.profiles.as_ref().and_then(Profiles::chosen) else { return Vec::new() };
            if line.expires.is_none() || wizard.waiting.is_some() {
                return Vec::new();
            }
            let (profile, livemode) = (line.profile.name.clone(), line.livemode);
            wizard.profile = Some(profile.clone());
            wizard.key = SecretEdit::default();
            wizard.wrong = None;
            if !wizard.renamed {
                wizard.name = LineEdit::default();
            }
            let old = wizard.ticket.take();
            let mut effects = drop_key(state, old);
            effects.extend(send(state, Wait::Ticket, Request::CliProfileKey { profile, livemode }));
            return effects;
        }
        _ => {}
    }
    Vec::new()
}
