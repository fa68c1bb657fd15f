//! The `account` and `balance` objects.

use crate::sandbox::json::Out;
use crate::sandbox::model::World;
use crate::sandbox::model::timeline::SPAN;

/// `GET /v1/account`. It has no `livemode`, like Stripe's.
pub fn account(out: &mut Out, world: &World) {
    out.raw("{\"id\":\"");
    out.raw(&world.account);
    out.raw(
        "\",\"object\":\"account\",\"business_profile\":{\"annual_revenue\":null,\
         \"estimated_worker_count\":null,\"mcc\":\"5734\",\"minority_owned_business_designation\":null,\
         \"name\":",
    );
    out.text(&world.name);
    out.raw(
        ",\"product_description\":\"Made-up software for made-up people\",\
         \"support_address\":null,\"support_email\":\"support@sandbox.example\",\"support_phone\":null,\
         \"support_url\":null,\"url\":\"https://sandbox.example\"},\"business_type\":\"company\",\
         \"capabilities\":{\"card_payments\":\"active\",\"transfers\":\"active\"},\"charges_enabled\":true,\
         \"controller\":{\"type\":\"account\"},\"country\":\"DE\",\"created\":",
    );
    out.int(world.start() - SPAN - 200 * 86_400);
    out.raw(
        ",\"default_currency\":\"eur\",\"details_submitted\":true,\"email\":\"owner@sandbox.example\",\
         \"external_accounts\":{\"object\":\"list\",\"data\":[],\"has_more\":false,\"url\":\"/v1/accounts/",
    );
    out.raw(&world.account);
    out.raw(
        "/external_accounts\"},\"metadata\":{},\"payouts_enabled\":true,\"settings\":{\"branding\":\
         {\"icon\":null,\"logo\":null,\"primary_color\":null,\"secondary_color\":null},\"card_payments\":\
         {\"statement_descriptor_prefix\":null},\"dashboard\":{\"display_name\":",
    );
    out.text(&world.name);
    out.raw(",\"timezone\":\"Europe/Berlin\"},\"payments\":{\"statement_descriptor\":");
    out.text(&world.name.to_uppercase());
    out.raw(
        "},\
         \"payouts\":{\"debit_negative_balances\":false,\"schedule\":{\"delay_days\":7,\"interval\":\
         \"daily\"},\"statement_descriptor\":null}},\"type\":\"standard\"}",
    );
}

/// `GET /v1/balance`. Made up: it does not follow from the charges.
pub fn balance(out: &mut Out, world: &World) {
    let amount = |purpose| (world.hash(purpose, 0) % 5_000_000) as i64;
    out.raw("{\"object\":\"balance\",\"available\":[");
    money(out, amount(70), "eur");
    out.byte(b',');
    money(out, amount(71), "usd");
    out.raw("],\"livemode\":");
    out.bool(world.livemode);
    out.raw(",\"pending\":[");
    money(out, amount(72), "eur");
    out.byte(b',');
    money(out, amount(73), "usd");
    out.raw("],\"refund_and_dispute_prefunding\":{\"available\":[");
    money(out, 0, "eur");
    out.raw("],\"pending\":[");
    money(out, 0, "eur");
    out.raw("]}}");
}

fn money(out: &mut Out, amount: i64, currency: &str) {
    out.raw("{\"amount\":");
    out.int(amount);
    out.raw(",\"currency\":\"");
    out.raw(currency);
    out.raw("\",\"source_types\":{\"card\":");
    out.int(amount);
    out.raw("}}");
}
