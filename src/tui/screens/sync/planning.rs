//! The plan that is shown: what it is for, and when another one is asked for.
//!
//! At most one question is under way and the newest wish wins, which also keeps a row of quick changes from asking
//! for a plan each. It must never look at Stripe by itself: only [`Planning::look`] spends reads.

use crate::engine::api::{DiscoverSpec, IntegrationId, IntegrationView, PlanView, Request, SyncSpec};
use crate::tui::screens::dashboard::update::is_active;

/// What a plan is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// For whom.
    pub integration: IntegrationId,
    /// The discover.
    pub discover: Option<DiscoverSpec>,
    /// The sync after it.
    pub sync: Option<SyncSpec>,
}

/// What the numbers of a plan rest on: when it is another, they are out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ground {
    /// The last job that ended.
    jobs: (u64, u64),
    /// Work in the catalog, roughly: a live account changes an entry every second, which is no other plan.
    work: u64,
}

/// The plan's state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Planning {
    /// What was answered last, and to what.
    shown: Option<(Wanted, Result<PlanView, String>)>,
    /// A few pages were looked at for it.
    pub looked: bool,
    ground: Ground,
    in_flight: Option<(u64, Wanted, bool)>,
    look: Option<Wanted>,
}

impl Planning {
    /// The plan, or why there is none, if it is for this.
    pub fn of(&self, wanted: &Wanted) -> Option<Result<&PlanView, &str>> {
        let (of, plan) = self.shown.as_ref()?;
        (of == wanted).then(|| plan.as_ref().map_err(String::as_str))
    }

    /// Whatever plan there is of this account's, be it of another choice.
    pub fn any_of(&self, id: IntegrationId) -> Option<&PlanView> {
        self.shown.as_ref().filter(|(of, _)| of.integration == id).and_then(|(_, plan)| plan.as_ref().ok())
    }

    /// A question is under way.
    pub fn is_waiting(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Pages are being looked at.
    pub fn is_looking(&self) -> bool {
        self.look.is_some() || self.in_flight.as_ref().is_some_and(|(_, _, look)| *look)
    }

    /// Looks at a few pages for this plan.
    pub fn look(&mut self, wanted: Wanted) {
        self.look = Some(wanted);
    }

    /// The next question to ask, if one is due.
    pub fn next(
        &mut self,
        wanted: &Wanted,
        view: &IntegrationView,
        number: impl FnOnce() -> u64,
    ) -> Option<(u64, Request)> {
        if self.in_flight.is_some() {
            return None;
        }
        let same = self.of(wanted).is_some();
        let ground = ground(view);
        let running = [&view.discover, &view.sync].into_iter().flatten().any(is_active);
        let look = match self.look.take() {
            // Asked for another choice meanwhile: that wish is gone.
            Some(of) => of == *wanted,
            None => false,
        };
        // A plan that was looked at is worth more than one that is made anew for another entry or two.
        let old = ground.jobs != self.ground.jobs || (!self.looked && ground.work != self.ground.work);
        if same && !look && (running || !old) {
            return None;
        }
        let number = number();
        self.in_flight = Some((number, wanted.clone(), look));
        self.ground = ground;
        let Wanted { integration, discover, sync } = wanted.clone();
        Some((number, Request::Plan { integration, discover, sync, look }))
    }

    /// Takes an answer up; false when it is not the one that is waited for.
    pub fn take(&mut self, number: u64, answer: Result<PlanView, String>) -> bool {
        let Some((_, wanted, look)) = self.in_flight.take_if(|(waiting, _, _)| *waiting == number) else {
            return false;
        };
        self.looked = look && answer.is_ok();
        self.shown = Some((wanted, answer));
        true
    }
}

fn ground(view: &IntegrationView) -> Ground {
    let ended = |job: &Option<crate::engine::api::JobView>| {
        job.as_ref().map_or(0, |job| job.id.0 * 2 + u64::from(!is_active(job)))
    };
    let c = view.catalog;
    let work = c.pending + c.stale + c.error;
    // To the nearest eighth or so: from 1 909 to 1 910 is nothing, from 0 to 1 is.
    let bits = 64 - work.leading_zeros();
    let work = work >> bits.saturating_sub(3) << bits.saturating_sub(3);
    Ground { jobs: (ended(&view.discover), ended(&view.sync)), work }
}
