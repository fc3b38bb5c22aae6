import type { Migration } from '../migration.ts'

/** What a client's orders can be filtered by. */
export const migration: Migration = {
  number: 13,
  name: 'order-filters',
  breaks: null,
  statements: [
    'alter table orders add column client_pubkey text',
    'alter table orders add column reference text',
    // When the LSP may close the channel.
    'alter table orders add column channel_ends_at bigint',
    'create index orders_by_node on orders (client_id, client_pubkey, id) where client_pubkey is not null',
    'create index orders_by_reference on orders (client_id, reference, id) where reference is not null',
    'create index orders_by_channel_end on orders (client_id, channel_ends_at) where channel_ends_at is not null',
  ],
}
