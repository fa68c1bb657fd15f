"""The Stripe CLI and ours forward one sandbox's events, each to a receiver of its own:
`forward.py FOLDER STRIPE_CLI TILLWATCH EVENTS`. See peer-forward.sh.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import stripe

FOLDER, CLI, OURS, EVENTS = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
HERE = Path(__file__).parent
SANDBOX = json.loads((FOLDER / "sandbox.json").read_text())
BASE, KEY = SANDBOX["base_url"], SANDBOX["restricted_key"]
# Events a second while they are made: the outage and some resets fall into it.
RATE = 20
children = []


def ok(text):
    print(f"ok {text}", flush=True)


def failed(text):
    print(f"FAILED {text}", flush=True)


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=30) as answer:
        return json.loads(answer.read())


def control(path, body=None):
    return ask(f"{BASE}/_sandbox/{path}", body)


def wait(what, seconds, so):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if so():
            return True
        time.sleep(0.1)
    failed(what)
    return False


def environment(home):
    """Never a real key or configuration: both look into HOME."""
    home.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        "TILLWATCH_DATA_DIR": str(home / "data"),
    }


class Receiver:
    def __init__(self, name, secrets):
        file = FOLDER / f"{name}.receiver"
        self.child = subprocess.Popen([sys.executable, HERE / "receiver.py", file, *secrets])
        children.append(self.child)
        while not (file.exists() and file.read_text()):
            time.sleep(0.02)
        self.url = file.read_text()

    def came(self):
        return ask(self.url)


def start(name, words, env):
    log = FOLDER / f"{name}.log"
    with open(log, "w") as file:
        child = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
    children.append(child)
    return log


def made(count):
    """Ids of the newest events, as Stripe lists them."""
    stripe.api_key, stripe.api_base = KEY, BASE
    ids = []
    for event in stripe.Event.list(limit=100).auto_paging_iter():
        if len(ids) == count:
            break
        ids.append(event.id)
    return ids


def run():
    theirs, mine = environment(FOLDER / "theirs"), environment(FOLDER / "ours")
    stripe_cli = [CLI, "listen", "--api-key", KEY, "--api-base", BASE]
    words = [*stripe_cli, "--print-secret"]
    secret = subprocess.run(words, env=theirs, capture_output=True, text=True, timeout=60).stdout.strip()
    cli_receiver = Receiver("theirs", [secret])
    start("theirs", [*stripe_cli, "--skip-update", "--all-snapshot", "--forward-to", cli_receiver.url], theirs)

    connect = [OURS, "connect", "--webhook", "relay", "--events", "all", "--api-base", BASE]
    subprocess.run(connect, env={**mine, "STRIPE_API_KEY": KEY}, check=True, capture_output=True, timeout=60)
    # One secret verifies all of ours, wherever an event came from. It is printed when it listens: the receiver is told
    # before anything happens.
    receiver = Receiver("ours", [])
    log = start("ours", [OURS, "listen", "--forward-to", receiver.url, "--api-base", BASE], mine)
    wait("ours prints its secret", 30, lambda: re.search(r"whsec_\w+", log.read_text()))
    own = re.findall(r"whsec_\w+", log.read_text())
    (FOLDER / "ours.secrets").write_text("\n".join(own))
    receiver.child.send_signal(signal.SIGHUP)

    if not wait("both open a socket", 30, lambda: control("report")["relay"]["opened"] >= 2):
        return
    wait("ours is connected", 30, lambda: "connected to Stripe's relay" in log.read_text())

    before = control("report")["events"]
    count, began, away = 0, time.monotonic(), False
    while count < EVENTS:
        count += control("traffic", {"steps": 1})["events"]
        if count >= EVENTS * 2 // 5 and not away:
            away = True
            for one in (cli_receiver, receiver):
                one.child.send_signal(signal.SIGUSR1)
            print("# both receivers are away for 20 s", flush=True)
        time.sleep(max(0, count / RATE - (time.monotonic() - began)))
    count = control("report")["events"] - before
    wanted = set(made(count))
    assert len(wanted) == count, f"{len(wanted)} of {count} are listed"

    def have(one):
        try:
            return set(one.came()["ids"])
        except OSError:
            return set()

    end = time.monotonic() + 120
    while time.monotonic() < end and not wanted <= have(receiver):
        time.sleep(0.5)
    ours, cli = receiver.came(), cli_receiver.came()
    got, cli_got = set(ours["ids"]) & wanted, set(cli["ids"]) & wanted
    opened = control("report")["relay"]["opened"]
    counts = f"ours {len(got)} of {count}, the Stripe CLI {len(cli_got)} of {count} ({opened} sockets in all)"
    print(f"# {counts}", flush=True)
    if got == wanted and ours["refused"] == 0:
        ok(f"forward: {counts}; every signature of ours verified, {ours['requests']} requests")
    else:
        failed(f"forward: {counts}; {ours['refused']} of ours with a bad signature; missing {sorted(wanted - got)[:3]}")
        print(log.read_text()[-2000:])
    strange = set(ours["ids"]) - wanted
    if strange:
        failed(f"forward: {len(strange)} events that happened before it listened")


try:
    run()
finally:
    for child in children:
        child.send_signal(signal.SIGTERM)
    for child in children:
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
