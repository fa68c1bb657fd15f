"""The walk of a webhook endpoint: ours makes it, Stripe's Python SDK looks at it from the other side:
`endpoint.py FILE FOLDER`, where FILE holds the line that `tillwatch sandbox` prints. See peer-endpoint.sh.
"""

import json
import pathlib
import re
import sys

import stripe

from kit import Checks, Hook, Install, Sandbox, free_port, refused, until

check = Checks("endpoint")
SANDBOX, FOLDER = Sandbox(sys.argv[1]), pathlib.Path(sys.argv[2])
stripe.api_key, stripe.api_base, stripe.max_network_retries = SANDBOX.secret_key, SANDBOX.base_url, 0
PINNED = "2026-10-28.endive"
PAYMENTS = {f"payment_intent.{name}" for name in
            ("succeeded", "payment_failed", "processing", "requires_action", "canceled")}
BILLING = PAYMENTS | {f"{kind}.{name}" for kind, names in {
    "customer": "created updated deleted",
    "customer.subscription": "created updated deleted paused resumed",
    "invoice": "created finalized finalization_failed paid payment_failed payment_action_required sent updated voided "
               "marked_uncollectible overdue deleted",
    "charge": "refunded dispute.created dispute.updated dispute.closed dispute.funds_withdrawn "
              "dispute.funds_reinstated",
    "product": "created updated deleted",
    "price": "created updated deleted",
}.items() for name in names.split()}
assert (len(PAYMENTS), len(BILLING)) == (5, 37)

one = Install(FOLDER / "one", SANDBOX.base_url, SANDBOX.restricted_key)
two = Install(FOLDER / "two", SANDBOX.base_url, SANDBOX.restricted_key)


def listed():
    return list(stripe.WebhookEndpoint.list(limit=100).auto_paging_iter())


def foreign():
    """What is not ours, whole."""
    ids = [made.id for made in FOREIGN]
    return [endpoint.to_dict() for endpoint in listed() if endpoint.id in ids]


def ours():
    """Endpoints that are none of the SDK's."""
    ids = [made.id for made in FOREIGN]
    return [endpoint for endpoint in listed() if endpoint.id not in ids]


def newest():
    return stripe.Event.list(limit=1).data[0].id


def since(event, types):
    """Ids of what happened after it, of those types, as Stripe lists it."""
    later = stripe.Event.list(limit=100, ending_before=event).auto_paging_iter()
    return sorted(event.id for event in later if event.type in types)


def live(install, steps, types):
    """Lets the account live, and waits until the folder has each event of these types; gives their ids."""
    start = newest()
    SANDBOX.traffic(steps)
    wanted = since(start, types)
    assert len(wanted) > 3, f"{len(wanted)} events are too few to tell"
    stored = lambda: {event["id"] for event in install.events()}
    until(lambda: f"missing {sorted(set(wanted) - stored())[:5]}", lambda: set(wanted) <= stored())
    return wanted


def sources(install, ids):
    """By which way these events came."""
    rows = install.ask("/api/events?limit=200")["data"]
    return {row["source"] for row in rows if row["id"] in ids}


def make(url, **more):
    # Asks for what never happens here: nobody is at those addresses.
    return stripe.WebhookEndpoint.create(url=url, enabled_events=["topup.created", "topup.failed"], **more)


FOREIGN = [
    make("https://elsewhere.example.com/hook", description="Somebody's", metadata={"who": "them"}),
    # Of another installation of ours, and one that carries half of what ours carry.
    make("https://other-install.example.com/x", metadata={"tillwatch_install": "f" * 32, "tillwatch_integration": "1"}),
    make("https://half.example.com/x", metadata={"tillwatch_integration": "1"}),
    make("https://off.example.com/x", api_version="2024-06-20"),
]
stripe.WebhookEndpoint.modify(FOREIGN[3].id, disabled=True)
BEFORE = foreign()
state = {}


