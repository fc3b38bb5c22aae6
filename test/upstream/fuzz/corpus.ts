import { readdirSync, readFileSync, statSync } from 'node:fs'
import { jsonOf, type Json } from './json.ts'
import type { LspProtocol } from '../../../src/domain/lsp.ts'
import { lsps1Order } from '../../quotes/support.ts'

// The honest answers that the fuzzer starts from: every fixture, and some that no fixture shows.

const FIXTURES = new URL('../../fixtures/', import.meta.url)
const NOW = Date.parse('2026-11-21T12:00:00Z')

export interface HonestAnswer {
  /** A fixture's path, such as kaleidoswap-0.2.0/get_order.response.json. */
  name: string
  document: Json
}

const fixtures: readonly HonestAnswer[] = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json') && statSync(new URL(name, FIXTURES)).isFile())
  .map((name) => name.replaceAll('\\', '/'))
  .toSorted()
  .map((name) => ({ name, document: jsonOf(JSON.parse(readFileSync(new URL(name, FIXTURES), 'utf8'))) }))

const INVOICE =
  /ln[a-z]+\d\w{50,}/.exec(
    JSON.stringify(fixtures.find(({ name }) => name === 'seeds/thunderstack/create_order.response.json')),
  )?.[0] ?? ''
const DRAFT_ORDER = {
  id: 'order-1',
  fee_total: 1_000,
  order_total: 2_001_000,
  order_expiry_ts: NOW / 1000 + 3600,
  amount_paid: 0,
  ln_invoice: INVOICE,
  btc_address: 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88',
  onchain_payments: [{ amount: 5 }, { amount: 6 }],
}
const DRAFT_TERMS = { remote_balance: 5_000_000, local_balance: 2_000_000, channel_expiry: 4 }

/** As LSPs answer, with every field that is read. */
const GENERATED: Readonly<Record<string, unknown>> = {
  'lsps1-generated/get_info': {
    options: {
      min_initial_lsp_balance_sat: '100000',
      max_initial_lsp_balance_sat: '50000000',
      min_onchain_payment_size_sat: null,
    },
    uris: ['02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8@h:1'],
    website: 'https://lsp.example',
  },
  'lsps1-generated/create_order': { result: lsps1Order(NOW) },
  'lsps1-generated/get_order': lsps1Order(NOW, {
    order_state: 'COMPLETED',
    channel: {
      funded_at: '2026-11-21T12:00:00Z',
      funding_outpoint: `${'ab'.repeat(32)}:0`,
      expires_at: '2027-11-21T12:00:00Z',
    },
  }),
  'lsps1-generated/get_order.flat': {
    ...lsps1Order(NOW),
    payment: {
      state: 'HOLD',
      fee_total_sat: '1000',
      order_total_sat: '1000',
      bolt11_invoice: INVOICE,
      onchain_address: 'bcrt1q36xg65c3wdj969f92f2wd0za30z3lzq0envx88',
      onchain_payment: { outpoint: 'a:0', sat: '7', confirmed: true },
    },
  },
  'lsps1-generated/error.rpc': {
    error: {
      code: 100,
      message: 'Option mismatch',
      data: { property: 'max_initial_lsp_balance_sat', message: 'too much' },
    },
  },
  'lsps1-generated/error.olympus': { error: true, message: 'too many pending requests' },
  'lsps1-draft-0.0.1/renew': {
    ...DRAFT_ORDER,
    state: 'OPENED',
    scid: '1x2x3',
    channel_open_tx: 'ab'.repeat(32),
    channel_open_tx_outnum: 1,
    channel_renewed_expiry: 8,
    channel_renewed_expiry_ts: NOW / 1000 + 99_999,
    channel_expiry_ts: NOW / 1000,
  },
  'lsps1-draft-0.0.1/get.full': {
    ...DRAFT_ORDER,
    ...DRAFT_TERMS,
    state: 'UNDER_FUNDED',
    temporary_scid: '1x2x3',
    scid: '1x2x4',
    channel_open_tx: 'cd'.repeat(32),
    lsp_connection_info: '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8@h:1',
    lnurl_channel: 'lnurl1x',
    fee_per_payment: 3,
    created_at: NOW / 1000,
  },
  'lsps1-draft-0.0.2/get.full': {
    id: 'order-1',
    created_at: NOW / 1000,
    state: 'COMPLETED',
    request: DRAFT_TERMS,
    payment: { ...DRAFT_ORDER, state: 'PAID' },
    channel: {
      state: 'CLOSED',
      opened_ts: NOW / 1000,
      open_transaction: 'ab:0',
      scid: '1x2x3',
      expiry_ts: NOW / 1000,
      closing_transaction: 'cd:0',
    },
  },
  'lsps1-draft-0.0.2/get.paid': {
    id: 'order-1',
    created_at: NOW / 1000,
    state: 'PENDING_CHANNEL_OPEN',
    request: DRAFT_TERMS,
    payment: { ...DRAFT_ORDER, state: 'PAID' },
    channel: null,
  },
  'lsps1-draft-0.0.2/get.unpaid': {
    id: 'order-1',
    created_at: NOW / 1000,
    state: 'AWAITING_PAYMENT',
    request: DRAFT_TERMS,
    payment: { ...DRAFT_ORDER, state: 'CREATED' },
    channel: null,
  },
  'lsps1-draft-0.0.2/jit_get': {
    fee_per_payment: 1,
    route_hint: { scid: '1x2x3', node_id: '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8' },
    registerd_node_connection_string: '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8@h:1',
  },
  'lsps1-draft-0.0.2/open.failed': { success: false, message: 'ok', fail_reason: 'PEERING_FAILED' },
  'kaleidoswap-0.2.0/get_info.assets': {
    options: { min_initial_lsp_balance_sat: 1, max_initial_client_balance_sat: 5 },
    lsp_connection_url: '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8@h:1',
    assets: [{ asset_id: 'rgb:x', name: 'X', ticker: 'XX', precision: 2, max_initial_lsp_amount: 18_446_744_073 }],
  },
  'kaleidoswap-0.2.0/network_info.regtest': { network: 'Regtest', height: 7 },
}

