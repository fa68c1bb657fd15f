"""Stripe's Python SDK makes, changes and removes webhook endpoints of a running sandbox, and takes what they are sent:
`webhooks.py FILE`, where FILE holds the line that `tillwatch sandbox` prints. It retries after milliseconds and disables
an endpoint after three events (see peer-webhooks.sh).
"""

import json
import sys
import time

import stripe

from kit import Checks, Hook, Sandbox, refused, until

checks = Checks("webhooks")
SANDBOX = Sandbox(sys.argv[1])
stripe.api_key, stripe.api_base, stripe.max_network_retries = SANDBOX.secret_key, SANDBOX.base_url, 0
PINNED = "2026-10-28.endive"
FAR = "https://hooks.example.com/in"


def make(url=FAR, events=("*",), **more):
    return stripe.WebhookEndpoint.create(url=url, enabled_events=list(events), **more)


def listed(**more):
    return list(stripe.WebhookEndpoint.list(limit=100, **more).auto_paging_iter())


def clear():
    for one in listed():
        one.delete()


def events(**more):
    return list(stripe.Event.list(limit=100, **more).auto_paging_iter())


def newest():
    return stripe.Event.list(limit=1).data[0].id


def pending():
    """Whether an event is on its way to an endpoint."""
    return any(event.pending_webhooks for event in stripe.Event.list(limit=100, delivery_success=False).data)


def check(title):
    """Each begins without endpoints."""
    def run(function):
        def alone():
            clear()
            return function()

        return checks(title)(alone)

    return run


def delivered(made):
    return SANDBOX.control("report")["webhooks"][made.id]


@check("create tells the secret once, and every field is as it was asked for")
def _():
    made = make(
        events=["invoice.paid", "customer.updated"], api_version=PINNED, description="Peer", connect=False,
        metadata={"a": "1", "b": "two"})
    assert made.id.startswith("we_") and made.object == "webhook_endpoint", made
    assert made.secret.startswith("whsec_") and len(made.secret) > 30
    assert made.enabled_events == ["invoice.paid", "customer.updated"] and made.api_version == PINNED
    assert made.url == FAR and made.status == "enabled" and made.livemode is False and made.application is None
    assert made.description == "Peer" and made.metadata.to_dict() == {"a": "1", "b": "two"}
    assert abs(made.created - time.time()) < 60
    for again in (stripe.WebhookEndpoint.retrieve(made.id), listed()[0], stripe.WebhookEndpoint.modify(made.id)):
        assert "secret" not in again, again
        assert {**again.to_dict(), "secret": made.secret} == made.to_dict()


@check("a create that is repeated with its idempotency key makes one endpoint")
def _():
    one, same = (make(idempotency_key="peer-1") for _ in range(2))
    assert (one.id, one.secret) == (same.id, same.secret) and len(listed()) == 1
    refused(stripe.IdempotencyError, lambda: make(url=FAR + "/other", idempotency_key="peer-1"))
    other = make()
    assert other.id != one.id and other.secret != one.secret


@check("update changes what can be changed and refuses the version")
def _():
    made = make(description="Before", metadata={"a": "1", "b": "2"})
    modify = lambda **more: stripe.WebhookEndpoint.modify(made.id, **more)
    changed = modify(url=FAR + "/2", enabled_events=["charge.refunded"], description="", metadata={"a": "", "c": "3"})
    assert changed.url == FAR + "/2" and changed.enabled_events == ["charge.refunded"]
    assert changed.description is None and changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert modify(disabled=True).status == "disabled" and modify(disabled=False).status == "enabled"
    error = refused(stripe.InvalidRequestError, lambda: modify(api_version=PINNED))
    assert error.param == "api_version", error.param


@check("list goes newest first, page by page, both ways")
def _():
    ids = [make(url=f"{FAR}/{n}").id for n in range(7)]
    down = [one.id for one in stripe.WebhookEndpoint.list(limit=3).auto_paging_iter()]
    assert down == ids[::-1]
    up = [one.id for one in stripe.WebhookEndpoint.list(limit=3, ending_before=ids[0]).auto_paging_iter()]
    assert up == ids[1:]
    error = refused(stripe.InvalidRequestError, lambda: listed(starting_after="we_nope"))
    assert error.http_status == 400 and error.param == "starting_after"


