//! From evidence to cases: a pile of what is known of one customer's failed payments.
//!
//! Adding is commutative and idempotent, so that events that come late, twice or out of order end as if they had
//! come in order. It must never make a case of a payment that only succeeded, nor two of one failure: an invoice and
//! its payment both tell of it.

use std::collections::{BTreeMap, BTreeSet};

use super::declines::Codes;
use super::evidence::{Evidence, InvoiceSeen, PaymentSeen, TrySeen};

/// Tries kept of one payment: a shop under attack sees thousands on one.
const MOST_TRIES: usize = 100;
/// A failed payment and a failed invoice of one customer over one amount are one failure when they are no further
/// apart than this, in seconds, and nothing else ties them.
const NEAR: i64 = 120;

/// What is known of one customer's failed payments; of a payment without a customer, of that one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    invoices: BTreeMap<String, InvoiceFacts>,
    payments: BTreeMap<String, PaymentFacts>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct InvoiceFacts {
    newest: Option<Box<InvoiceSeen>>,
    failures: BTreeMap<i64, String>,
    paid_at: Option<i64>,
    canceled_at: Option<i64>,
    heard_at: Option<i64>,
    /// Before basil.
    payments: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct PaymentFacts {
    newest: Option<Box<PaymentSeen>>,
    tries: BTreeMap<String, Tried>,
    /// How sure the time is (0: an event says so), and when.
    succeeded: Option<(u8, i64)>,
    invoices: BTreeSet<String>,
    heard_at: Option<i64>,
}

/// One try, from all that tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The earliest time that is told.
    pub at: i64,
    /// Minor units.
    pub amount: i64,
    /// ISO code, lower case.
    pub currency: String,
    /// It went through.
    pub paid: bool,
    /// Why not.
    pub codes: Codes,
    /// `visa 4242`
    pub method: Option<String>,
    /// `pi_…`; empty: only the invoice tells of it.
    pub payment: String,
    /// Events that told: the payment's first, then the charge's.
    pub events: BTreeSet<(bool, String)>,
}

/// How a case stands, but for what time alone decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not paid yet.
    Active,
    /// Paid, and when.
    Recovered(i64),
    /// Given up, when and why: `void`, `uncollectible`, `canceled`.
    Lost(i64, &'static str),
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The invoice's id, or the payment's when there is none.
    pub id: String,
    /// It is about an invoice.
    pub of_invoice: bool,
    /// The payments, in the order of their ids.
    pub payments: Vec<String>,
    /// `sub_…`; may be empty.
    pub subscription: String,
    /// `cus_…`; may be empty.
    pub customer: String,
    /// The customer's name; may be empty.
    pub name: String,
    /// The customer's e-mail; may be empty.
    pub email: String,
    /// The invoice's number; may be empty.
    pub number: String,
    /// ISO code, lower case.
    pub currency: String,
    /// Still to be paid, paid, or given up, as the state is; minor units.
    pub amount: i64,
    /// What was asked for when it failed; minor units.
    pub asked: i64,
    /// The first failed try.
    pub opened_at: i64,
    /// The last failed try.
    pub failed_at: i64,
    /// Tries, as Stripe counts them where it does.
    pub tries: u32,
    /// Why the last one failed.
    pub codes: Codes,
    /// The next automatic try.
    pub next_attempt: Option<i64>,
    /// How it stands.
    pub state: State,
    /// Where the customer can pay.
    pub pay_url: Option<String>,
    /// When it was first heard of here.
    pub heard_at: i64,
}

impl Group {
    /// Adds one thing.
    pub fn add(&mut self, evidence: Evidence) {
        match evidence {
            Evidence::Invoice(seen) => self.invoice(seen),
            Evidence::InvoiceFailed { invoice, at, event, heard_at } => {
                let facts = self.invoices.entry(invoice).or_default();
                let known = facts.failures.entry(at).or_insert_with(|| event.clone());
                *known = event.min(std::mem::take(known));
                keep_first(&mut facts.heard_at, heard_at);
            }
            Evidence::Payment(seen) => self.payment(seen),
            Evidence::PaymentFailed { payment, heard_at } => {
                keep_first(&mut self.payments.entry(payment).or_default().heard_at, heard_at);
            }
            Evidence::Try(tried) => self.tried(*tried),
            Evidence::Tie { payment, invoice } => {
                self.payments.entry(payment).or_default().invoices.insert(invoice);
            }
            Evidence::Canceled { invoice, at } => {
                keep_first(&mut self.invoices.entry(invoice).or_default().canceled_at, at);
            }
        }
    }

