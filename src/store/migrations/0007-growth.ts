import type { Migration } from '../migration.ts'

/** Indexes for what would otherwise be looked for among everything that was ever written. */
export const migration: Migration = {
  number: 7,
  name: 'growth',
  breaks: null,
  statements: [
    // A client's orders in a state that few of them are in.
    'create index orders_by_state on orders (client_id, state, id)',
    // Firm quotes that nobody ordered, which are deleted after some time.
    "create index placements_unordered on placements (intended_at) where coalesce(order_id, '') = '' and purpose = 'QUOTE'",
    // The key that an order was sent under.
    'create index idempotency_by_placement on idempotency (placement_id)',
    'create index prices_by_age on prices (observed_at)',
    // At the start of an embedded database: claims of the previous process.
    'create index orders_claimed on orders (id) where lease_owner is not null',
    'create index renewals_claimed on renewals (id) where lease_owner is not null',
  ],
}
