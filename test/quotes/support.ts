import type { LspConfig } from '../../src/config.ts'
import { LightningNode } from '../../src/sandbox/node.ts'
import type { LoggedRequest, Sandbox, SandboxLsp } from '../../src/sandbox/index.ts'
import { json, QueueServer, type RecordedRequest } from '../support/queue-server.ts'
import type { TestGateway } from '../support/gateway.ts'

// What the tests about prices have in common: the question, its answer, and what it cost the LSPs.

const FIELDS = `fragment Q on Quote {
  id lsp { id } basis feeTotalSat orderTotalSat annualRatePercent feePpm prices { method feeTotalSat orderTotalSat }
  lspBalanceSat clientBalanceSat channelExpiryBlocks announceChannel
  notes { code message } checks { code verdict message } fit { points oldestAt newestAt maxDeviationSat } createdAt observedAt expiresAt
}
fragment F on QuoteFailure {
  lsp { id } code message field retryAt limit { limit unit minimum maximum requested } }`

const QUOTES = `query ($request: ChannelRequestInput!, $lspIds: [ID!], $rankBy: QuoteRanking! = TOTAL_FEE, $firm: FirmPolicy! = WHEN_NEEDED, $deadlineMs: Int! = 10000) {
  quotes(request: $request, lspIds: $lspIds, rankBy: $rankBy, firm: $firm, deadlineMs: $deadlineMs) { quotes { ...Q } failures { ...F } elapsedMs }
}
${FIELDS}`

export const QUOTE_ARRIVED = `subscription ($request: ChannelRequestInput!, $lspIds: [ID!], $firm: FirmPolicy! = WHEN_NEEDED, $deadlineMs: Int! = 10000) {
  quoteArrived(request: $request, lspIds: $lspIds, firm: $firm, deadlineMs: $deadlineMs) { __typename ...Q ...F }
}
${FIELDS}`

export interface QuoteData {
  id: string
  lsp: { id: string }
  basis: 'FIRM' | 'ESTIMATED' | 'COMPUTED' | 'OBSERVED'
  feeTotalSat: number
  orderTotalSat: number
  annualRatePercent: number
  feePpm: number
  prices: { method: string; feeTotalSat: number; orderTotalSat: number }[]
  lspBalanceSat: number
  clientBalanceSat: number
  channelExpiryBlocks: number
  announceChannel: boolean
  notes: { code: string; message: string }[]
  checks: { code: string; verdict: string; message: string }[]
  fit: { points: number; oldestAt: string; newestAt: string; maxDeviationSat: number } | null
  createdAt: string
  observedAt: string | null
  expiresAt: string | null
}

export interface FailureData {
  lsp: { id: string }
  code: string
  message: string
  field: string | null
  limit: { limit: string; unit: string; minimum: string | null; maximum: string | null; requested: string } | null
  retryAt: string | null
}

export interface ComparisonData {
  quotes: QuoteData[]
  failures: FailureData[]
  elapsedMs: number
}

export interface Question {
  /** Changes of the usual channel: 1 000 000 sat for 12 960 blocks. */
  request?: Record<string, unknown>
  lspIds?: readonly string[]
  rankBy?: string
  firm?: string
  deadlineMs?: number
}

export function requestOf({ wallet }: Sandbox, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { clientPubkey: wallet.pubkey, clientAddress: wallet.address, lspBalanceSat: 1_000_000, ...changes }
}

/** Asks over HTTP, with a client's key where there is one. */
export async function compare(
  gateway: TestGateway,
  { request = {}, ...args }: Question = {},
  key?: string,
): Promise<ComparisonData> {
  const answer = await gateway.send(
    QUOTES,
    { request: requestOf(gateway.sandbox, request), ...args },
    key === undefined ? {} : { authorization: `Bearer ${key}` },
  )
  if (answer.errors) throw new Error(`the question failed: ${JSON.stringify(answer.errors)}`)
  return answer.data.quotes as ComparisonData
}

/** The errors that a question ends with. */
export async function errorsOf(gateway: TestGateway, { request = {}, ...args }: Question) {
  return (await gateway.send(QUOTES, { request: requestOf(gateway.sandbox, request), ...args })).errors ?? []
}

/** The one LSP's quote. */
export async function quoteOf(
  gateway: TestGateway,
  lspId: string,
  question: Question = {},
  key?: string,
): Promise<QuoteData> {
  const { quotes, failures } = await compare(gateway, { ...question, lspIds: [lspId] }, key)
  const [quote] = quotes
  if (!quote) throw new Error(`no quote: ${JSON.stringify(failures)}`)
  return quote
}

