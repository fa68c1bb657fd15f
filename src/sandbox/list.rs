//! Lists: newest first, paged by cursor both ways, over history and what came after.
//!
//! A list is a merge of sequences, each of which rises in time: one of history (charges have one for every
//! attempt slot) and one of what traffic added. Positions are found by halving, so neither a cursor nor a
//! `created` filter walks anything. Nothing here may keep more than a page.

use super::ids::{CHARGES_PER_INVOICE, Obj, REFUNDS_PER_INVOICE};
use super::model::aftermath::{DISPUTE_AFTER, REFUND_AFTER};
use super::model::catalog::{PRICES, PRODUCTS};
use super::model::invoice::{FINALIZE_AFTER, HISTORY_SLOTS, OFFSETS};
use super::overlay::View;

/// Where an object stands in its list: time, sequence, place in the sequence.
type Place = (i64, usize, u64);

/// A predicate over an object's number.
pub type Filter<'f> = Box<dyn Fn(View<'_>, u64) -> bool + Send + Sync + 'f>;

/// Bounds on `created`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// not before
    pub from: i64,
    /// not after
    pub to: i64,
}

impl Default for Span {
    fn default() -> Span {
        Span { from: i64::MIN, to: i64::MAX }
    }
}

impl Span {
    /// Whether a time lies within.
    pub fn holds(&self, at: i64) -> bool {
        self.from <= at && at <= self.to
    }
}

/// From where a page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// the newest
    Top,
    /// older than this object
    After(u64),
    /// newer than this object
    Before(u64),
}

/// What is asked of a list.
pub struct Ask<'f> {
    /// of what
    pub obj: Obj,
    /// time bounds
    pub created: Span,
    /// from where
    pub cursor: Cursor,
    /// how many, at least 1
    pub limit: usize,
    /// only these invoices of history, rising: those of one customer, say. For lists that are numbered by
    /// invoice.
    pub invoices: Option<Vec<u64>>,
    /// and only what passes this
    pub filter: Option<Filter<'f>>,
}

/// A page: numbers of objects, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// the objects
    pub numbers: Vec<u64>,
    /// there are more in the direction of the walk
    pub has_more: bool,
}

#[derive(Clone, Copy)]
enum Source {
    /// objects of history numbered from 0: how many
    Numbered(u64),
    /// charges of history in one attempt slot
    Slot(usize),
    /// the event log
    Events,
    /// what traffic added
    Added,
}

struct Sequence<'a> {
    view: View<'a>,
    obj: Obj,
    rank: usize,
    source: Source,
    subset: Option<&'a [u64]>,
}

