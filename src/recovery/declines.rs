//! Why a try failed: the table of decline codes, and which of a failure's many fields counts.
//!
//! The table is `assets/declines.toml`; a person's own file lies over it, entry by entry. Above a code stands what
//! the issuer advised for this one charge (reference: recovery.md §4.3). It must never hide a code that it does not
//! know: that is shown as it came, as unknown.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use crate::config::Mistake;
use crate::engine::api::{Decline, DeclineClass};
use crate::text;

/// The table as it ships.
const BUILT_IN: &str = include_str!("../../assets/declines.toml");
/// Of a code, and of what a person wrote about it.
const MOST_TEXT: usize = 120;

/// What Stripe says of a failed try, each as received. The order of the fields is that of a failure's making, not of
/// their weight.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Codes {
    /// `card_declined`
    pub code: Option<String>,
    /// `insufficient_funds`
    pub decline_code: Option<String>,
    /// The issuer's advice, `do_not_try_again`.
    pub advice: Option<String>,
    /// The network's advice, two digits.
    pub network_advice: Option<String>,
    /// `outcome.type` of the charge: `issuer_declined`, `blocked`.
    pub outcome: Option<String>,
    /// `outcome.reason` of the charge: `highest_risk_level`.
    pub reason: Option<String>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    class: DeclineClass,
    means: String,
    todo: String,
    needs_new_method: bool,
}

/// An entry as a file has it: what it leaves out stays as it was.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    class: Option<DeclineClass>,
    means: Option<String>,
    todo: Option<String>,
    needs_new_method: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    advice: BTreeMap<String, Written>,
    network_advice: BTreeMap<String, Written>,
    code: BTreeMap<String, Written>,
}

/// All entries.
#[derive(Debug, Clone, Default)]
pub struct Declines {
    advice: HashMap<String, Entry>,
    network_advice: HashMap<String, Entry>,
    code: HashMap<String, Entry>,
}

impl Declines {
    /// The table as it ships.
    pub fn built_in() -> Declines {
        let mut table = Declines::default();
        // A test reads it: it is whole.
        let _ = table.lay_over(BUILT_IN);
        table
    }

    /// The table with a person's own file over it.
    pub fn with(text: &str) -> Result<Declines, Mistake> {
        let mut table = Declines::built_in();
        table.lay_over(text)?;
        Ok(table)
    }

    fn lay_over(&mut self, text: &str) -> Result<(), Mistake> {
        let file: File = toml::from_str(text).map_err(|error| {
            let said = error.message();
            let text = if said.contains("unknown variant") {
                "class is one of soft, hard, fraud, fix, auth, config, unknown".to_owned()
            } else if said.contains("struct Written") {
                "a code is written [code.do_not_honor], with class, means, todo and needs_new_method below it"
                    .to_owned()
            } else {
                said.to_owned()
            };
            Mistake { at: error.span().map_or(0, |span| span.start), text }
        })?;
        for (part, written) in [
            (&mut self.advice, file.advice),
            (&mut self.network_advice, file.network_advice),
            (&mut self.code, file.code),
        ] {
            for (code, written) in written {
                let known = part.remove(&code);
                part.insert(code, written.over(known));
            }
        }
        Ok(())
    }

