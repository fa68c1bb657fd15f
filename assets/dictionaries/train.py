#!/usr/bin/env python3
"""Trains the zstd dictionaries that the store packs JSON with, on objects of the local Stripe.

usage: train.py TILLWATCH_BINARY OUT_DIR        (needs the `zstd` command)

Half of the samples are laid out as the sandbox sends them (compact), half as Stripe does (two blanks an
indent). A dictionary that has been released never changes: a better one gets a new number and a new file, see
src/store/codec.rs.
"""
import base64, json, os, subprocess, sys, tempfile, urllib.request

KINDS = {"invoice": ("invoices", 65536), "customer": ("customers", 16384), "product": ("products", 8192),
         "price": ("prices", 8192), "subscription": ("subscriptions", 32768),
         "payment_intent": ("payment_intents", 32768), "charge": ("charges", 32768),
         "invoice_payment": ("invoice_payments", 8192), "event": ("events", 65536)}


def main():
    binary, out = sys.argv[1:3]
    samples = {kind: [] for kind in KINDS}
    samples["lines"] = []
    for seed in (101, 202, 303):
        sandbox = subprocess.Popen([binary, "sandbox", "--invoices", "6000", "--seed", str(seed), "--limits", "none"],
                                   stdout=subprocess.PIPE, text=True)
        start = json.loads(sandbox.stdout.readline())

        def get(path, data=None):
            request = urllib.request.Request(start["base_url"] + path, data=data)
            request.add_header("Authorization", "Bearer " + start["secret_key"])
            return json.load(urllib.request.urlopen(request))

        get("/_sandbox/traffic", b'{"steps":400}')
        for kind, (path, _) in KINDS.items():
            after = ""
            for _ in range(10):
                page = get(f"/v1/{path}?limit=100{after}")
                samples[kind] += page["data"]
                if not page["has_more"]:
                    break
                after = "&starting_after=" + page["data"][-1]["id"]
        for invoice in [one for one in samples["invoice"] if one["lines"]["has_more"]][-20:]:
            try:
                samples["lines"].append(get(f"/v1/invoices/{invoice['id']}/lines?limit=100")["data"])
            except urllib.error.HTTPError:
                pass  # of an earlier seed
        sandbox.terminate()
        sandbox.wait()
    for kind, objects in samples.items():
        size = KINDS.get(kind, ("", 32768))[1]
        with tempfile.TemporaryDirectory() as folder:
            for index, one in enumerate(objects):
                text = json.dumps(one, ensure_ascii=False, **({"indent": 2} if index % 2 else {"separators": (",", ":")}))
                with open(os.path.join(folder, f"{index:05}.json"), "w") as file:
                    file.write(text)
            target = os.path.join(out, f"{kind}-1.dict")
            subprocess.run(["zstd", "-q", "-f", "--train", "-r", folder, "--maxdict", str(size), "--dictID", "0",
                            "-o", target], check=True)
            print(f"{target}: {len(objects)} samples, {os.path.getsize(target)} bytes")


main()
