import type { Migration } from '../migration.ts'

/** Unverified imports, claims of renewals, and turns between clients when an LSP is polled. */
export const migration: Migration = {
  number: 5,
  name: 'fair-polling',
  breaks: null,
  statements: [
    // An address is the same in upper and in lower case.
    'insert into destinations (destination, holder) select lower(destination), holder from destinations where destination <> lower(destination) on conflict (destination) do nothing',
    'delete from destinations where destination <> lower(destination)',
    // 1: all that is known of the order is what an imported document says.
    'alter table orders add column hearsay integer not null default 0',
    `update orders set hearsay = 1 where body like '%"importedAt":%' and body like '%"paymentUnconfirmed":true%'`,
    'create index orders_hearsay on orders (client_id, lsp_id) where hearsay = 1',
    // Renewals are leased as orders are; the version counts what was written.
    'alter table renewals add column version integer not null default 0',
    'alter table renewals add column lease_owner text',
    'alter table renewals add column lease_until bigint not null default 0',
    // Whose readings are next where more are due than an LSP may be asked for: clients take turns.
    'alter table orders add column paid integer not null default 0',
    'update orders set paid = 1 where payment_seen_at is not null',
    'create index orders_by_turn on orders (lsp_id, paid, client_id, next_read_at) where next_read_at is not null',
    'create index renewals_by_turn on renewals (lsp_id, client_id, next_read_at) where next_read_at is not null',
    'alter table read_budgets add column turn text',
    // What is forgotten before its time where a client has very much of it.
    "create index quotes_unbound on quotes (client_id, created_at) where kept = 0 and coalesce(placement_id, '') = ''",
    `create index idempotency_orderless on idempotency (created_at) where substr(answer, 1, 15) <> '{"kind":"order"'`,
    'create index placements_unpaid on placements (lsp_id, client_id, stands_until) where unpaid = 1',
  ],
}
