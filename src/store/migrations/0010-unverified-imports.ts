import type { Migration } from '../migration.ts'

/** When an order was imported that its LSP has not reported yet: it is deleted after a day. */
export const migration: Migration = {
  number: 10,
  name: 'unverified-imports',
  breaks: null,
  statements: [
    'alter table orders add column unverified_since bigint',
    'create index orders_unverified on orders (unverified_since) where unverified_since is not null',
  ],
}