@check("delete removes it, and what is gone is missing")
def _():
    made = make()
    gone = stripe.WebhookEndpoint.delete(made.id)
    assert gone.deleted and gone.id == made.id and gone.object == "webhook_endpoint"
    for call in (stripe.WebhookEndpoint.retrieve, stripe.WebhookEndpoint.delete, stripe.WebhookEndpoint.modify):
        error = refused(stripe.InvalidRequestError, lambda: call(made.id))
        assert error.http_status == 404 and error.code == "resource_missing", (error.http_status, error.code)
    assert listed() == []


@check("the seventeenth is refused, in its mode only, and there is room again after one is removed")
def _():
    made = [make(url=f"{FAR}/{n}") for n in range(16)]
    error = refused(stripe.InvalidRequestError, make)
    assert error.http_status == 400 and "maximum of 16 test webhook endpoints" in error.user_message
    live = make(api_key=SANDBOX.live_restricted_key)
    assert live.livemode is True
    live.delete(api_key=SANDBOX.live_restricted_key)
    made[3].delete()
    make()
    assert len(listed()) == 16


@check("what cannot be is refused by name")
def _():
    for call, param in [
        (lambda: make(url="hooks.example.com"), "url"),
        (lambda: make(url="ftp://hooks.example.com"), "url"),
        (lambda: make(url="http://hooks.example.com", api_key=SANDBOX.live_restricted_key), "url"),
        (lambda: make(events=["invoice.paid", "invoice.sold"]), "enabled_events[1]"),
        (lambda: make(events=[]), "enabled_events"),
        (lambda: make(api_version="nonsense"), "api_version"),
        (lambda: make(secret="whsec_mine"), "secret"),
    ]:
        try:
            made = call()
        except stripe.InvalidRequestError as error:
            assert error.http_status == 400 and error.param == param, (error.param, param)
        else:
            raise AssertionError(f"{param} was taken: {made}")
    key = SANDBOX.restricted_key
    SANDBOX.control("permissions", {"key": key, "deny": ["rak_webhook_write"]})
    error = refused(stripe.PermissionError, lambda: make(api_key=key))
    assert "rak_webhook_write" in error.user_message
    SANDBOX.control("permissions", {"key": key, "allow": ["rak_webhook_write"]})
    assert listed() == []


@check("construct_event accepts each delivery, and no other body, secret or hour")
def _():
    hook = Hook()
    made = make(url=hook.url, api_version=PINNED)
    written = SANDBOX.traffic(20)
    until("all deliveries", lambda: len(hook.all()) >= written)
    construct, wrong = stripe.Webhook.construct_event, stripe.SignatureVerificationError
    for body, signature, _ in hook.all():
        event = construct(body, signature, made.secret)
        # The same event as the list has it; what is pending changes with every delivery.
        there = stripe.Event.retrieve(event.id)
        assert {**event.to_dict(), "pending_webhooks": 0} == {**there.to_dict(), "pending_webhooks": 0}
        assert event.pending_webhooks == 1 and event.api_version == PINNED
        for tampered in (body + b" ", body.replace(b"evt_", b"evt-", 1), body[:-1], b"{}"):
            refused(wrong, lambda: construct(tampered, signature, made.secret))
        refused(wrong, lambda: construct(body, signature, made.secret + "x"))
        refused(wrong, lambda: construct(body, signature.replace("v1=", "v2="), made.secret))
        refused(wrong, lambda: stripe.Webhook.construct_event(body, signature, made.secret, tolerance=-60))
        assert ",v0=" in signature, "test mode has Stripe's decoy"
    assert len(set(hook.ids())) == len(hook.ids()) == written
    return f"{written} deliveries"