/** The one LSP's failure. */
export async function failureOf(
  gateway: TestGateway,
  lspId: string,
  question: Question = {},
  key?: string,
): Promise<FailureData> {
  const { quotes, failures } = await compare(gateway, { ...question, lspIds: [lspId] }, key)
  const [failure] = failures
  if (!failure) throw new Error(`no failure: ${JSON.stringify(quotes)}`)
  return failure
}

export const idsOf = (answers: readonly { lsp: { id: string } }[]) => answers.map(({ lsp }) => lsp.id)
export const codesOf = ({ notes }: QuoteData) => notes.map(({ code }) => code)

const CREATE_PATHS = new Set(['/create_order', '/lsp/channel', '/lsp/channels'])

/** The orders that the LSP was asked for. */
export function orderPosts(lsp: SandboxLsp): readonly LoggedRequest[] {
  return lsp.requests.filter(({ method, path }) => method === 'POST' && CREATE_PATHS.has(path))
}

export function requestsTo(lsp: SandboxLsp, path: string): readonly LoggedRequest[] {
  return lsp.requests.filter((request) => request.path === path)
}

export function settings(id: string, url: string, changes: Partial<LspConfig> = {}): LspConfig {
  return {
    id,
    name: id,
    protocol: 'LSPS1',
    url,
    network: 'REGTEST',
    auth: null,
    timeoutMs: 2_000,
    allowInsecure: false,
    allowPrivateAddresses: false,
    pinnedKeySha256: [],
    nodeUris: [],
    website: null,
    courtesy: { maxUnpaidOrders: 50, firmQuotesPerHour: 1_000, maxStandingOrders: 1_000 },
    registerJit: false,
    requestsPerMinute: 60_000,
    estimatesPerMinute: 60_000,
    tariffFeeRateSatPerVbyte: null,
    ...changes,
  }
}

/** A simulated LSP as it would be configured. */
export function settingsOf(lsp: SandboxLsp, changes: Partial<LspConfig> = {}): LspConfig {
  const { name, protocol, nodeUris, tariffFeeRateSatPerVbyte } = lsp
  return settings(lsp.id, lsp.url, { name, protocol, nodeUris, tariffFeeRateSatPerVbyte, ...changes })
}

export const NODE = new LightningNode('a scripted LSP', '127.0.0.1:9735')

export const LSPS1_INFO = {
  min_required_channel_confirmations: 0,
  min_funding_confirms_within_blocks: 6,
  supports_zero_channel_reserve: true,
  max_channel_expiry_blocks: 20_160,
  min_initial_client_balance_sat: '0',
  max_initial_client_balance_sat: '0',
  min_initial_lsp_balance_sat: '100000',
  max_initial_lsp_balance_sat: '50000000',
  min_channel_balance_sat: '100000',
  max_channel_balance_sat: '50000000',
  uris: [NODE.uri],
}

/** An LSPS1 order as an honest LSP would answer with it at that moment, whatever the size that was asked for. */
export function lsps1Order(
  now: number,
  {
    feeSat = 1_000,
    validMs = 3_600_000,
    ...changes
  }: { feeSat?: number; validMs?: number; [field: string]: unknown } = {},
) {
  const expiresAt = now + validMs
  const { bolt11 } = NODE.issueInvoice({ amountSat: feeSat, description: 'a channel', createdAt: now, expiresAt })
  return {
    order_id: `order-${now}`,
    client_balance_sat: '0',
    channel_expiry_blocks: 12_960,
    announce_channel: false,
    created_at: new Date(now).toISOString(),
    order_state: 'CREATED',
    payment: {
      bolt11: {
        state: 'EXPECT_PAYMENT',
        expires_at: new Date(expiresAt).toISOString(),
        fee_total_sat: String(feeSat),
        order_total_sat: String(feeSat),
        invoice: bolt11,
      },
    },
    channel: null,
    ...changes,
  }
}

/** An LSPS1 provider that a test writes: its limits, and what it makes of an order. */
export async function startScriptedLsp(
  order: (request: RecordedRequest) => unknown = () => lsps1Order(Date.now()),
  info: Record<string, unknown> = LSPS1_INFO,
): Promise<QueueServer> {
  const server = await QueueServer.start()
  return server.always((request, response) =>
    json(200, request.path === '/get_info' ? info : order(request))(request, response),
  )
}

/** The fee by one payment option; null: the quote has no price of it. */
export function feeOf({ prices }: QuoteData, method: 'BOLT11' | 'BOLT12' | 'ONCHAIN'): number | null {
  return prices.find((price) => price.method === method)?.feeTotalSat ?? null
}
