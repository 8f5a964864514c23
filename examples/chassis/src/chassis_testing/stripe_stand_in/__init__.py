"""A stand-in for Stripe that remembers payment intents and refunds.

stripe-mock knows Stripe's schema and keeps nothing: what was captured cannot be asked of it. This server stands in
front of it. Each request goes to stripe-mock first, which refuses what Stripe's OpenAPI document does not allow; what
becomes of a payment is kept here.

What it is: payment intents (created and confirmed at once, retrieved, captured, cancelled) and refunds with Stripe's
statuses and errors; idempotency keys; Stripe's test cards; signed webhooks; one account per API key, with counts of
what was done and failures on request, under `/_stand_in`.

What it is not: anything else of Stripe is answered by stripe-mock, from fixtures. There is no confirmation in a second
step, no 3-D Secure beyond `requires_action`, no search, no list. Its state ends with the process, and a failure
that was asked for is not kept under its idempotency key, while Stripe keeps some.

`python -m chassis_testing.stripe_stand_in` runs it:

| variable          | default | |
|-------------------|---------|-|
| `PORT`            | 12111   | |
| `STRIPE_MOCK_URL` | none    | where stripe-mock is; without it requests are not checked against the schema |
| `WEBHOOK_URL`     | none    | where events of every account go; without it they wait to be asked for |
| `WEBHOOK_SECRET`  | none    | signs them |
"""
