/**
 * Each entry takes the schema from version n to n + 1, in SQL that every engine understands. An entry that was
 * released is never edited.
 */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
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
  [
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
  [
    // Several gateways on one database: who of them lives, who does what, and how much an LSP is read by all of them.
    'create table instances (id text primary key, seen_at bigint not null)',
    'alter table placements add column owner text',
    'alter table idempotency add column owner text',
    'create table read_budgets (lsp_id text primary key, spent_until bigint not null)',
    'create index orders_due_by_lsp on orders (lsp_id, next_read_at)',
    // What is looked for every few seconds, among all that was ever written.
    "create index orders_unknown on orders (placement_id) where state = 'OUTCOME_UNKNOWN' and final = 0",
    'create index idempotency_open on idempotency (placement_id) where answer is null',
  ],
  [
    // Payment hashes and on-chain addresses that LSPs asked to be paid to, and the first placement or renewal of each.
    'create table destinations (destination text primary key, holder text not null)',
    // What a renewal was asked for with: the same again is the same renewal.
    'alter table renewals add column question text',
    'create unique index renewals_by_question on renewals (question)',
    // 1: an order or an answer names the quote, or it is from before; the others are forgotten some day.
    'alter table quotes add column kept integer not null default 1',
    'create index quotes_by_age on quotes (created_at) where kept = 0',
    "create index placements_refused on placements (intended_at) where status = 'REFUSED' and purpose = 'QUOTE'",
    // What is looked for every few seconds, among all orders that there ever were.
    "create index orders_lost on orders (placement_id) where state = 'OUTCOME_UNKNOWN'",
    // When a gateway last had the webhook in its configuration.
    'alter table webhooks add column seen_at bigint',
  ],
  [
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
  [
    // When a final order is polled next, only because its funding transaction may be replaced.
    'alter table orders add column watch_at bigint',
    'create index orders_watched on orders (lsp_id, watch_at) where watch_at is not null',
  ],
]