export const CORPUS: readonly HonestAnswer[] = [
  ...fixtures,
  ...Object.entries(GENERATED).map(([name, value]) => ({ name, document: jsonOf(value) })),
]
export const DOCUMENTS: readonly Json[] = CORPUS.map(({ document }) => document)

const FOLDERS: Readonly<Record<LspProtocol, RegExp>> = {
  LSPS1: /^lsps1-(blip51|generated)\//,
  KALEIDOSWAP: /^(seeds\/)?kaleidoswap/,
  THUNDERSTACK: /^(seeds\/)?thunderstack/,
  CHANNEL_REQUEST_V0_0_1: /^lsps1-draft-0\.0\.1\//,
  CHANNEL_REQUEST_V0_0_2: /^lsps1-draft-0\.0\.2\//,
}

/** What a request is answered with, by the name of the answer's file. */
const FITTING: readonly (readonly [request: RegExp, name: RegExp])[] = [
  [/^POST .*\/(create_order|channels?)$/, /\/create(_order)?(\.response|$)/],
  [/^\w+ \/get_info$/, /\/get_info/],
  [/^GET \/lsp\/channels$/, /\/info/],
  [/^GET \/lsp\/channel$/, /\/(get|renew)/],
  [/\/renew$/, /\/renew/],
  [/^\w+ \/get_order$/, /\/(get_order|create_order\.response)/],
  [/^GET \/lsp\/channels\/[^/]+$/, /\/get\./],
  [/\/jit$/, /\/jit/],
  [/\/lnurl$/, /\/lnurl/],
  [/^GET .*\/refund$/, /\/refund_get/],
  [/^POST .*\/(refund|open)$/, /\/(open|refund_post|error\.412)/],
  [/\/network_info$/, /\/network_info/],
  [/\/estimate_fees$/, /\/estimate_fees\.response/],
  [/\/market\/quote$/, /\/market_quote\.response/],
  [/\/rate_decision$/, /\/rate_decision\.response/],
  [/\/retry_delivery$/, /\/retry_delivery\.response/],
]

/** The honest answers to that request at an LSP of that protocol; all of its protocol's when none fits. */
export function answersTo(protocol: LspProtocol, method: string, path: string): readonly HonestAnswer[] {
  const ofProtocol = CORPUS.filter(({ name }) => FOLDERS[protocol].test(name))
  const pattern = FITTING.find(([request]) => request.test(`${method} ${path}`))?.[1]
  const fitting = ofProtocol.filter(({ name }) => pattern?.test(name))
  return fitting.length > 0 ? fitting : ofProtocol
}

export const refusalsOf = (protocol: LspProtocol): readonly HonestAnswer[] =>
  CORPUS.filter(({ name }) => /error/.test(name) && FOLDERS[protocol].test(name))