    /// What a failure's codes come to.
    pub fn tell(&self, codes: &Codes) -> Decline {
        let code = telling(codes);
        let of_code = self.code.get(code);
        let advice = codes.advice.as_deref().filter(|advice| !advice.is_empty());
        let network = codes.network_advice.as_deref().filter(|_| advice.is_none());
        let advised = advice
            .and_then(|advice| self.advice.get(advice))
            .or_else(|| network.and_then(|network| self.network_advice.get(network)));
        let known = of_code.or(advised);
        let class = match (advised, of_code) {
            // What must not be told to the customer stays so, whatever is advised.
            (Some(_), Some(Entry { class: DeclineClass::Fraud, .. })) => DeclineClass::Fraud,
            // Whoever has to authenticate has to, whatever is advised besides.
            (Some(_), Some(Entry { class: DeclineClass::Auth, .. })) => DeclineClass::Auth,
            (Some(advised), _) => advised.class,
            (None, Some(of_code)) => of_code.class,
            (None, None) => DeclineClass::Unknown,
        };
        // The code says why; what helps is said by whoever decided the class.
        let helps = advised.filter(|advised| advised.class == class).or(known);
        Decline {
            code: text::clean_max(if code.is_empty() { "unknown" } else { code }, MOST_TEXT),
            advice: advice.map(|advice| text::clean_max(advice, MOST_TEXT)),
            class,
            means: known.map(|known| known.means.clone()).unwrap_or_default(),
            todo: helps.map(|helps| helps.todo.clone()).unwrap_or_default(),
            needs_new_method: [advised, of_code].into_iter().flatten().any(|entry| entry.needs_new_method),
        }
    }

    /// Every code of the table, for tests and for lists.
    pub fn codes(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.code.keys().map(String::as_str).collect();
        all.sort_unstable();
        all
    }
}

impl Written {
    fn over(self, known: Option<Entry>) -> Entry {
        let known = known.unwrap_or(Entry {
            class: DeclineClass::Unknown,
            means: String::new(),
            todo: String::new(),
            needs_new_method: false,
        });
        let cleaned =
            |text: Option<String>, known| text.map_or(known, |text| text::clean_max(&text, MOST_TEXT));
        Entry {
            class: self.class.unwrap_or(known.class),
            means: cleaned(self.means, known.means),
            todo: cleaned(self.todo, known.todo),
            needs_new_method: self.needs_new_method.unwrap_or(known.needs_new_method),
        }
    }
}