    fn invoice(&mut self, seen: Box<InvoiceSeen>) {
        let facts = self.invoices.entry(seen.id.clone()).or_default();
        if seen.status == "paid" {
            keep_first(&mut facts.paid_at, seen.paid_at.unwrap_or(seen.at));
        }
        facts.payments.extend(seen.payment.clone());
        if facts.newest.as_ref().is_none_or(|newest| *newest < seen) {
            facts.newest = Some(seen);
        }
    }

    fn payment(&mut self, seen: Box<PaymentSeen>) {
        let facts = self.payments.entry(seen.id.clone()).or_default();
        if seen.status == "succeeded" {
            keep_success(&mut facts.succeeded, (1, seen.at));
        }
        facts.invoices.extend(seen.invoice.clone());
        if facts.newest.as_ref().is_none_or(|newest| *newest < seen) {
            facts.newest = Some(seen);
        }
    }

    fn tried(&mut self, seen: TrySeen) {
        let facts = self.payments.entry(seen.payment.clone()).or_default();
        if seen.paid {
            keep_success(&mut facts.succeeded, (0, seen.at));
        }
        let key = seen.charge.unwrap_or_else(|| format!("~{}", seen.at));
        let told = (seen.by_charge, seen.event);
        let fresh = Tried {
            at: seen.at,
            amount: seen.amount,
            currency: seen.currency,
            paid: seen.paid,
            codes: seen.codes,
            method: seen.method,
            payment: seen.payment,
            events: BTreeSet::from([told]),
        };
        match facts.tries.get_mut(&key) {
            Some(known) => known.merge(fresh),
            None => {
                facts.tries.insert(key, fresh);
            }
        }
        if facts.tries.len() > MOST_TRIES {
            // The first failure says when the case began: it stays, and so do the newest.
            let first = facts.tries.iter().min_by_key(|(key, tried)| (tried.at, *key)).map(|it| it.0.clone());
            let others = facts.tries.iter().filter(|(key, _)| Some(*key) != first.as_ref());
            let oldest = others.min_by_key(|(key, tried)| (tried.at, *key)).map(|it| it.0.clone());
            if let Some(oldest) = oldest {
                facts.tries.remove(&oldest);
            }
        }
    }

    /// Ids of invoices that payments name and that nothing else is known of.
    pub fn wanted(&self) -> Vec<String> {
        let named = self.payments.values().flat_map(|facts| &facts.invoices);
        named
            .filter(|id| self.invoices.get(*id).is_none_or(|facts| facts.newest.is_none()))
            .cloned()
            .collect()
    }

    /// Payments that no invoice is known of.
    pub fn untied(&self) -> Vec<String> {
        let tied = self.tied();
        self.payments.keys().filter(|id| !tied.contains_key(id.as_str())).cloned().collect()
    }

    /// Nothing failed in it.
    pub fn is_empty(&self) -> bool {
        self.invoices.is_empty() && self.payments.is_empty()
    }

    /// The cases.
    pub fn cases(&self) -> Vec<Case> {
        let tied = self.tied();
        let mut of: BTreeMap<&str, Vec<&str>> =
            self.invoices.keys().map(|id| (id.as_str(), Vec::new())).collect();
        for (payment, invoice) in &tied {
            of.entry(invoice).or_default().push(payment);
        }
        let of_invoices = of.iter().filter_map(|(invoice, payments)| self.of_invoice(invoice, payments));
        let alone = self.payments.iter().filter(|(id, _)| !tied.contains_key(id.as_str()));
        of_invoices.chain(alone.filter_map(|(id, facts)| of_payment(id, facts))).collect()
    }

