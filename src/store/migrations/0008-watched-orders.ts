import type { Migration } from '../migration.ts'

/** Polls after completion: a funding transaction may be replaced. */
export const migration: Migration = {
  number: 8,
  name: 'watched-orders',
  breaks: null,
  statements: [
    // When a final order is polled next, only because its funding transaction may be replaced.
    'alter table orders add column watch_at bigint',
    'create index orders_watched on orders (lsp_id, watch_at) where watch_at is not null',
  ],
}