/// The code that tells most: of a charge that never reached the network the reason, else the decline code.
fn telling(codes: &Codes) -> &str {
    let some = [
        codes.reason.as_deref().filter(|_| codes.outcome.as_deref() == Some("blocked")),
        codes.decline_code.as_deref(),
        codes.reason.as_deref(),
        codes.code.as_deref(),
    ];
    some.into_iter().flatten().find(|code| !code.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(decline_code: &str, advice: &str) -> Codes {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Codes {
            code: Some("card_declined".into()),
            decline_code: some(decline_code),
            advice: some(advice),
            ..Codes::default()
        }
    }

    #[test]
    fn the_built_in_table_reads_and_every_entry_is_whole() {
        let mut table = Declines::default();
        table.lay_over(BUILT_IN).unwrap();
        for (part, entries) in
            [("advice", &table.advice), ("network_advice", &table.network_advice), ("code", &table.code)]
        {
            for (code, entry) in entries {
                assert!(!entry.means.is_empty() && !entry.todo.is_empty(), "{part}.{code}");
                assert_eq!(entry.class == DeclineClass::Unknown, code == "card_declined", "{part}.{code}");
            }
        }
    }

    /// The 47 constants of stripe-go's error.go, and the nine that Stripe does not send again
    /// (reference: recovery.md §4.4).
    #[test]
    fn the_table_has_every_decline_code_and_the_nine() {
        let all = "approve_with_id authentication_required call_issuer card_not_supported card_velocity_exceeded \
            currency_not_supported do_not_honor do_not_try_again duplicate_transaction expired_card fraudulent \
            generic_decline incorrect_cvc incorrect_number incorrect_pin incorrect_zip insufficient_funds \
            invalid_account invalid_amount invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number \
            invalid_pin issuer_not_available lost_card merchant_blacklist new_account_information_available \
            no_action_taken not_permitted offline_pin_required online_or_offline_pin_required pickup_card \
            pin_try_exceeded processing_error reenter_transaction restricted_card \
            revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed \
            stolen_card stop_payment_order testmode_decline transaction_not_allowed try_again_later \
            withdrawal_count_limit_exceeded";
        let table = Declines::built_in();
        let all: Vec<&str> = all.split_whitespace().collect();
        assert_eq!(all.len(), 47);
        for code in &all {
            assert_ne!(table.tell(&codes(code, "")).class, DeclineClass::Unknown, "{code}");
        }
        let mut nine: Vec<&str> =
            table.codes().into_iter().filter(|code| table.tell(&codes(code, "")).needs_new_method).collect();
        nine.sort_unstable();
        assert_eq!(
            nine,
            [
                "authentication_required",
                "highest_risk_level",
                "incorrect_number",
                "lost_card",
                "pickup_card",
                "revocation_of_all_authorizations",
                "revocation_of_authorization",
                "stolen_card",
                "transaction_not_allowed",
            ]
        );
    }

    #[test]
    fn advice_stands_above_the_code_and_unknown_values_pass_through() {
        let table = Declines::built_in();
        let of = |code: &str, advice: &str| table.tell(&codes(code, advice));
        assert_eq!(of("insufficient_funds", "").class, DeclineClass::Soft);
        let told = of("insufficient_funds", "do_not_try_again");
        assert_eq!((told.class, told.needs_new_method), (DeclineClass::Hard, true));
        assert_eq!(told.means, of("insufficient_funds", "").means);
        assert_ne!(told.todo, of("insufficient_funds", "").todo);
        assert_eq!(of("transaction_not_allowed", "try_again_later").class, DeclineClass::Soft);
        assert!(
            of("transaction_not_allowed", "try_again_later").needs_new_method,
            "one of the nine stays so"
        );
        assert_eq!(of("lost_card", "do_not_try_again").class, DeclineClass::Fraud);
        let odd = of("a_new\u{1b}[2J_code", "some_new_advice");
        assert_eq!((odd.code.as_str(), odd.class), ("a_new_code", DeclineClass::Unknown));
        assert_eq!(odd.advice.as_deref(), Some("some_new_advice"));
        assert_eq!(table.tell(&Codes::default()).code, "unknown");
        assert_eq!(of("", "").code, "card_declined");
        let network = Codes { network_advice: Some("03".into()), ..codes("do_not_honor", "") };
        assert_eq!(table.tell(&network).class, DeclineClass::Hard);
        let both = Codes { network_advice: Some("03".into()), ..codes("do_not_honor", "try_again_later") };
        assert_eq!(
            table.tell(&both).class,
            DeclineClass::Soft,
            "the issuer's advice stands above the network's"
        );
        let blocked = Codes {
            outcome: Some("blocked".into()),
            reason: Some("highest_risk_level".into()),
            ..codes("fraudulent", "")
        };
        let blocked = table.tell(&blocked);
        assert_eq!((blocked.code.as_str(), blocked.needs_new_method), ("highest_risk_level", true));
    }

    #[test]
    fn an_own_file_changes_only_what_it_says_and_a_broken_one_says_where() {
        let own = "[code.do_not_honor]\nclass = \"hard\"\n\n[code.our_own]\nmeans = \"a rule of ours\"\n";
        let table = Declines::with(own).unwrap();
        let of = |code: &str| table.tell(&codes(code, ""));
        assert_eq!(of("do_not_honor").class, DeclineClass::Hard);
        assert_eq!(of("do_not_honor").means, Declines::built_in().tell(&codes("do_not_honor", "")).means);
        assert_eq!(of("our_own").means, "a rule of ours");
        for (text, at, says) in [
            ("[code.x]\nclass = \"soft-ish\"\n", 2, "soft, hard"),
            ("\n\n[code.x]\nklass = \"soft\"\n", 4, "klass"),
            ("code = 1\n", 1, ""),
            ("[code]\nx = 1\n", 2, "a code is written"),
        ] {
            let mistake = Declines::with(text).unwrap_err();
            let line = 1 + text[..mistake.at].matches('\n').count();
            assert_eq!(line, at, "{text}: {mistake:?}");
            assert!(mistake.text.contains(says), "{text}: {mistake:?}");
        }
    }
}
