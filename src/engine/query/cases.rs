//! The index of failed payments: which events and records tell of them, put together in memory.
//!
//! It is derived: built once from the log by the thread that builds the tables, then kept current from what the writer
//! stores. Only events that tell of a failure are unpacked, and then what else names the same objects. About a
//! kilobyte a case; nothing is held of what never failed. It must never hold its lock while reading the store.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use super::{News, Shared, search};
use crate::engine::api::IntegrationId;
use crate::recovery::evidence::{self, Evidence};
use crate::recovery::{Case, Group};
use crate::store::changes::{EventChange, RecordChange};
use crate::store::read::EventPlace;
use crate::store::{State, Store, StoreError, event_log, mentions};
use crate::stripe::kind::Kind;

/// Objects looked into between two looks at what else there is to do.
const AT_ONCE: usize = 32;
/// Failed objects taken from the log when it is built; the newest come first.
const MOST: usize = 100_000;
/// Events of one object that are unpacked at most, the newest: a payment under attack has thousands.
const MOST_EVENTS: usize = 300;

type Id = (IntegrationId, String);

/// What is known, and what follows from it.
#[derive(Default)]
pub struct Index {
    /// By customer; by the payment's own id without one.
    groups: HashMap<Id, Group>,
    /// Which group an invoice or payment is in.
    group_of: HashMap<Id, String>,
    /// Invoices and payments that were looked into, or are just now.
    looked: HashSet<Id>,
    /// Hashes of all ids that a case hangs on.
    hashes: HashSet<(IntegrationId, u32)>,
    /// The cases of each group.
    cases: BTreeMap<Id, Vec<Case>>,
}

impl Index {
    /// Every case of these integrations.
    pub fn each(&self, of: Option<IntegrationId>) -> impl Iterator<Item = (IntegrationId, &Case)> {
        let from = of.unwrap_or(IntegrationId(0));
        let cases = self.cases.range((from, String::new())..);
        let ours = cases.take_while(move |((integration, _), _)| of.is_none_or(|of| *integration == of));
        ours.flat_map(|((integration, _), cases)| cases.iter().map(|case| (*integration, case)))
    }

    /// One case, with the group that it is of.
    pub fn get(&self, integration: IntegrationId, id: &str) -> Option<(&Case, &Group)> {
        let group = self.group_of.get(&(integration, id.to_owned()))?;
        let key = (integration, group.clone());
        let case = self
            .cases
            .get(&key)?
            .iter()
            .find(|case| case.id == id || case.payments.iter().any(|payment| payment == id))?;
        Some((case, self.groups.get(&key)?))
    }
}

/// What is still to be looked at.
#[derive(Default)]
struct ToDo {
    /// Objects that failed, or that something failed names.
    objects: BTreeSet<Id>,
    /// Events about objects that are known.
    events: Vec<EventPlace>,
    /// Records that changed, of objects that are known.
    records: BTreeSet<(IntegrationId, Kind, String)>,
    /// Objects that were noted while building.
    noted: usize,
}

/// The index, and what is on its way into it.
#[derive(Default)]
pub struct Cases {
    index: RwLock<Index>,
    to_do: Mutex<ToDo>,
    /// Held while something is looked into: one thread at a time.
    turn: Mutex<()>,
    version: AtomicU64,
    built: AtomicBool,
    /// The ties that records tell of have been read for what failed before.
    tied: AtomicBool,
}

