import type { Generated } from 'kysely'

// The tables, for both engines. Times are milliseconds since 1970; documents are JSON in text columns, and the
// columns beside them are the parts that a query looks for.

export interface LspRow {
  id: string
  name: string
  protocol: string
  network: string
  url: string
  website: string | null
  /** DatedLspInfo; null until the LSP has answered once. */
  info: string | null
  /** LspSettings, as SecretBox seals them; null: stored by an earlier release. */
  settings: string | null
}

export interface RestoreRow {
  restored_at: number
  data_until: number
}

export interface QuoteRow {
  id: string
  client_id: string
  lsp_id: string
  placement_id: string | null
  created_at: number
  body: string
  /** 1: an order names it; before version 5, or an answer under an idempotency key. */
  kept: Generated<number>
}

/** What an LSP last asked for a channel, whoever asked. */
export interface PriceRow {
  lsp_id: string
  channel_key: string
  observed_at: number
  body: string
}

export interface PlacementRow {
  id: string
  client_id: string
  lsp_id: string
  /** The client's node; null: written by an earlier release. */
  client_pubkey: string | null
  /** The client's question, hashed: who asks whom for what. */
  question: string
  purpose: string
  status: string
  /** Whether it counts as an order that stands unpaid at the LSP. */
  unpaid: number
  intended_at: number
  /** Until then it stands, as far as is known. */
  stands_until: number
  order_id: string | null
  lsp_order_id: string | null
  access_token: string | null
  body: string
  /** The instance that sends it. */
  owner: string | null
}

export interface OrderRow {
  id: string
  client_id: string
  lsp_id: string
  placement_id: string
  state: string
  sequence: number
  created_at: number
  /** When it is to be read again; null: never. */
  next_read_at: number | null
  /** When a final order is polled, only because its funding transaction may be replaced; null: never. */
  watch_at: number | null
  /** A client follows the order, or has queried it, until then at least. */
  followed_until: number | null
  failures: number
  open_attempts: number
  lease_owner: string | null
  lease_until: number
  final: number
  /** Whether its LSP has shown a payment of it: then it does not wait for its client's unpaid ones to be read. */
  paid: number
  /** For what was measured about the LSP. */
  payment_seen_at: number | null
  funded_at: number | null
  /** When the lease of its channel ends, while nobody was reminded of that; 0: nobody has looked. */
  lease_ends_at: number | null
  /** The client's node; null: written by an earlier release. */
  client_pubkey: string | null
  /** The client's own reference; null: it gave none. */
  reference: string | null
  /** When the LSP may close the channel; null: no channel is open. */
  channel_ends_at: number | null
  /** 1: all that is known of it is what an imported document says. */
  hearsay: number
  /** When such an order was imported; null: its LSP has reported it, or it was not imported. */
  unverified_since: number | null
  body: string
}

export interface EventRow {
  /**
   * Counts every event of every order, without a gap, in the order in which they became visible. Below zero: it was
   * imported with its order, and is nobody's news.
   */
  position: number
  order_id: string
  sequence: number
  client_id: string
  at: number
  body: string
}

export interface IdempotencyRow {
  client_id: string
  key: string
  input_hash: string
  created_at: number
  /** null while the answer is on its way. */
  answer: string | null
  placement_id: string | null
  /** The instance that looks for the answer. */
  owner: string | null
}

/** A gateway that works on this database. */
export interface InstanceRow {
  id: string
  /** When it last said that it lives, by the database's clock. */
  seen_at: number
}

/** A row that a gateway writes to learn whether it can. */
export interface WriteCheckRow {
  id: string
  checked_at: number
  /** As long as what an operation writes, after one failed. */
  padding: string
}

/** How much an LSP was read, or asked for estimates, or a client imported, by all gateways together. */
export interface ReadBudgetRow {
  /**
   * The LSP's id for readings; with " estimates" after it for those, with " at once" for readings that a client waits for,
   * and with " actions " and a client's id for what that client has done there. A client's id with " imports".
   */
  lsp_id: string
  /** The moment up to which what it may be read is spent, in microseconds. */
  spent_until: number
  /** Of an LSP: which polls were last, as JSON. See due.ts. */
  turn: Generated<string | null>
}

export interface RenewalRow {
  id: string
  client_id: string
  lsp_id: string
  final: number
  next_read_at: number | null
  body: string
  /** What it was asked for with, hashed: the same again is the same renewal. */
  question: string | null
  /** How often it was written. */
  version: Generated<number>
  lease_owner: Generated<string | null>
  lease_until: Generated<number>
}

/** A payment hash, or an on-chain address, that an LSP asked to be paid to. */
interface DestinationRow {
  destination: string
  /** The first placement, or renewal, that was to be paid there. */
  holder: string
}

/** A client's webhook. */
export interface WebhookRow {
  client_id: string
  /** The events up to this one have become deliveries. */
  position: number
  /** It asked for no more, until it is opened again. */
  disabled_at: number | null
  last_success_at: number | null
  last_failure_at: number | null
  last_error: string | null
  /** When a gateway last had it in its configuration. */
  seen_at: Generated<number | null>
}

/** An event that a webhook has yet to take, or that was given up. */
export interface WebhookDeliveryRow {
  order_id: string
  sequence: number
  client_id: string
  position: number
  state: string
  attempts: number
  queued_at: number
  next_attempt_at: number
  lease_owner: string | null
  lease_until: number
  last_error: string | null
}

export interface CounterRow {
  name: string
  value: number
}

/** How releases before numbered migrations counted them. */
export interface MigrationRow {
  version: number
  applied_at: Generated<number>
}

/** A migration that this database has. */
export interface AppliedMigrationRow {
  number: number
  name: string
  /** SHA-256 of its statements. */
  checksum: string
  /** Why a program that does not know it must not start; null: it may. */
  breaks: string | null
  applied_at: number
}

export interface Tables {
  lsps: LspRow
  quotes: QuoteRow
  prices: PriceRow
  placements: PlacementRow
  orders: OrderRow
  events: EventRow
  idempotency: IdempotencyRow
  renewals: RenewalRow
  destinations: DestinationRow
  webhooks: WebhookRow
  webhook_deliveries: WebhookDeliveryRow
  counters: CounterRow
  restores: RestoreRow
  instances: InstanceRow
  write_checks: WriteCheckRow
  read_budgets: ReadBudgetRow
  migrations: MigrationRow
  applied_migrations: AppliedMigrationRow
}