@check("connect makes exactly one: the 5 events of payments, pinned, with both of our ids")
def _():
    public = one.serve() + "/behind/a/proxy"
    told = one.connect("--billing=off", "--webhook", "endpoint", "--public-url", public)
    assert told["endpoint"]["done"] == "created", told["endpoint"]
    assert "whsec_" not in json.dumps(told)
    (made,) = ours()
    assert made.id == told["endpoint"]["id"] and made.url == told["endpoint"]["url"]
    assert re.fullmatch(re.escape(public) + "/[0-9a-f]{48}", made.url), made.url
    assert sorted(made.enabled_events) == sorted(PAYMENTS), made.enabled_events
    assert made.api_version == PINNED and made.status == "enabled" and made.livemode is False
    assert sorted(made.metadata.to_dict()) == ["tillwatch_install", "tillwatch_integration"]
    assert made.metadata["tillwatch_integration"] == "1"
    assert made.metadata["tillwatch_install"] not in ("", "f" * 32)
    assert "tillwatch" in made.description
    # The other installation is named with its host, and no more.
    assert any("other-install.example.com" in line for line in told["endpoint"]["other_installations"]), told
    state.update(id=made.id, url=made.url, install=made.metadata["tillwatch_install"], public=public)


@check("what is delivered to it is stored, each event once")
def _():
    ids = live(one, 30, PAYMENTS)
    here = [event["id"] for event in one.events()]
    assert len(here) == len(set(here))
    return f"{len(ids)} events"


@check("with billing it asks for exactly the 37, and stays the same endpoint")
def _():
    one.run("integrations", "edit", "1", "--billing", "on")
    (made,) = ours()
    assert (made.id, made.url) == (state["id"], state["url"])
    assert sorted(made.enabled_events) == sorted(BILLING), made.enabled_events


@check("signed deliveries come by the endpoint alone, and are what the SDK lists")
def _():
    until("billing's first deliveries", lambda: "endpoint" in sources(one, live(one, 3, BILLING)))
    ids = live(one, 30, BILLING)
    assert sources(one, ids) == {"endpoint"}, sources(one, ids)
    stored = [event for event in one.events() if event["id"] in ids]
    assert sorted(event["id"] for event in stored) == ids
    by_id = {event["id"]: event for event in stored}
    for event in stripe.Event.list(limit=100).auto_paging_iter():
        if event.id in by_id:
            mine, theirs = by_id[event.id], json.loads(str(event))
            assert {**mine, "pending_webhooks": 0} == {**theirs, "pending_webhooks": 0}, event.id
    report = SANDBOX.control("report")["webhooks"][state["id"]]
    assert report["refused"] == report["given_up"] == 0 and report["delivered"] >= len(ids), report
    return f"{len(ids)} events"


@check("construct_event accepts what is forwarded of them, with the one secret, and no other")
def _():
    hook = Hook()
    one.run("forward", "add", hook.url)
    told = one.json("forward", "list", "--print-secret")
    secret = told["signing_secret"]
    ids = live(one, 20, BILLING)
    until(lambda: f"{len(hook.ids())} of {len(ids)} forwarded", lambda: set(ids) <= set(hook.ids()))
    wrong = stripe.SignatureVerificationError
    for body, signature, _ in hook.all():
        event = stripe.Webhook.construct_event(body, signature, secret)
        assert event.object == "event"
        refused(wrong, lambda: stripe.Webhook.construct_event(body + b" ", signature, secret))
        refused(wrong, lambda: stripe.Webhook.construct_event(body, signature, "whsec_" + "0" * 32))
    assert sorted(hook.ids()) == ids
    assert sources(one, ids) == {"endpoint"}
    one.run("forward", "rm", str(told["id"]), codes=(0, 4))
    return f"{len(ids)} events"


@check("asked for again it is adopted, and a leftover of ours is cleared away")
def _():
    # As after a kill between two steps: it carries both of our ids, and nobody has its secret.
    stripe.WebhookEndpoint.create(
        url=state["url"], enabled_events=["topup.created"],
        metadata={"tillwatch_install": state["install"], "tillwatch_integration": "1"})
    assert len(ours()) == 2
    told = one.json("integrations", "edit", "1", "--webhook", "endpoint", "--public-url", state["public"])
    assert told["endpoint"]["done"] == "adopted" and told["endpoint"]["id"] == state["id"], told["endpoint"]
    assert [made.id for made in ours()] == [state["id"]]
    ids = live(one, 10, BILLING)
    return f"{len(ids)} events after it"


