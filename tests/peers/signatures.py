"""What Stripe's SDKs sign is taken by our receiver, and what they would refuse is refused:
`signatures.py FILE FOLDER NODE_SCRIPT`, where FILE holds the line that `tillwatch sandbox` prints. See peer-signatures.sh.
"""

import json
import pathlib
import subprocess
import sys
import threading
import time

import stripe

from kit import Checks, Hook, Install, Sandbox, free_port, send, until

SANDBOX, FOLDER = Sandbox(sys.argv[1]), pathlib.Path(sys.argv[2])
stripe.api_key, stripe.api_base, stripe.max_network_retries = SANDBOX.secret_key, SANDBOX.base_url, 0
SECRETS = [f"whsec_{letter * 8}/+={letter}{n}" + "0123456789abcdef" for n, letter in enumerate("pqrs")]
node = subprocess.Popen(["node", sys.argv[3]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
made = 0


def ask_node(**asked):
    node.stdin.write(json.dumps(asked) + "\n")
    node.stdin.flush()
    return json.loads(node.stdout.readline())


def by_node(payload, secret, at, scheme="v1"):
    return ask_node(sign=payload, secret=secret, timestamp=at, scheme=scheme)["header"]


def by_python(payload, secret, at, scheme="v1"):
    return f"t={at},{scheme}={stripe.WebhookSignature._compute_signature(f'{at}.{payload}', secret)}"


def event(text=None):
    """A new event and its id; each is another. `text`: how it is written down."""
    global made
    made += 1
    now = int(time.time())
    whole = {
        "id": f"evt_signed_{made}", "object": "event", "api_version": "2026-10-28.endive", "created": now,
        "livemode": False, "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None},
        "type": "customer.updated",
        "data": {"object": {"id": f"cus_{made}", "object": "customer", "name": "Zoë ☃ “Ünal” \U0001f4b6", "created": now}},
    }
    return (text or json.dumps)(whole), whole["id"]


hand = Install(FOLDER / "hand", SANDBOX.base_url, SANDBOX.restricted_key)
(hand.folder / "secret").write_text(SECRETS[0])
public = f"http://127.0.0.1:{free_port()}"
told = hand.connect("--webhook", "endpoint", "--by-hand", "--public-url", public, "--webhook-secret-file", "secret")
URL = told["endpoint"]["url"]
hand.serve(public.removeprefix("http://"))


def post(payload, *headers):
    """What the receiver answers."""
    headers = [("Stripe-Signature", header) for header in headers]
    return send(URL, payload.encode(), [("Content-Type", "application/json; charset=utf-8"), *headers])


def stored():
    return [event["id"] for event in hand.events()]


def taken(payload, header, id_):
    before = stored()
    status, text = post(payload, header)
    assert (status, text) == (200, ""), (status, text)
    # A 200 means that it is stored by then.
    after = stored()
    assert after.count(id_) == 1 and len(after) == len(before) + (id_ not in before), f"{id_} is not stored once"


def refused(payload, header, *, says):
    before = stored()
    status, text = post(payload, *([header] if header else []))
    assert status == 400 and says in text, (status, text)
    assert stored() == before, "it was stored all the same"


until("the door is open", lambda: post(*["{}"])[0] == 400)
failures = 0
for name, sign in (("node", by_node), ("python", by_python)):
    check = Checks(f"signatures of {name}")
    wrong_secret = SECRETS[0][:-1] + "0"

    @check("valid: 200, stored, and once if it comes again")
    def _():
        payload, id_ = event()
        header = sign(payload, SECRETS[0], int(time.time()))
        taken(payload, header, id_)
        taken(payload, header, id_)
        taken(payload, sign(payload, SECRETS[0], int(time.time()) - 5), id_)

    @check("whatever way the body is written, its bytes count")
    def _():
        for text in (lambda it: json.dumps(it, indent=2), lambda it: json.dumps(it, ensure_ascii=False),
                     lambda it: "\r\n\t" + json.dumps(it, sort_keys=True, indent="\t") + "\n \n"):
            payload, id_ = event(text)
            header = sign(payload, SECRETS[0], int(time.time()))
            refused(json.dumps(json.loads(payload), separators=(",", ":")), header, says="does not fit")
            taken(payload, header, id_)
            (kept,) = [event for event in hand.events() if event["id"] == id_]
            assert kept["data"] == json.loads(payload)["data"], "its characters have changed"

    @check("two v1 in one header, ours first or last, and a v0 beside it")
    def _():
        for turn in (1, -1):
            payload, id_ = event()
            now = int(time.time())
            ours, other = sign(payload, SECRETS[0], now), sign(payload, wrong_secret, now)
            (at, right), (_, wrong) = ours.split(","), other.split(",")
            decoy = sign(payload, "v0", now, "v0").split(",")[1]
            taken(payload, ",".join([at, *[right, wrong][::turn], decoy]), id_)

    @check("signed a little earlier or ahead: 200; by 301 s and more: 400, both ways")
    def _():
        for off in (-295, 295):
            payload, id_ = event()
            taken(payload, sign(payload, SECRETS[0], int(time.time()) + off), id_)
        # One more ahead: the clock goes on while it is sent.
        for off, says in ((-301, "300 s ago"), (-86_400, "300 s ago"), (303, "ahead"), (86_400, "ahead")):
            payload, _ = event()
            refused(payload, sign(payload, SECRETS[0], int(time.time()) + off), says=says)

    @check("tampered: 400, and nothing is stored")
    def _():
        payload, _ = event()
        header = sign(payload, SECRETS[0], int(time.time()))
        for tampered in (payload + " ", payload[:-1], payload.replace("cus_", "cus-", 1), "", "{}"):
            refused(tampered, header, says="does not fit")
        refused(payload, header.replace("t=1", "t=2", 1), says="does not fit")
        refused(payload, header[:-1] + ("0" if header[-1] != "0" else "1"), says="does not fit")

    @check("another secret, no signature, or another scheme: 400")
    def _():
        payload, _ = event()
        now = int(time.time())
        refused(payload, sign(payload, wrong_secret, now), says="does not fit")
        refused(payload, sign(payload, SECRETS[0].removeprefix("whsec_"), now), says="does not fit")
        refused(payload, sign(payload, SECRETS[0], now, "v0"), says="no Stripe-Signature")
        refused(payload, sign(payload, SECRETS[0], now, "v2"), says="no Stripe-Signature")
        refused(payload, None, says="no Stripe-Signature")
        refused(payload, "", says="no Stripe-Signature")
        refused(payload, "t=,v1=", says="no Stripe-Signature")

    failures += check.failures

check = Checks("signatures")


def wanted(start, types):
    """What happened after it, of those types."""
    later = stripe.Event.list(limit=100, ending_before=start).auto_paging_iter()
    return [event.id for event in later if event.type in types]


@check("a secret rolled by hand: the old one and the new one are good, and the one before them no more")
def _():
    for n in (1, 2):
        (hand.folder / "secret").write_text(SECRETS[n])
        hand.run("integrations", "edit", "1", "--webhook-secret-file", "secret")

        def opened():
            payload, _ = event()
            return post(payload, by_node(payload, SECRETS[n], int(time.time())))[0] == 200

        until("the new secret is known", opened)
        for sign in (by_node, by_python):
            for secret in SECRETS[n - 1:n + 1]:
                payload, id_ = event()
                taken(payload, sign(payload, secret, int(time.time())), id_)
            # As Stripe signs while a secret is rolled: with both.
            payload, id_ = event()
            now = int(time.time())
            two = sign(payload, SECRETS[n - 1], now) + "," + sign(payload, SECRETS[n], now).split(",")[1]
            taken(payload, two, id_)
            if n == 2:
                payload, _ = event()
                refused(payload, sign(payload, SECRETS[0], int(time.time())), says="does not fit")


@check("integrations edit --rotate while deliveries come: each one is stored, once")
def _():
    whole = Install(FOLDER / "rotate", SANDBOX.base_url, SANDBOX.restricted_key)
    try:
        told = whole.connect("--webhook", "endpoint", "--public-url", whole.serve())
        ids = {told["endpoint"]["id"]}
        start = stripe.Event.list(limit=1).data[0].id
        over = threading.Event()

        def live():
            while not over.wait(0.02):
                SANDBOX.traffic(1)

        living = threading.Thread(target=live)
        living.start()
        try:
            for _ in range(4):
                until("some deliveries", lambda: wanted(start, told["endpoint"]["events"]))
                again = whole.json("integrations", "edit", "1", "--rotate")
                assert again["endpoint"]["done"] == "replaced", again["endpoint"]
                ids.add(again["endpoint"]["id"])
        finally:
            over.set()
            living.join()
        assert len(ids) == 5, ids
        SANDBOX.traffic(5)
        events = wanted(start, told["endpoint"]["events"])
        here = lambda: [event["id"] for event in whole.events()]
        until(lambda: f"missing {sorted(set(events) - set(here()))[:5]}", lambda: set(events) <= set(here()))
        assert len(here()) == len(set(here()))
        mine = [one for one in stripe.WebhookEndpoint.list(limit=100).data if one.url == told["endpoint"]["url"]]
        assert len(mine) == 1 and mine[0].status == "enabled" and "secret" not in mine[0]
        newest = whole.ask("/api/events?limit=200")["data"]
        by = {row["source"] for row in newest if row["id"] in events}
        assert "endpoint" in by, by
        whole.run("disconnect", "1")
        whole.stop()
        return f"{len(events)} events, {len(ids)} endpoints one after the other, by {', '.join(sorted(by))}"
    finally:
        whole.kill()


@check("Stripe's Node SDK takes what the sandbox delivers, too")
def _():
    hook = Hook()
    made = stripe.WebhookEndpoint.create(url=hook.url, enabled_events=["*"])
    written = SANDBOX.traffic(10)
    until("all deliveries", lambda: len(hook.all()) >= written)
    for body, header, _ in hook.all():
        body = body.decode()
        assert ask_node(verify=body, header=header, secret=made.secret) == {"id": json.loads(body)["id"]}
        for tampered, secret in ((body + " ", made.secret), (body, made.secret + "x")):
            said = ask_node(verify=tampered, header=header, secret=secret)
            assert said == {"error": "StripeSignatureVerificationError"}, said
    made.delete()
    return f"{written} deliveries"


@check("serve ends well")
def _():
    hand.stop()


hand.kill()
node.kill()
sys.exit(1 if failures or check.failures else 0)