impl Sequence<'_> {
    fn added(&self) -> &[(i64, u64)] {
        match self.obj {
            Obj::Invoice => &self.view.overlay.new_invoices,
            Obj::PaymentIntent | Obj::InvoicePayment => &self.view.overlay.new_payments,
            Obj::Charge => &self.view.overlay.new_charges,
            Obj::Refund => &self.view.overlay.new_refunds,
            Obj::Dispute => &self.view.overlay.new_disputes,
            Obj::Customer => &self.view.overlay.new_customers,
            Obj::Subscription => &self.view.overlay.new_subscriptions,
            _ => &[],
        }
    }

    fn len(&self) -> u64 {
        match (self.source, self.subset) {
            (Source::Numbered(_) | Source::Slot(_), Some(subset)) => subset.len() as u64,
            (Source::Numbered(count), None) => count,
            (Source::Slot(_), None) => self.view.world.timeline.invoices(),
            (Source::Events, _) => self.view.overlay.event_span().1,
            (Source::Added, _) => self.added().len() as u64,
        }
    }

    /// The index of history at a position.
    fn index(&self, at: u64) -> u64 {
        self.subset.map_or(at, |subset| subset[at as usize])
    }

    fn created(&self, at: u64) -> i64 {
        let world = self.view.world;
        match self.source {
            Source::Numbered(_) => {
                let index = self.index(at);
                match self.obj {
                    Obj::Invoice => world.timeline.invoice_created(index),
                    Obj::PaymentIntent | Obj::InvoicePayment => {
                        world.timeline.invoice_created(index) + FINALIZE_AFTER
                    }
                    Obj::Refund => world.timeline.invoice_created(index) + REFUND_AFTER,
                    Obj::Dispute => world.timeline.invoice_created(index) + DISPUTE_AFTER,
                    Obj::Customer => world.timeline.customer_created(index),
                    Obj::Subscription => world.subscription_created(index),
                    Obj::Price => world.price_created(index),
                    _ => world.product_created(index),
                }
            }
            Source::Slot(slot) => world.timeline.invoice_created(self.index(at)) + i64::from(OFFSETS[slot]),
            Source::Events => {
                let first = self.view.overlay.event_span().0;
                self.view.overlay.event(first + at).map_or(0, |event| event.created)
            }
            Source::Added => self.added()[at as usize].0,
        }
    }

    fn place(&self, at: u64) -> Place {
        let order = match self.source {
            Source::Added => at,
            Source::Events => self.view.overlay.event_span().0 + at,
            Source::Numbered(_) | Source::Slot(_) => self.index(at),
        };
        (self.created(at), self.rank, order)
    }

    /// The object's number, if history put one at this position and it is still listed.
    fn number(&self, at: u64) -> Option<u64> {
        let view = self.view;
        match self.source {
            Source::Added => {
                let number = self.added()[at as usize].1;
                let listed = self.obj != Obj::Customer || view.customer(number).is_some_and(|c| !c.deleted);
                listed.then_some(number)
            }
            Source::Events => Some(view.overlay.event_span().0 + at),
            Source::Slot(slot) => {
                let index = self.index(at);
                (view.world.invoice(index).attempts[slot].made())
                    .then_some(index * CHARGES_PER_INVOICE + slot as u64)
            }
            Source::Numbered(_) => {
                let index = self.index(at);
                if self.obj == Obj::Refund {
                    let made = view.world.invoice(index).refunds[0].made();
                    return made.then_some(index * REFUNDS_PER_INVOICE);
                }
                let listed = match self.obj {
                    Obj::Dispute => view.world.invoice(index).dispute.made(),
                    Obj::PaymentIntent | Obj::InvoicePayment => view.world.invoice(index).finalized_at != 0,
                    Obj::Customer => view.customer(index).is_some_and(|c| !c.deleted),
                    Obj::Subscription => view.world.has_subscription(index),
                    _ => true,
                };
                listed.then_some(index)
            }
        }
    }

    /// The first position whose place does not pass `before`.
    fn halve(&self, before: impl Fn(&Place) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if before(&self.place(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

fn sequences<'a>(view: View<'a>, ask: &'a Ask<'_>) -> Vec<Sequence<'a>> {
    let timeline = &view.world.timeline;
    let sources: Vec<Source> = match ask.obj {
        Obj::Invoice | Obj::PaymentIntent | Obj::InvoicePayment | Obj::Refund | Obj::Dispute => {
            vec![Source::Numbered(timeline.invoices()), Source::Added]
        }
        Obj::Charge => (0..HISTORY_SLOTS).map(Source::Slot).chain([Source::Added]).collect(),
        Obj::Customer | Obj::Subscription => vec![Source::Numbered(timeline.customers()), Source::Added],
        Obj::Price => vec![Source::Numbered(PRICES)],
        Obj::Product => vec![Source::Numbered(PRODUCTS.len() as u64)],
        Obj::Event => vec![Source::Events],
        _ => Vec::new(),
    };
    sources
        .into_iter()
        .enumerate()
        .map(|(rank, source)| Sequence { view, obj: ask.obj, rank, source, subset: ask.invoices.as_deref() })
        .collect()
}

/// Where an existing object stands.
fn locate(view: View<'_>, obj: Obj, number: u64) -> Option<Place> {
    let world = view.world;
    let history = world.timeline.invoices();
    let added = |list: &[(i64, u64)], at: i64, rank: usize| {
        let from = list.partition_point(|entry| entry.0 < at);
        let offset = list[from..].iter().take_while(|e| e.0 == at).position(|e| e.1 == number)?;
        Some((at, rank, (from + offset) as u64))
    };
    match obj {
        Obj::Invoice if number < history => Some((world.timeline.invoice_created(number), 0, number)),
        Obj::Invoice => added(&view.overlay.new_invoices, view.invoice(number)?.created, 1),
        Obj::PaymentIntent | Obj::InvoicePayment => {
            if number < history && world.invoice(number).finalized_at != 0 {
                return Some((world.timeline.invoice_created(number) + FINALIZE_AFTER, 0, number));
            }
            added(&view.overlay.new_payments, view.invoice(number)?.finalized_at, 1)
        }
        Obj::Charge => {
            let (index, slot) = (number / CHARGES_PER_INVOICE, (number % CHARGES_PER_INVOICE) as usize);
            if index < history && slot < HISTORY_SLOTS && world.invoice(index).attempts[slot].made() {
                let at = world.timeline.invoice_created(index) + i64::from(OFFSETS[slot]);
                return Some((at, slot, index));
            }
            let invoice = view.invoice(index)?;
            added(&view.overlay.new_charges, invoice.attempted_at(invoice.attempts[slot]), HISTORY_SLOTS)
        }
        Obj::Refund => {
            let (index, slot) = (number / REFUNDS_PER_INVOICE, (number % REFUNDS_PER_INVOICE) as usize);
            if slot == 0 && index < history && world.invoice(index).refunds[0].made() {
                return Some((world.timeline.invoice_created(index) + REFUND_AFTER, 0, index));
            }
            added(&view.overlay.new_refunds, view.invoice(index)?.refunds[slot].created, 1)
        }
        Obj::Dispute => {
            if number < history && world.invoice(number).dispute.made() {
                return Some((world.timeline.invoice_created(number) + DISPUTE_AFTER, 0, number));
            }
            added(&view.overlay.new_disputes, view.invoice(number)?.dispute.created, 1)
        }
        Obj::Customer if number >= world.timeline.customers() => {
            added(&view.overlay.new_customers, view.customer(number)?.created, 1)
        }
        Obj::Subscription if number >= world.timeline.customers() => {
            added(&view.overlay.new_subscriptions, view.subscription(number)?.created, 1)
        }
        Obj::Customer => Some((world.timeline.customer_created(number), 0, number)),
        Obj::Subscription => Some((world.subscription_created(number), 0, number)),
        Obj::Price => Some((world.price_created(number), 0, number)),
        Obj::Product => Some((world.product_created(number), 0, number)),
        Obj::Event => Some((view.overlay.event(number)?.created, 0, number)),
        _ => None,
    }
}

/// Reads one page. `None` if the cursor's object is not there.
pub fn page(view: View<'_>, ask: &Ask<'_>) -> Option<Page> {
    let cursor = match ask.cursor {
        Cursor::Top => None,
        Cursor::After(number) | Cursor::Before(number) => Some(locate(view, ask.obj, number)?),
    };
    let upward = matches!(ask.cursor, Cursor::Before(_));
    let sequences = sequences(view, ask);
    // What is left of each sequence: positions low..high, and the next candidate at the end being read.
    let mut walks: Vec<Walk<'_, '_>> = sequences
        .iter()
        .map(|sequence| {
            let mut low = sequence.halve(|place| place.0 < ask.created.from);
            let mut high = sequence.halve(|place| place.0 <= ask.created.to);
            if let Some(cursor) = cursor {
                if upward {
                    low = low.max(sequence.halve(|place| *place <= cursor));
                } else {
                    high = high.min(sequence.halve(|place| *place < cursor));
                }
            }
            Walk { sequence, low, high, upward, filter: ask.filter.as_ref(), next: None }
        })
        .collect();
    for walk in &mut walks {
        walk.advance();
    }
    let mut numbers = Vec::with_capacity(ask.limit);
    while numbers.len() <= ask.limit {
        let best = walks
            .iter_mut()
            .filter(|walk| walk.next.is_some())
            .reduce(|a, b| if (a.next.map(|n| n.0) < b.next.map(|n| n.0)) == upward { a } else { b });
        let Some(walk) = best else { break };
        if let Some((_, number)) = walk.next {
            numbers.push(number);
        }
        walk.advance();
    }
    let has_more = numbers.len() > ask.limit;
    numbers.truncate(ask.limit);
    if upward {
        numbers.reverse();
    }
    Some(Page { numbers, has_more })
}

struct Walk<'s, 'a> {
    sequence: &'s Sequence<'a>,
    low: u64,
    high: u64,
    upward: bool,
    filter: Option<&'s Filter<'s>>,
    next: Option<(Place, u64)>,
}

impl Walk<'_, '_> {
    fn advance(&mut self) {
        self.next = None;
        while self.low < self.high {
            let at = if self.upward {
                self.low += 1;
                self.low - 1
            } else {
                self.high -= 1;
                self.high
            };
            let Some(number) = self.sequence.number(at) else { continue };
            if self.filter.is_none_or(|filter| filter(self.sequence.view, number)) {
                self.next = Some((self.sequence.place(at), number));
                return;
            }
        }
    }
}
