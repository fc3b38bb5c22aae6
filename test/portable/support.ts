import { randomBytes, randomUUID } from 'node:crypto'
import { startTestGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts'
import { counting, ORDER_FIELDS, type OrderData } from '../support/operations.ts'

export type Imported = OrderData & { __typename: string; code: string; message: string }

export const EXPORT = 'query ($id: ID!, $sealKey: String) { orderExport(id: $id, sealKey: $sealKey) }'
export const IMPORT = `mutation ($document: String!, $sealKey: String, $clientPubkey: PublicKey) { importOrder(document: $document, sealKey: $sealKey, clientPubkey: $clientPubkey) { __typename ... on Order { ${ORDER_FIELDS} } ... on ImportError { code message } } }`

/** As `openssl rand -hex 32` makes one. */
export const newSealKey = () => randomBytes(32).toString('hex')

export async function exported(gateway: TestGateway, id: string, sealKey?: string): Promise<string> {
  return (await gateway.ask(EXPORT, { id, sealKey })).orderExport
}

export async function importInto(
  gateway: TestGateway,
  document: string,
  sealKey?: string,
  clientPubkey?: string,
): Promise<Imported> {
  return (await gateway.ask(IMPORT, { document, sealKey, clientPubkey })).importOrder
}

/** Two gateways at the same simulated LSP: the host that is left, and the one that is moved to. */
export async function twoGateways(only: string, options: TestGatewayOptions = {}) {
  const from = await startTestGateway({ sandbox: { only: [only] } })
  const to = await startTestGateway({ ...options, beside: from })
  return {
    from,
    to,
    async [Symbol.asyncDispose]() {
      await to[Symbol.asyncDispose]()
      await from[Symbol.asyncDispose]()
    },
  }
}

/** The document with something in it changed. */
// oxlint-disable-next-line typescript/no-explicit-any -- a forger may put anything anywhere
export function forged(document: string, forge: (parsed: any) => void): string {
  const parsed: unknown = JSON.parse(document)
  forge(parsed)
  return JSON.stringify(parsed)
}

/**
 * The document of another order, without a contradiction: `changes` are made in the order and in the snapshot of each
 * event, those of the request also in the quote. The state is changed in the last event too.
 */
export function rewritten(
  document: string,
  changes: Record<string, unknown>,
  requestChanges: Record<string, unknown> = {},
): string {
  return forged(document, (parsed) => {
    const { state, ...others } = changes
    const last = parsed.events.at(-1)
    Object.assign(parsed.order, changes)
    for (const { order } of parsed.events)
      for (const key of Object.keys(others))
        if (key in order || order === parsed.events[0].order) order[key] = others[key]
    if (state !== undefined) last.state = last.order.state = state
    for (const holder of [parsed.order, parsed.quote, ...parsed.events.map((event: { order: unknown }) => event.order)])
      if (holder?.request) Object.assign(holder.request, requestChanges)
    if ('lspOrderId' in changes) {
      parsed.lsp.lspOrderId = changes['lspOrderId']
      if (parsed.answer) parsed.answer.lspOrderId = changes['lspOrderId']
    }
  })
}

/** The document with as many events, of an order that is as its first one says; `changes` are those of a later one. */
export function lengthened(
  document: string,
  count: number,
  changes: (sequence: number) => Record<string, unknown> = () => ({}),
  first: Record<string, unknown> = {},
): string {
  return forged(document, (parsed) => {
    const [event] = parsed.events
    parsed.order.sequence = count
    parsed.events = counting(1, count).map((sequence) => ({
      ...event,
      sequence,
      previousState: sequence === 1 ? null : event.state,
      order: sequence === 1 ? { ...event.order, ...first } : { sequence, ...changes(sequence) },
    }))
  })
}

/** A document that somebody made up, of an order at an LSP whom `lsp` describes as a document does. */
export function invented(
  lsp: { protocol: string; url: string; lspOrderId: string | null },
  changes: Record<string, unknown> = {},
): string {
  const now = Date.now()
  const terms = {
    lspBalanceSat: 1_000_000,
    clientBalanceSat: 0,
    channelExpiryBlocks: 12_960,
    requiredChannelConfirmations: null,
    fundingConfirmsWithinBlocks: null,
    announceChannel: false,
  }
  const request = {
    ...terms,
    clientPubkey: '02c9d1afd383fb651d93975d2a2e727aca5e6dd4fa2f090fded50102a149969ce8',
    clientAddress: '127.0.0.1:9735',
    refundOnchainAddress: null,
    token: null,
    asset: null,
  }
  const price = { feeTotalSat: 1_000, orderTotalSat: 1_000 }
  const order = {
    id: randomUUID(),
    state: 'AWAITING_PAYMENT',
    sequence: 1,
    request,
    terms,
    ...price,
    channel: null,
    asset: null,
    refund: null,
    failureReason: null,
    openRequest: null,
    lspState: null,
    createdAt: now,
    updatedAt: now,
    expiresAt: null,
    checkedAt: null,
    paymentSeenAt: null,
    fundedAt: null,
    ...changes,
  }
  return JSON.stringify({
    format: 'sluice-order',
    version: 1,
    lsp: { network: 'REGTEST', needsAccessToken: false, sealedAccessToken: null, ...lsp },
    quote: {
      id: randomUUID(),
      basis: 'FIRM',
      ...price,
      bolt11FeeTotalSat: 1_000,
      onchainFeeTotalSat: null,
      terms,
      notes: [],
      request,
      createdAt: now,
      observedAt: null,
      expiresAt: now,
    },
    order,
    events: [{ sequence: 1, at: now, previousState: null, state: order.state, message: 'ordered', order }],
  })
}
