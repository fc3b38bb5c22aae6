import type { Migration } from '../migration.ts'

/** Polls of orders that a client follows or has just queried come first. */
export const migration: Migration = {
  number: 12,
  name: 'followed-orders',
  breaks: null,
  statements: [
    // A client follows the order, or has queried it, until this time at least.
    'alter table orders add column followed_until bigint',
    'create index orders_followed on orders (lsp_id, followed_until) where followed_until is not null',
  ],
}
