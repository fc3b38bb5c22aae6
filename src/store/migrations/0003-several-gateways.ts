import type { Migration } from '../migration.ts'

/** Several gateways on one database: instances, owners and budgets. */
export const migration: Migration = {
  number: 3,
  name: 'several-gateways',
  breaks: null,
  statements: [
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
}
