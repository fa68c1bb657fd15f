//! Further views: subscriptions, events, the account, the balance.
//!
//! Apart from [`view`](super::view) only for length; the same rules hold.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lenient;
use super::view::MaybeText;

/// A subscription.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SubscriptionHead<'a> {
    /// `sub_…`
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// `active`, `past_due`, `canceled`, …
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub status: MaybeText<'a>,
    /// `cus_…`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub customer: MaybeText<'a>,
    /// ISO code, lower case.
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub currency: Cow<'a, str>,
    /// What the account wrote down about it.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub description: MaybeText<'a>,
    /// `in_…`
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub latest_invoice: MaybeText<'a>,
    /// Ends with the period.
    #[serde(deserialize_with = "lenient::flag")]
    pub cancel_at_period_end: bool,
    #[serde(borrow, deserialize_with = "lenient::object")]
    items: SubscriptionItems<'a>,
    /// Before basil it stood here.
    #[serde(rename = "current_period_end", deserialize_with = "lenient::int")]
    old_period_end: Option<i64>,
    /// Unix seconds.
    #[serde(deserialize_with = "lenient::int_or_zero")]
    pub created: i64,
    /// Live money.
    #[serde(deserialize_with = "lenient::flag")]
    pub livemode: bool,
}

impl<'a> SubscriptionHead<'a> {
    /// The items that came with it.
    pub fn items(&self) -> &[SubscriptionItem<'a>] {
        &self.items.data
    }

    /// When the running period ends, Unix seconds: the earliest of its items.
    pub fn current_period_end(&self) -> Option<i64> {
        self.items.data.iter().filter_map(|item| item.current_period_end).min().or(self.old_period_end)
    }

    /// What a period costs before discounts and taxes, minor units: unit amount × quantity over all items.
    /// None when an item has no whole unit amount (tiers, metered), or more items exist than came with it.
    pub fn amount(&self) -> Option<i64> {
        if self.items.has_more || self.items.data.is_empty() {
            return None;
        }
        self.items.data.iter().try_fold(0_i64, |sum, item| {
            let amount = item.price.unit_amount?.checked_mul(item.quantity.unwrap_or(1))?;
            sum.checked_add(amount)
        })
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct SubscriptionItems<'a> {
    #[serde(deserialize_with = "lenient::flag")]
    has_more: bool,
    #[serde(borrow, deserialize_with = "lenient::array")]
    data: Vec<SubscriptionItem<'a>>,
}

/// One item of a subscription.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SubscriptionItem<'a> {
    /// `si_…`
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// The price, whole.
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub price: super::view::PriceHead<'a>,
    /// None for metered prices.
    #[serde(deserialize_with = "lenient::int")]
    pub quantity: Option<i64>,
    /// Unix seconds.
    #[serde(deserialize_with = "lenient::int")]
    pub current_period_end: Option<i64>,
}

/// An event. Reading it fails when it has no id, no type or no `data.object`.
#[derive(Debug, Clone, Deserialize)]
pub struct EventHead<'a> {
    /// `evt_…`
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// `invoice.paid`
    #[serde(borrow, rename = "type")]
    pub event_type: Cow<'a, str>,
    /// Unix seconds.
    #[serde(default, deserialize_with = "lenient::int_or_zero")]
    pub created: i64,
    /// Live money.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub livemode: bool,
    /// The connected account that it is about; none: the account itself.
    #[serde(default, borrow, deserialize_with = "lenient::text")]
    pub account: MaybeText<'a>,
    /// In which API version's shape the object is.
    #[serde(default, borrow, deserialize_with = "lenient::text")]
    pub api_version: MaybeText<'a>,
    /// The object, and what changed.
    #[serde(borrow)]
    pub data: EventData<'a>,
}

/// What an event carries.
#[derive(Debug, Clone, Deserialize)]
pub struct EventData<'a> {
    /// The object as it was right after the change, exactly as received.
    #[serde(borrow)]
    pub object: &'a RawValue,
    /// Former values of the fields that changed (`*.updated` only), exactly as received.
    #[serde(default, borrow)]
    pub previous_attributes: Option<&'a RawValue>,
}

/// The account that a key belongs to. It does not tell its mode: [`BalanceHead`] does.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct AccountHead<'a> {
    /// `acct_…`
    #[serde(borrow, deserialize_with = "lenient::text_or_empty")]
    pub id: Cow<'a, str>,
    /// ISO country code.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub country: MaybeText<'a>,
    /// ISO code, lower case.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub default_currency: MaybeText<'a>,
    /// E-mail of its owner.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub email: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    business_profile: BusinessProfile<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    settings: Settings<'a>,
}

impl AccountHead<'_> {
    /// What to call it: display name, business name, e-mail, id, whichever comes first.
    pub fn display_name(&self) -> &str {
        [&self.settings.dashboard.display_name, &self.business_profile.name, &self.email]
            .into_iter()
            .filter_map(Option::as_deref)
            .map(str::trim)
            .find(|name| !name.is_empty())
            .unwrap_or(&self.id)
    }

    /// IANA name of the zone that its Dashboard shows days in; `UTC` when it does not say.
    pub fn timezone(&self) -> &str {
        self.settings.dashboard.timezone.as_deref().unwrap_or("UTC")
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct BusinessProfile<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    name: MaybeText<'a>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Settings<'a> {
    #[serde(borrow, deserialize_with = "lenient::object")]
    dashboard: Dashboard<'a>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Dashboard<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    display_name: MaybeText<'a>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    timezone: MaybeText<'a>,
}

/// The balance: asked for because it tells the mode.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct BalanceHead {
    /// Live money; none when the answer did not say.
    #[serde(deserialize_with = "lenient::maybe_flag")]
    pub livemode: Option<bool>,
}