@check("a second connect adopts what a disconnect without an answer left there")
def _():
    SANDBOX.control("faults", {"faults": ["reset=1"]})
    try:
        said = one.run("disconnect", "1", codes=(4,))
    finally:
        # The receiver's process would finish it by itself as soon as Stripe answers: connect comes first.
        one.stop()
        SANDBOX.control("faults", {"faults": []})
    assert "as soon as Stripe answers" in said, said
    assert [made.id for made in ours()] == [state["id"]]
    told = one.connect("--webhook", "endpoint", "--public-url", state["public"])
    assert told["endpoint"]["done"] == "adopted" and told["endpoint"]["id"] == state["id"], told["endpoint"]
    assert [made.id for made in ours()] == [state["id"]]
    address = re.match("http://([^/]*)", state["public"]).group(1)
    assert one.serve(address) == "http://" + address
    ids = live(one, 10, BILLING)
    assert sources(one, ids) <= {"endpoint", "poll"}
    return f"{len(ids)} events after it"


@check("disabled by somebody: check says so, and one command enables it again")
def _():
    stripe.WebhookEndpoint.modify(state["id"], disabled=True)
    said = one.run("integrations", "check", "1", codes=(0, 4))
    assert "disabled" in said and "--enable" in said, said
    start = newest()
    SANDBOX.traffic(5)
    missed = since(start, BILLING)
    told = one.json("integrations", "check", "1", "--enable")
    assert told["endpoint"]["done"] == "enabled", told["endpoint"]
    (made,) = ours()
    assert made.id == state["id"] and made.status == "enabled"
    live(one, 10, BILLING)
    # What Stripe did not deliver meanwhile comes from its list, by the next poll.
    stored = lambda: {event["id"] for event in one.events()}
    until(lambda: f"missing {set(missed) - stored()}", lambda: set(missed) <= stored())
    return f"{len(missed)} missed events came in"


@check("a second data folder makes its own and leaves the first one's")
def _():
    # Connected first, served then: its address has to be known.
    public = f"http://127.0.0.1:{free_port()}"
    told = two.connect("--webhook", "endpoint", "--public-url", public)
    assert told["endpoint"]["done"] == "created"
    assert any("127.0.0.1" in line for line in told["endpoint"]["other_installations"]), told["endpoint"]
    mine = {made.metadata["tillwatch_install"]: made for made in ours()}
    assert len(mine) == 2 and mine[state["install"]].url == state["url"]
    state["second"] = told["endpoint"]["id"]
    assert two.serve(public.removeprefix("http://")) == public
    ids = live(two, 20, BILLING)
    until("the first has them, too", lambda: set(ids) <= {event["id"] for event in one.events()})


@check("disconnect removes ours, and the other folder goes on receiving")
def _():
    kept = len(one.events())
    said = one.run("disconnect", "1")
    assert "removed" in said or "Nothing was left" in said, said
    assert [made.id for made in ours()] == [state["second"]]
    refused(stripe.InvalidRequestError, lambda: stripe.WebhookEndpoint.retrieve(state["id"]))
    ids = live(two, 20, BILLING)
    assert sources(two, ids) == {"endpoint"}
    assert len(one.events()) == kept, "a disconnected account gets no more, and keeps what it has"
    return f"{len(ids)} events"


@check("connected again it makes a new one with an id and a secret of its own")
def _():
    told = one.connect("--webhook", "endpoint", "--public-url", state["public"])
    assert told["endpoint"]["done"] == "created" and told["endpoint"]["id"] != state["id"], told["endpoint"]
    assert len(ours()) == 2
    live(one, 10, BILLING)


@check("without an endpoint again it is removed, and a purge leaves none")
def _():
    one.run("integrations", "edit", "1", "--webhook", "off")
    assert [made.id for made in ours()] == [state["second"]]
    two.run("disconnect", "1", "--purge", "--yes")
    assert ours() == []


@check("endpoints that are not ours are what they were, every field")
def _():
    assert foreign() == BEFORE
    assert len(BEFORE) == 4


@check("at the limit of 16 it connects all the same, explains, and touches none")
def _():
    while len(listed()) < 16:
        make(f"https://full{len(listed())}.example.com/x")
    full = [endpoint.to_dict() for endpoint in listed()]
    three = Install(FOLDER / "three", SANDBOX.base_url, SANDBOX.restricted_key)
    said = three.run("connect", "--api-key-file", "key", "--webhook", "endpoint", "--public-url",
                     "https://till.example.com", codes=(4,))
    assert "16 webhook endpoints" in said and "full15.example.com" in said, said
    assert [endpoint.to_dict() for endpoint in listed()] == full


@check("serve ends well")
def _():
    one.stop()
    two.stop()


for install in (one, two):
    install.kill()
sys.exit(1 if check.failures else 0)
