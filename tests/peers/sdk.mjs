// Stripe's own Node SDK, with only the base URL changed, against a running sandbox.
// Usage: node sdk.mjs FILE, where FILE holds the line that `tillwatch sandbox` prints.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import Stripe from 'stripe';

const sandbox = JSON.parse(readFileSync(process.argv[2], 'utf8').split('\n')[0]);
const base = new URL(sandbox.base_url);
const client = (key) =>
  new Stripe(sandbox[key] ?? key, {
    host: base.hostname,
    port: base.port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
const stripe = client('secret_key');
let failures = 0;

async function check(name, run) {
  try {
    await run();
    console.log(`ok node: ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAILED node: ${name}: ${String(error.message ?? error).replaceAll('\n', ' ')}`);
  }
}

async function control(path, body) {
  const answer = await fetch(`${sandbox.base_url}/_sandbox/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  return answer.json();
}

async function all(list) {
  const found = [];
  for await (const object of list) found.push(object);
  return found;
}

async function refused(kind, call) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
    return error;
  }
  throw new Error(`no ${kind.name}`);
}

await check('pages through every list without duplicates', async () => {
  const names = ['invoices', 'customers', 'charges', 'paymentIntents', 'subscriptions', 'prices', 'events'];
  for (const name of names) {
    const objects = await all(stripe[name].list({limit: 100}));
    assert.equal(new Set(objects.map((o) => o.id)).size, objects.length);
    assert.ok(objects.length > 5, name);
  }
});

await check('ending_before pages the other way', async () => {
  const down = (await all(stripe.invoices.list({limit: 100}))).map((i) => i.id);
  assert.equal(down.length, 700);
  const up = (await all(stripe.invoices.list({limit: 9, ending_before: down.at(-1)}))).map((i) => i.id);
  assert.deepEqual(up, down.slice(0, -1).reverse());
});

await check('retrieve equals the list', async () => {
  const page = await stripe.invoices.list({limit: 20});
  for (const listed of page.data) {
    const single = await stripe.invoices.retrieve(listed.id);
    assert.equal(JSON.stringify(single), JSON.stringify(listed));
  }
});

await check('expand', async () => {
  const page = await stripe.charges.list({limit: 10, expand: ['data.customer', 'data.payment_intent']});
  assert.ok(page.data.every((c) => c.customer.object === 'customer'));
  assert.ok(page.data.every((c) => c.payment_intent.amount === c.amount));
});

await check('StripeAuthenticationError', async () => {
  const error = await refused(Stripe.errors.StripeAuthenticationError, () =>
    client('expired_key').balance.retrieve()
  );
  assert.equal(error.code, 'api_key_expired');
  await refused(Stripe.errors.StripeAuthenticationError, () => client('sk_test_nonsense1').balance.retrieve());
});

await check('StripePermissionError', async () => {
  const key = sandbox.restricted_key;
  await control('permissions', {key, deny: ['rak_plan_read']});
  const error = await refused(Stripe.errors.StripePermissionError, () => client('restricted_key').prices.list());
  assert.match(error.message, /Having the 'rak_plan_read' permission/);
  await control('permissions', {key, allow: ['rak_plan_read']});
  await client('restricted_key').prices.list();
});

await check('StripeInvalidRequestError', async () => {
  const invalid = Stripe.errors.StripeInvalidRequestError;
  const missing = await refused(invalid, () => stripe.customers.retrieve('cus_nope'));
  assert.equal(missing.statusCode, 404);
  assert.equal(missing.code, 'resource_missing');
  const cursor = await refused(invalid, () => stripe.invoices.list({starting_after: 'in_nope'}));
  assert.equal(cursor.statusCode, 400);
  assert.equal(cursor.param, 'starting_after');
});

await check('StripeRateLimitError', async () => {
  await control('limits', {limits: 'test'});
  try {
    const error = await refused(Stripe.errors.StripeRateLimitError, async () => {
      for (let n = 0; n < 400; n += 1) await stripe.products.list({limit: 1});
    });
    assert.match(error.headers['stripe-rate-limited-reason'], /-rate$/);
  } finally {
    await control('limits', {limits: 'none'});
  }
});

await check('StripeAPIError', async () => {
  await control('faults', {faults: ['500=1']});
  try {
    await refused(Stripe.errors.StripeAPIError, () => stripe.invoices.list());
  } finally {
    await control('faults', {faults: []});
  }
});

process.exit(failures ? 1 : 0);
