import type { Migration } from '../migration.ts'

/** Payment destinations, and retention of quotes that nobody ordered. */
export const migration: Migration = {
  number: 4,
  name: 'retention',
  breaks: null,
  statements: [
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
}
