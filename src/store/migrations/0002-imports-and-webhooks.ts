import type { Migration } from '../migration.ts'

/** Reminders of lease ends, orders that are imported, and webhooks. */
export const migration: Migration = {
  number: 2,
  name: 'imports-and-webhooks',
  breaks: null,
  statements: [
    // 0 stands for orders from before: whoever sends reminders has yet to look at them.
    'alter table orders add column lease_ends_at bigint default 0',
    'create index orders_by_lease on orders (lease_ends_at)',
    'create index placements_by_lsp_order on placements (lsp_id, lsp_order_id)',
    `create table webhooks (
      client_id text primary key, position bigint not null, disabled_at bigint,
      last_success_at bigint, last_failure_at bigint, last_error text)`,
    `create table webhook_deliveries (
      order_id text not null, sequence integer not null, client_id text not null, position bigint not null,
      state text not null, attempts integer not null, queued_at bigint not null, next_attempt_at bigint not null,
      lease_owner text, lease_until bigint not null, last_error text, primary key (order_id, sequence))`,
    'create index webhook_deliveries_by_client on webhook_deliveries (client_id, state, position)',
    "insert into counters (name, value) values ('imported', 0)",
  ],
}
