import type { Migration } from '../migration.ts'

/** LSPs, quotes, prices, placements, orders with their events, idempotency keys and renewals. */
export const migration: Migration = {
  number: 1,
  name: 'first-tables',
  breaks: null,
  statements: [
    `create table lsps (
      id text primary key, name text not null, protocol text not null, network text not null,
      url text not null, website text, info text)`,
    `create table quotes (
      id text primary key, client_id text not null, lsp_id text not null, placement_id text,
      created_at bigint not null, body text not null)`,
    'create index quotes_by_placement on quotes (placement_id)',
    `create table prices (
      lsp_id text not null, channel_key text not null, observed_at bigint not null, body text not null,
      primary key (lsp_id, channel_key))`,
    `create table placements (
      id text primary key, client_id text not null, lsp_id text not null, question text not null,
      purpose text not null, status text not null, unpaid integer not null, intended_at bigint not null,
      stands_until bigint not null, order_id text unique, lsp_order_id text, access_token text, body text not null)`,
    'create index placements_by_question on placements (question, intended_at)',
    'create index placements_by_lsp on placements (lsp_id, intended_at)',
    'create index placements_by_status on placements (status)',
    `create table orders (
      id text primary key, client_id text not null, lsp_id text not null, placement_id text not null unique,
      state text not null, sequence integer not null, created_at bigint not null, next_read_at bigint,
      failures integer not null, open_attempts integer not null, lease_owner text, lease_until bigint not null,
      final integer not null, payment_seen_at bigint, funded_at bigint, body text not null)`,
    'create index orders_by_client on orders (client_id, id)',
    'create index orders_due on orders (next_read_at)',
    'create index orders_by_lsp on orders (lsp_id, payment_seen_at)',
    `create table events (
      position bigint primary key, order_id text not null, sequence integer not null, client_id text not null,
      at bigint not null, body text not null, unique (order_id, sequence))`,
    'create index events_by_client on events (client_id, position)',
    `create table idempotency (
      client_id text not null, key text not null, input_hash text not null, created_at bigint not null,
      answer text, placement_id text, primary key (client_id, key))`,
    `create table renewals (
      id text primary key, client_id text not null, lsp_id text not null, final integer not null,
      next_read_at bigint, body text not null)`,
    'create index renewals_due on renewals (next_read_at)',
    'create table counters (name text primary key, value bigint not null)',
    "insert into counters (name, value) values ('events', 0)",
  ],
}