    /// The tries of a case, newest first. Those that only the invoice tells of have no codes.
    pub fn tries(&self, case: &Case) -> Vec<Tried> {
        let payments = case.payments.iter().filter_map(|id| self.payments.get(id));
        let mut all: Vec<Tried> = payments.flat_map(|facts| facts.tries.values().cloned()).collect();
        if let Some(facts) = self.invoices.get(&case.id).filter(|_| case.of_invoice) {
            let told = all.iter().filter(|one| !one.paid).map(|one| one.at).collect::<Vec<_>>();
            for (at, event) in &facts.failures {
                if told.iter().all(|other| (at - other).abs() > NEAR) {
                    all.push(Tried {
                        at: *at,
                        amount: case.asked,
                        currency: case.currency.clone(),
                        paid: false,
                        codes: Codes::default(),
                        method: None,
                        payment: String::new(),
                        events: BTreeSet::from([(false, event.clone())]),
                    });
                }
            }
        }
        all.sort_by(|one, two| (two.at, two.paid, &two.payment).cmp(&(one.at, one.paid, &one.payment)));
        all
    }

    /// Which payment is for which invoice.
    fn tied(&self) -> BTreeMap<&str, &str> {
        let mut out = BTreeMap::new();
        for (id, facts) in &self.payments {
            let named = facts.invoices.first().map(String::as_str);
            let naming = || {
                let mut invoices = self.invoices.iter();
                invoices.find(|(_, one)| one.payments.contains(id)).map(|(invoice, _)| invoice.as_str())
            };
            if let Some(invoice) = named.or_else(naming).or_else(|| self.near(facts)) {
                out.insert(id.as_str(), invoice);
            }
        }
        out
    }

    /// The invoice that failed with a payment, where only time and amount tell.
    fn near(&self, payment: &PaymentFacts) -> Option<&str> {
        let seen = payment.newest.as_ref()?;
        let failed: Vec<i64> = payment.tries.values().filter(|one| !one.paid).map(|one| one.at).collect();
        let apart = |facts: &InvoiceFacts| {
            let invoice = facts.newest.as_ref()?;
            let fits = invoice.currency == seen.currency
                && [invoice.due, invoice.remaining].contains(&seen.amount)
                && facts.payments.is_empty();
            let pairs = facts.failures.keys().flat_map(|one| failed.iter().map(move |two| (one - two).abs()));
            pairs.min().filter(|apart| fits && *apart <= NEAR)
        };
        let near = self.invoices.iter().filter_map(|(id, facts)| Some((apart(facts)?, id)));
        near.min().map(|(_, id)| id.as_str())
    }

    fn of_invoice(&self, id: &str, payments: &[&str]) -> Option<Case> {
        let nothing = InvoiceFacts::default();
        let facts = self.invoices.get(id).unwrap_or(&nothing);
        let own: Vec<&PaymentFacts> = payments.iter().filter_map(|id| self.payments.get(*id)).collect();
        let failed = || own.iter().flat_map(|one| one.tries.values()).filter(|one| !one.paid);
        let times = || facts.failures.keys().copied().chain(failed().map(|one| one.at));
        let (opened_at, failed_at) = (times().min()?, times().max()?);
        let last = failed().max_by(|one, two| (one.at, &one.codes).cmp(&(two.at, &two.codes)));
        let seen = facts.newest.as_deref();
        let paid_by = own.iter().filter_map(|one| one.succeeded).min_by_key(|it| it.1).map(|it| it.1);
        let state = match (facts.paid_at, seen) {
            (Some(at), _) => State::Recovered(at),
            (None, Some(seen)) => match seen.status.as_str() {
                "void" => State::Lost(seen.ended_at.unwrap_or(seen.at), "void"),
                "uncollectible" => State::Lost(seen.ended_at.unwrap_or(seen.at), "uncollectible"),
                _ => facts.canceled_at.map_or(State::Active, |at| State::Lost(at, "canceled")),
            },
            (None, None) => paid_by.map_or(State::Active, State::Recovered),
        };
        let asked_of_payments =
            || own.iter().filter_map(|one| one.newest.as_ref()).map(|one| one.amount).max().unwrap_or(0);
        let asked = seen.map_or_else(asked_of_payments, |seen| seen.due);
        let amount = match (state, seen) {
            (State::Recovered(_), Some(seen)) if seen.paid > 0 => seen.paid,
            // A void invoice has nothing remaining; what was given up is what was due.
            (State::Lost(..), Some(seen)) => seen.due - seen.paid,
            (State::Active, Some(seen)) => seen.remaining,
            _ => asked,
        };
        let of_payment = own.iter().find_map(|one| one.newest.as_deref());
        let text = |invoice: fn(&InvoiceSeen) -> &str, payment: fn(&PaymentSeen) -> &str| {
            seen.map(invoice)
                .filter(|text| !text.is_empty())
                .or(of_payment.map(payment))
                .unwrap_or("")
                .to_owned()
        };
        let counted = seen.map_or(0, |seen| seen.attempts);
        let told = own.iter().map(|one| one.tries.len()).sum::<usize>().max(facts.failures.len());
        Some(Case {
            id: id.to_owned(),
            of_invoice: true,
            payments: payments.iter().map(|id| (*id).to_owned()).collect(),
            subscription: text(|seen| &seen.subscription, |_| ""),
            customer: text(|seen| &seen.customer, |seen| &seen.customer),
            name: text(|seen| &seen.name, |_| ""),
            email: text(|seen| &seen.email, |_| ""),
            number: text(|seen| &seen.number, |_| ""),
            currency: text(|seen| &seen.currency, |seen| &seen.currency),
            amount,
            asked,
            opened_at,
            failed_at,
            tries: if counted > 0 { counted as u32 } else { told as u32 },
            codes: last.map(|one| one.codes.clone()).unwrap_or_default(),
            next_attempt: seen.and_then(|seen| seen.next_attempt).filter(|_| state == State::Active),
            state,
            pay_url: seen.and_then(|seen| seen.pay_url.clone()),
            heard_at: own.iter().filter_map(|one| one.heard_at).chain(facts.heard_at).min().unwrap_or(0),
        })
    }
}