@check("an endpoint is sent what it asked for and nothing else, in its own version, with its own secret")
def _():
    types = {"payment_intent.succeeded", "customer.updated"}
    some, all_, old = Hook(), Hook(), Hook()
    made_some = make(url=some.url, events=sorted(types))
    made_all = make(url=all_.url)
    made_old = make(url=old.url, api_version="2024-06-20")
    before = newest()
    written = SANDBOX.traffic(40)
    since = events(ending_before=before)
    assert len(since) == written
    wanted = sorted(event.id for event in since if event.type in types)
    until("all", lambda: len(all_.all()) >= written and len(old.all()) >= written and len(some.all()) >= len(wanted))
    assert sorted(some.ids()) == wanted and len(wanted) > 3
    assert sorted(all_.ids()) == sorted(old.ids()) == sorted(event.id for event in since)
    for hook, made in ((some, made_some), (all_, made_all), (old, made_old)):
        for body, signature, _ in hook.all():
            event = stripe.Webhook.construct_event(body, signature, made.secret)
            assert event.api_version == (made.api_version or PINNED)
            if event.type == "invoice.paid":
                # Before 2025-03-31 an invoice named its payment.
                assert ("payment_intent" in event.data.object) == (made is made_old)
    body, signature, _ = all_.all()[0]
    refused(stripe.SignatureVerificationError,
            lambda: stripe.Webhook.construct_event(body, signature, made_some.secret))
    return f"{len(wanted)} of {written}"


@check("what is refused is tried again, signed anew, and is pending until it is taken")
def _():
    waits, seen = {}, {}

    def third_time(body):
        event = json.loads(body)["id"]
        seen[event] = seen.get(event, 0) + 1
        waits.setdefault(event, []).append(time.monotonic())
        return 200 if seen[event] == 3 else 500

    hook = Hook(third_time)
    made = make(url=hook.url)
    written = SANDBOX.traffic(5)
    until("all are taken", lambda: len(hook.ids()) == written)
    assert all(count == 3 for count in seen.values())
    until("nothing is undelivered", lambda: not stripe.Event.list(limit=1, delivery_success=False).data)
    for body, signature, _ in hook.all():
        stripe.Webhook.construct_event(body, signature, made.secret)
    # Each wait is twice as long as the one before.
    for first, second, third in waits.values():
        assert third - second > second - first > 0.04, (second - first, third - second)
    assert stripe.WebhookEndpoint.retrieve(made.id).status == "enabled"
    assert delivered(made) == {"attempts": 3 * written, "delivered": written, "refused": 2 * written, "given_up": 0}
    return f"{written} events, 3 attempts each"


@check("an endpoint that never takes anything is disabled, and delivery_success tells what is lost")
def _():
    hook, good = Hook(503), Hook()
    made, other = make(url=hook.url), make(url=good.url, events=["customer.updated"])
    start = newest()
    written = SANDBOX.traffic(10)
    assert written > 3
    until("it is disabled", lambda: stripe.WebhookEndpoint.retrieve(made.id).status == "disabled")
    until("nothing is pending", lambda: not pending())
    tried = {}
    for event in hook.ids(503):
        tried[event] = tried.get(event, 0) + 1
    # Three retries in test mode, and none once it is disabled.
    assert sorted(tried.values())[-3:] == [4, 4, 4] and max(tried.values()) == 4, tried
    since = {event.id for event in events(ending_before=start)}
    lost = {event.id for event in events(delivery_success=False)}
    fine = {event.id for event in events(delivery_success=True)}
    assert since <= lost and not lost & fine
    assert {event.id for event in events()} == lost | fine
    assert stripe.WebhookEndpoint.retrieve(other.id).status == "enabled", "the other one is none the worse"
    # Nothing is sent while it is off; then everything that happens from now on.
    before = len(hook.all())
    start = newest()
    off = SANDBOX.traffic(3)
    hook.status = 200
    assert stripe.WebhookEndpoint.modify(made.id, disabled=False).status == "enabled"
    on = SANDBOX.traffic(3)
    until("deliveries go on", lambda: len(hook.ids()) >= on)
    since = [event.id for event in events(ending_before=start)]
    assert len(since) == off + on and len(hook.all()) == before + on
    assert sorted(hook.ids()) == sorted(since[off:])
    return f"{len(lost)} lost"


@check("a redirect is not followed, and what takes too long is no delivery")
def _():
    hook = Hook(302)
    made = make(url=hook.url, events=["product.updated", "customer.updated"])
    while not hook.all():
        SANDBOX.traffic(1)
        time.sleep(0.05)
    until("it counts", lambda: delivered(made)["refused"] > 0)
    assert delivered(made)["delivered"] == 0


clear()
sys.exit(1 if checks.failures else 0)
