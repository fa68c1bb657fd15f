"""Fills a running localstripe: `localstripe.py http://127.0.0.1:PORT KEY first|second`; prints what it made as JSON.
With `judge`: whether what `tillwatch status --json` says (on stdin) agrees with the server's list of events.

Written against its own dialect (Stripe's API of about 2018), over plain HTTP: current SDKs send what it refuses.
"""

import json
import sys
import time
import urllib.parse
import urllib.request

BASE, KEY, WHICH = sys.argv[1:4]


def post(path, **params):
    flat = {key.replace("__", "[") + "]" if "__" in key else key: value for key, value in params.items()}
    request = urllib.request.Request(
        BASE + path,
        data=urllib.parse.urlencode(flat).encode(),
        headers={"Authorization": f"Bearer {KEY}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def customer(name, email):
    return post("/v1/customers", name=name, email=email, description=name, metadata__peer="localstripe")["id"]


def card(customer_id, number):
    method = post(
        "/v1/payment_methods",
        type="card",
        card__number=number,
        card__exp_month=12,
        card__exp_year=time.gmtime().tm_year + 2,
        card__cvc=123,
    )["id"]
    post(f"/v1/payment_methods/{method}/attach", customer=customer_id)
    return method


def events():
    found, after = [], ""
    while True:
        request = urllib.request.Request(
            f"{BASE}/v1/events?limit=100{after}", headers={"Authorization": f"Bearer {KEY}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            page = json.load(answer)
        found += page["data"]
        if not page["has_more"]:
            return found
        after = "&starting_after=" + page["data"][-1]["id"]


if WHICH == "judge":
    told = json.load(sys.stdin)["delivery"]["last_event_at"]
    newest = max(event["created"] for event in events() if event["type"].startswith("customer."))
    newest = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(newest))
    print(f"ok last_event_at: {told}" if told == newest else f"FAILED last_event_at: {told}, not {newest}")
    sys.exit()

made = {"customers": [], "products": [], "subscriptions": [], "payment_intents": []}
if WHICH == "first":
    for name in ("Ada Lovelace", "Grace Hopper", "Zoë Ünal", "Bad\u001b[31mRed"):
        made["customers"].append(customer(name, f"c{len(made['customers'])}@example.com"))
    made["products"].append(post("/v1/products", name="Tickets", type="service")["id"])
    plan = post("/v1/plans", product=made["products"][0], amount=1250, currency="eur", interval="month")["id"]
    for customer_id in made["customers"][:2]:
        method = card(customer_id, "4242424242424242")
        post(f"/v1/customers/{customer_id}", invoice_settings__default_payment_method=method)
        # A subscription brings its first invoice and the payment of it.
        made["subscriptions"].append(
            post("/v1/subscriptions", **{"customer": customer_id, "items[0][plan]": plan})["id"]
        )
        intent = post(
            "/v1/payment_intents", amount=990, currency="usd", customer=customer_id, payment_method=method
        )["id"]
        post(f"/v1/payment_intents/{intent}/confirm")
        made["payment_intents"].append(intent)
else:
    for number in range(3):
        made["customers"].append(customer(f"Late {number}", f"late{number}@example.com"))
print(json.dumps(made))