impl Cases {
    /// Forgets everything; the log is about to be walked again.
    pub fn start_anew(&self) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        *self.to_do() = ToDo::default();
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Index::default();
        self.built.store(false, Ordering::SeqCst);
        self.tied.store(false, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// Rises whenever a case changed.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// Everything that was in the log at the beginning is in it.
    pub fn is_built(&self) -> bool {
        self.built.load(Ordering::SeqCst)
    }

    /// What is known now.
    pub fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The walk over the log, newest first, passes an event.
    pub fn pass(&self, integration: IntegrationId, value: &[u8]) -> Result<(), StoreError> {
        let (event_type, object) = event_log::about(value)?;
        if evidence::is_failure(event_type) && !object.is_empty() {
            let mut to_do = self.to_do();
            if to_do.noted < MOST && to_do.objects.insert((integration, object.to_owned())) {
                to_do.noted += 1;
            }
        }
        Ok(())
    }

    /// Takes note of an event that was stored.
    pub fn put_event(&self, event: &EventChange) -> Result<(), StoreError> {
        let (event_type, object) = event_log::about(&event.header)?;
        if !evidence::is_of_use(event_type) {
            return Ok(());
        }
        let place = EventPlace { integration: event.integration, created: event.created, order: event.order };
        if self.is_known(event.integration, object) {
            self.to_do().events.push(place);
        } else if evidence::is_failure(event_type) {
            // What was stored of it before it failed is looked up, too.
            self.to_do().objects.insert((event.integration, object.to_owned()));
        } else if !object.starts_with("in_") && !object.starts_with("pi_") {
            // A charge, a tie, a subscription: of a known case if it names one of its objects.
            let index = self.read();
            let named = !index.hashes.is_empty()
                && event_log::mentions(&event.header)?
                    .unwrap_or_default()
                    .into_iter()
                    .any(|hash| index.hashes.contains(&(event.integration, hash)));
            drop(index);
            if named {
                self.to_do().events.push(place);
            }
        }
        Ok(())
    }

    /// Takes note of records that were stored.
    pub fn put_records(&self, records: &[RecordChange]) {
        for change in records {
            let id = match change.kind {
                Kind::Invoice | Kind::PaymentIntent => &change.id,
                // Its invoice; what paid stands beside it.
                Kind::InvoicePayment => &change.header.who,
                _ => continue,
            };
            if self.is_known(change.integration, id) {
                self.to_do().records.insert((change.integration, change.kind, change.id.clone()));
            }
        }
    }

    /// Takes everything of these integrations out.
    pub fn forget(&self, gone: &[IntegrationId]) {
        if gone.is_empty() {
            return;
        }
        let mut to_do = self.to_do();
        to_do.objects.retain(|(id, _)| !gone.contains(id));
        to_do.events.retain(|place| !gone.contains(&place.integration));
        to_do.records.retain(|(id, ..)| !gone.contains(id));
        drop(to_do);
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.groups.retain(|(id, _), _| !gone.contains(id));
        index.group_of.retain(|(id, _), _| !gone.contains(id));
        index.looked.retain(|(id, _)| !gone.contains(id));
        index.hashes.retain(|(id, _)| !gone.contains(id));
        index.cases.retain(|(id, _), _| !gone.contains(id));
        drop(index);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    fn is_known(&self, integration: IntegrationId, id: &str) -> bool {
        let index = self.read();
        let id = (integration, id.to_owned());
        !index.looked.is_empty() && (index.looked.contains(&id) || index.group_of.contains_key(&id))
    }

    fn to_do(&self) -> MutexGuard<'_, ToDo> {
        self.to_do.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks into some of what is to be looked at; false when there is nothing. Only once the log was walked.
    pub fn work_some(&self, shared: &Shared) -> Result<bool, StoreError> {
        if !shared.mentions.is_built() {
            return Ok(false);
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (objects, events, records) = {
            let mut to_do = self.to_do();
            let mut objects = Vec::new();
            while objects.len() < AT_ONCE
                && let Some(object) = to_do.objects.pop_last()
            {
                objects.push(object);
            }
            let many = to_do.events.len().min(4 * AT_ONCE);
            let events: Vec<EventPlace> = to_do.events.drain(..many).collect();
            let mut records = Vec::new();
            while records.len() < AT_ONCE
                && let Some(record) = to_do.records.pop_first()
            {
                records.push(record);
            }
            (objects, events, records)
        };
        if objects.is_empty() && events.is_empty() && records.is_empty() {
            return self.finish(shared);
        }
        {
            // From here on what is stored of them is noted: nothing falls between this look and the next.
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            for (integration, object) in &objects {
                index.looked.insert((*integration, object.clone()));
                index.hashes.insert((*integration, mentions::hash(object)));
            }
        }
        let mut result = Ok(());
        let mut changed = HashSet::new();
        for (integration, object) in objects {
            // What can't be read must not cost the others.
            result = result.and(self.collect(shared, integration, &object, &mut changed));
        }
        for place in events {
            let told = shared.store.event_whole(place).map(|whole| {
                whole.map(|(row, json)| evidence::of_event(&String::from_utf8_lossy(&json), row.received))
            });
            match told {
                Ok(told) => self.add(place.integration, None, told.unwrap_or_default(), &mut changed),
                Err(error) => result = result.and(Err(error)),
            }
        }
        for (integration, kind, id) in records {
            match record(&shared.store, integration, kind, &id) {
                Ok(told) => self.add(integration, None, told.into_iter().collect(), &mut changed),
                Err(error) => result = result.and(Err(error)),
            }
        }
        self.refresh(&changed);
        if !changed.is_empty() {
            (shared.progress)(News::Cases);
        }
        result.map(|()| true)
    }

    /// Nothing is left to be looked at: at the first time, ties that only records tell of are read.
    fn finish(&self, shared: &Shared) -> Result<bool, StoreError> {
        if !self.tied.swap(true, Ordering::SeqCst) {
            let mut untied: HashMap<IntegrationId, HashSet<String>> = HashMap::new();
            for ((integration, _), group) in &self.read().groups {
                untied.entry(*integration).or_default().extend(group.untied());
            }
            let mut changed = HashSet::new();
            for (integration, payments) in untied.into_iter().filter(|(_, payments)| !payments.is_empty()) {
                let mut found = Vec::new();
                shared.store.each_peek(integration, Kind::InvoicePayment, None, |_, peek| {
                    if payments.contains(peek.who) {
                        let (payment, invoice) = (peek.who.to_owned(), peek.label.to_owned());
                        found.push(Evidence::Tie { payment, invoice });
                    }
                    true
                })?;
                for tie in found {
                    self.add(integration, None, vec![tie], &mut changed);
                }
            }
            self.refresh(&changed);
            return Ok(true);
        }
        if !self.built.swap(true, Ordering::SeqCst) {
            self.version.fetch_add(1, Ordering::SeqCst);
            (shared.progress)(News::Cases);
        }
        Ok(false)
    }

    /// All that the store knows of an invoice or a payment.
    fn collect(
        &self,
        shared: &Shared,
        integration: IntegrationId,
        object: &str,
        changed: &mut HashSet<Id>,
    ) -> Result<(), StoreError> {
        let store = &shared.store;
        let mut told = Vec::new();
        let mut unpacked = 0;
        let mut newest = None;
        for place in shared.mentions.places(integration, object) {
            let Some((event_type, about)) = store.event_about(place)? else { continue };
            if !evidence::is_of_use(&event_type) {
                continue;
            }
            // Of what only shows how an object stands, the newest second says all; what ends a case says when.
            let shows = event_type.ends_with(".updated") || event_type.ends_with(".created");
            if shows && newest.is_some_and(|newest| place.created < newest) {
                continue;
            }
            if about == object {
                newest = newest.max(Some(place.created));
            }
            if let Some((row, json)) = store.event_whole(place)? {
                told.extend(evidence::of_event(&String::from_utf8_lossy(&json), row.received));
            }
            unpacked += 1;
            if unpacked >= MOST_EVENTS {
                break;
            }
        }
        for kind in [Kind::Invoice, Kind::PaymentIntent] {
            told.extend(record(store, integration, kind, object)?);
        }
        let is_payment = told.iter().any(|one| matches!(one, Evidence::Payment(seen) if seen.id == object));
        let tied = told.iter().any(|one| match one {
            Evidence::Tie { payment, .. } => payment == object,
            Evidence::Payment(seen) => seen.id == object && seen.invoice.is_some(),
            _ => false,
        });
        // While the log is built, one walk at its end finds all of these.
        if is_payment && !tied && self.tied.load(Ordering::SeqCst) {
            told.extend(tie_of(shared, integration, object));
        }
        self.add(integration, Some(object), told, changed);
        Ok(())
    }

    /// Adds what was told, each to the group that it belongs to. `object`: what was looked into.
    fn add(
        &self,
        integration: IntegrationId,
        object: Option<&str>,
        told: Vec<Evidence>,
        changed: &mut HashSet<Id>,
    ) {
        if told.is_empty() {
            return;
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let known = |index: &Index, id: &str| index.group_of.get(&(integration, id.to_owned())).cloned();
        let ids: Vec<&str> = told.iter().flat_map(names).collect();
        let customer = told.iter().find_map(|one| match one {
            Evidence::Invoice(seen) if !seen.customer.is_empty() => Some(seen.customer.clone()),
            Evidence::Payment(seen) if !seen.customer.is_empty() => Some(seen.customer.clone()),
            _ => None,
        });
        let group = object
            .and_then(|object| known(&index, object))
            .or(customer.clone())
            .or_else(|| ids.iter().find_map(|id| known(&index, id)))
            .or_else(|| object.map(str::to_owned));
        let Some(name) = group else { return };
        let key = (integration, name.clone());
        let Index { groups, group_of, looked, hashes, cases } = &mut *index;
        // Evidence of objects that never failed makes no group.
        if object.is_none() && !groups.contains_key(&key) {
            return;
        }
        let mut again = Vec::new();
        let group = groups.entry(key.clone()).or_default();
        let mut named: BTreeSet<String> = BTreeSet::new();
        for one in told {
            // An event about a known object may tell of others, too: those are not ours unless they are tied to it.
            let about = names(&one)
                .iter()
                .any(|id| Some(*id) == object || group_of.contains_key(&(integration, (*id).to_owned())));
            if about {
                named.extend(names(&one).into_iter().map(str::to_owned));
                group.add(one);
            }
        }
        named.extend(object.map(str::to_owned));
        let wanted = group.wanted();
        for id in named {
            hashes.insert((integration, mentions::hash(&id)));
            let before = group_of.insert((integration, id.clone()), name.clone());
            // A payment without a customer stood alone, and is now known to be for an invoice of this group.
            if let Some(before) = before.filter(|before| *before != name && *before == id) {
                groups.remove(&(integration, before.clone()));
                cases.remove(&(integration, before));
                again.push((integration, id));
            }
        }
        // Looked for once: what is not in the store now comes as a change.
        let new = wanted.into_iter().map(|id| (integration, id)).filter(|id| !looked.contains(id));
        let new: Vec<Id> = new.chain(again).collect();
        drop(index);
        changed.insert(key);
        self.to_do().objects.extend(new);
    }

    /// Works out the cases of groups again.
    fn refresh(&self, changed: &HashSet<Id>) {
        if changed.is_empty() {
            return;
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let mut any = false;
        for key in changed {
            let cases = index.groups.get(key).map(Group::cases).unwrap_or_default();
            let before = index.cases.get(key).map_or(&[][..], Vec::as_slice);
            if cases == before {
                continue;
            }
            any = true;
            index.cases.insert(key.clone(), cases);
        }
        drop(index);
        if any {
            self.version.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// The invoices and payments that a piece of evidence is about.
fn names(one: &Evidence) -> Vec<&str> {
    match one {
        Evidence::Invoice(seen) => std::iter::once(seen.id.as_str()).chain(seen.payment.as_deref()).collect(),
        Evidence::InvoiceFailed { invoice, .. } | Evidence::Canceled { invoice, .. } => vec![invoice],
        Evidence::Payment(seen) => std::iter::once(seen.id.as_str()).chain(seen.invoice.as_deref()).collect(),
        Evidence::Try(seen) => vec![&seen.payment],
        Evidence::PaymentFailed { payment, .. } => vec![payment],
        Evidence::Tie { payment, invoice } => vec![payment, invoice],
    }
}

fn record(
    store: &Store,
    integration: IntegrationId,
    kind: Kind,
    id: &str,
) -> Result<Option<Evidence>, StoreError> {
    let Some(record) = store.record(integration, kind, id)? else { return Ok(None) };
    if record.header.state == State::Gone {
        return Ok(None);
    }
    let json = String::from_utf8_lossy(&record.json);
    Ok(match kind {
        Kind::Invoice => evidence::of_invoice(&json, record.header.as_of),
        Kind::PaymentIntent => evidence::of_payment(&json, record.header.as_of),
        _ => evidence::tie(&json),
    })
}

/// The invoice that the table of invoice payments ties a payment to.
fn tie_of(shared: &Shared, integration: IntegrationId, payment: &str) -> Option<Evidence> {
    let table = shared.tables.get(Kind::InvoicePayment)?;
    let rows = table.read();
    let found = search::rows_of_party(&rows, |_, who| who == payment, payment);
    let row = found.into_iter().find(|row| rows.integration(*row as usize) == Some(integration))?;
    let invoice = rows.row(row as usize)?.label.to_owned();
    Some(Evidence::Tie { payment: payment.to_owned(), invoice })
}