fn of_payment(id: &str, facts: &PaymentFacts) -> Option<Case> {
    let failed = || facts.tries.values().filter(|one| !one.paid);
    let (opened_at, failed_at) = (failed().map(|one| one.at).min()?, failed().map(|one| one.at).max()?);
    let last = failed().max_by(|one, two| (one.at, &one.codes).cmp(&(two.at, &two.codes)))?;
    let seen = facts.newest.as_deref();
    let state = match (facts.succeeded, seen) {
        (Some((_, at)), _) => State::Recovered(at),
        (None, Some(seen)) if seen.status == "canceled" => {
            State::Lost(seen.canceled_at.unwrap_or(seen.at), "canceled")
        }
        _ => State::Active,
    };
    let asked = seen.map_or(last.amount, |seen| seen.amount);
    let got = seen.map(|seen| seen.received).filter(|got| *got > 0 && matches!(state, State::Recovered(_)));
    Some(Case {
        id: id.to_owned(),
        of_invoice: false,
        payments: vec![id.to_owned()],
        subscription: String::new(),
        customer: seen.map(|seen| seen.customer.clone()).unwrap_or_default(),
        name: String::new(),
        email: String::new(),
        number: String::new(),
        currency: seen.map_or_else(|| last.currency.clone(), |seen| seen.currency.clone()),
        amount: got.unwrap_or(asked),
        asked,
        opened_at,
        failed_at,
        tries: facts.tries.len() as u32,
        codes: last.codes.clone(),
        next_attempt: None,
        state,
        pay_url: None,
        heard_at: facts.heard_at.unwrap_or(0),
    })
}

impl Tried {
    fn merge(&mut self, other: Tried) {
        self.at = self.at.min(other.at);
        self.amount = self.amount.max(other.amount);
        self.paid |= other.paid;
        let keep = |known: &mut Option<String>, other: Option<String>| *known = known.take().max(other);
        keep(&mut self.method, other.method);
        keep(&mut self.codes.code, other.codes.code);
        keep(&mut self.codes.decline_code, other.codes.decline_code);
        keep(&mut self.codes.advice, other.codes.advice);
        keep(&mut self.codes.network_advice, other.codes.network_advice);
        keep(&mut self.codes.outcome, other.codes.outcome);
        keep(&mut self.codes.reason, other.codes.reason);
        self.events.extend(other.events);
    }
}

fn keep_first(known: &mut Option<i64>, at: i64) {
    *known = Some(known.map_or(at, |known| known.min(at)));
}

fn keep_success(known: &mut Option<(u8, i64)>, told: (u8, i64)) {
    *known = Some(known.map_or(told, |known| known.min(told)));
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
