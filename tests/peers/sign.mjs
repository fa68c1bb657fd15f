// Stripe's Node SDK signs and verifies: a line of JSON in, a line of JSON out.
// {"sign": PAYLOAD, "secret": …, "timestamp": …} → {"header": …}; {"verify": PAYLOAD, "header": …, "secret": …} → {"id": …}
import {createInterface} from 'node:readline';
import Stripe from 'stripe';

const stripe = new Stripe('sk_test_none', {telemetry: false});
for await (const line of createInterface({input: process.stdin})) {
  const {sign, verify, header, secret, timestamp, scheme} = JSON.parse(line);
  let said;
  try {
    said =
      verify === undefined
        ? {header: stripe.webhooks.generateTestHeaderString({payload: sign, secret, timestamp, scheme})}
        : {id: stripe.webhooks.constructEvent(verify, header, secret).id};
  } catch (error) {
    said = {error: error.constructor.name};
  }
  console.log(JSON.stringify(said));
}
