//! Why a card is refused: codes, how often, and what the issuer advises.
//!
//! Codes are Stripe's; how often each comes up here is a guess that makes a lively account, not a statistic.

/// One reason for a refusal.
#[derive(Debug, Clone, Copy)]
pub struct Decline {
    /// `code` of the error and `failure_code` of the charge
    pub code: &'static str,
    /// `decline_code`, where the code has one
    pub reason: &'static str,
    /// The sentence shown to the customer
    pub message: &'static str,
    /// `advice_code`, empty if the issuer gives none
    pub advice: &'static str,
    /// `outcome.network_decline_code`
    pub network: &'static str,
    /// `outcome.type`
    pub outcome: &'static str,
    /// out of all refusals, in parts of a hundred
    weight: u64,
    /// another attempt with the same card may work
    pub soft: bool,
}

/// What Stripe does not send to the network again before there is another payment method, as `reason` or as what
/// Radar blocked it for. Retries go on being scheduled and counted (`attempt_count` in Stripe's reference).
const NOT_SENT_AGAIN: [&str; 8] = [
    "authentication_required",
    "incorrect_number",
    "lost_card",
    "pickup_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "stolen_card",
    "transaction_not_allowed",
];

impl Decline {
    /// Whether Stripe leaves its scheduled retries out until there is another payment method.
    pub fn needs_new_method(&self) -> bool {
        self.outcome == "blocked" || NOT_SENT_AGAIN.contains(&self.reason)
    }

    /// Whether the customer is asked to act.
    pub fn asks_customer(&self) -> bool {
        self.reason == "authentication_required"
    }
}

const DECLINED: &str = "Your card was declined.";

/// The refusals that this sandbox knows. A refusal is stored as an index into this, so only append.
pub const DECLINES: &[Decline] = &[
    soft("insufficient_funds", "Your card has insufficient funds.", "try_again_later", "51", 31),
    soft("generic_decline", DECLINED, "try_again_later", "05", 14),
    soft("do_not_honor", DECLINED, "", "05", 12),
    Decline {
        code: "expired_card",
        reason: "expired_card",
        message: "Your card has expired.",
        advice: "confirm_card_data",
        network: "54",
        outcome: "issuer_declined",
        weight: 9,
        soft: false,
    },
    hard("transaction_not_allowed", "57", 6),
    Decline {
        code: "incorrect_cvc",
        reason: "incorrect_cvc",
        message: "Your card's security code is incorrect.",
        advice: "confirm_card_data",
        network: "82",
        outcome: "issuer_declined",
        weight: 4,
        soft: false,
    },
    Decline {
        code: "processing_error",
        reason: "processing_error",
        message: "Something went wrong while the card was charged. Try again in a little while.",
        advice: "try_again_later",
        network: "96",
        outcome: "issuer_declined",
        weight: 4,
        soft: true,
    },
    soft("try_again_later", DECLINED, "try_again_later", "91", 4),
    soft("issuer_not_available", DECLINED, "try_again_later", "91", 3),
    soft("card_velocity_exceeded", DECLINED, "try_again_later", "65", 3),
    hard("lost_card", "41", 2),
    hard("stolen_card", "43", 2),
    hard("pickup_card", "04", 1),
    Decline {
        code: "card_declined",
        reason: "fraudulent",
        message: DECLINED,
        advice: "do_not_try_again",
        network: "59",
        outcome: "blocked",
        weight: 1,
        soft: false,
    },
    hard("revocation_of_authorization", "R1", 1),
    Decline {
        code: "authentication_required",
        reason: "authentication_required",
        message: "Your card was declined. The bank wants this payment to be authenticated.",
        advice: "",
        network: "1A",
        outcome: "issuer_declined",
        weight: 3,
        soft: false,
    },
];

const fn soft(
    decline_code: &'static str,
    message: &'static str,
    advice: &'static str,
    network: &'static str,
    weight: u64,
) -> Decline {
    Decline {
        code: "card_declined",
        reason: decline_code,
        message,
        advice,
        network,
        outcome: "issuer_declined",
        weight,
        soft: true,
    }
}

const fn hard(decline_code: &'static str, network: &'static str, weight: u64) -> Decline {
    Decline {
        code: "card_declined",
        reason: decline_code,
        message: DECLINED,
        advice: "do_not_try_again",
        network,
        outcome: "issuer_declined",
        weight,
        soft: false,
    }
}

/// The index of a refusal, chosen by weight.
pub fn pick(hash: u64) -> u8 {
    let mut left = hash % 100;
    for (index, decline) in DECLINES.iter().enumerate() {
        if left < decline.weight {
            return index as u8;
        }
        left -= decline.weight;
    }
    0
}

/// The refusal behind a stored index.
pub fn decline(index: u8) -> &'static Decline {
    DECLINES.get(index as usize).unwrap_or(&DECLINES[0])
}

#[cfg(test)]
mod tests {
    #[test]
    fn weights_make_a_hundred() {
        assert_eq!(super::DECLINES.iter().map(|d| d.weight).sum::<u64>(), 100);
    }

    /// What this sandbox says and what the product's own table says of a code must agree.
    #[test]
    fn the_products_table_knows_every_refusal() {
        use crate::engine::api::DeclineClass;
        use crate::recovery::declines::{Codes, Declines};
        let table = Declines::built_in();
        for one in super::DECLINES {
            let blocked = one.outcome == "blocked";
            let told = table.tell(&Codes {
                code: Some(one.code.to_owned()),
                decline_code: Some(one.reason.to_owned()),
                outcome: Some(one.outcome.to_owned()),
                reason: Some(if blocked { "highest_risk_level" } else { one.reason }.to_owned()),
                ..Codes::default()
            });
            assert_eq!(told.needs_new_method, one.needs_new_method(), "{}", one.reason);
            assert_eq!(told.class == DeclineClass::Soft, one.soft, "{}", one.reason);
        }
    }
}
