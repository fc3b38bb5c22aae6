import type { Migration } from '../migration.ts'

/** Columns for the filter of `orders`; the stored checks get the names of the public schema. */
export const migration: Migration = {
  number: 13,
  name: 'order-filters',
  breaks: 'This database has checks that only newer releases can read. Start the newer release, or restore the backup.',
  statements: [
    'alter table orders add column client_pubkey text',
    'alter table orders add column reference text',
    // When the LSP may close the channel.
    'alter table orders add column channel_ends_at bigint',
    'create index orders_by_node on orders (client_id, client_pubkey, id) where client_pubkey is not null',
    'create index orders_by_reference on orders (client_id, reference, id) where reference is not null',
    'create index orders_by_channel_end on orders (client_id, channel_ends_at) where channel_ends_at is not null',
    'create index prices_by_lsp on prices (lsp_id, observed_at)',
    'alter table placements add column client_pubkey text',
    'create index placements_unpaid_by_node on placements (lsp_id, client_pubkey, stands_until) where unpaid = 1',
    // No other object in these columns begins with the key "name".
    ...['quotes', 'orders', 'events', 'renewals', 'placements'].map(
      (table) => `update ${table} set body = replace(body, '{"name":"', '{"code":"')`,
    ),
    // The field at fault of a stored failure.
    `update placements set body = replace(body, '"property":', '"field":')`,
    `update renewals set body = replace(body, '"property":', '"field":')`,
  ],
}
