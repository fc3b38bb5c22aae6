/** `ChannelRequestInput` of the schema. */
export type ChannelRequest = Record<string, unknown> & { clientPubkey: string; lspBalanceSat: number }

/** A quote to choose from. Quotes come best first. */
export interface QuoteChoice {
  id: string
  lsp: { id: string; name: string }
  basis: string
  feeTotalSat: number
  orderTotalSat: number
  expiresAt: string | null
}

/** An order that is being placed. Stored before it is sent. */
export interface Purchase {
  quoteId: string
  idempotencyKey: string
  maxOrderTotalSat: number
}

/** Where a purchase is kept over a crash. */
export interface PurchaseStore {
  /** null: none was stored. */
  load: () => Promise<Purchase | null>
  /** Resolves when the purchase would survive a crash. */
  save: (purchase: Purchase) => Promise<void>
}

export interface BuyPolicy {
  store: PurchaseStore
  /** Chooses a quote; null: none is acceptable. Default: the first. */
  choose?: (quotes: readonly QuoteChoice[]) => QuoteChoice | null
  /** The most that may leave the wallet, in satoshis. Default: what the quote said. */
  maxOrderTotalSat?: number
  /** Ask only these LSPs. Default: all. */
  lspIds?: readonly string[]
  /** Default: WHEN_NEEDED. */
  firm?: 'NEVER' | 'WHEN_NEEDED' | 'ALWAYS'
  /** Default: TOTAL_FEE. */
  rankBy?: string
  /** Pay by one of these only. Default: any. */
  paymentMethods?: readonly string[]
  reference?: string
}

/** The result of createOrder: an `Order` with `id`, or a UserError with `message`. */
export interface CreateOrderAnswer {
  __typename: string
  id?: string
  message?: string
  code?: string
}

type Ask = <Data>(query: string, variables?: Record<string, unknown>) => Promise<Data>

const QUOTES = `query ($request: ChannelRequestInput!, $lspIds: [ID!], $rankBy: QuoteRanking!, $firm: FirmPolicy!) {
  quotes(request: $request, lspIds: $lspIds, rankBy: $rankBy, firm: $firm) {
    quotes { id lsp { id name } basis feeTotalSat orderTotalSat expiresAt }
    failures { lsp { id } code message }
  }
}`
const CREATE_ORDER = `mutation ($input: CreateOrderInput!) {
  createOrder(input: $input) {
    __typename
    ... on Order { id }
    ... on UserError { message }
    ... on LspError { code }
  }
}`

interface Comparison {
  quotes: { quotes: QuoteChoice[]; failures: { lsp: { id: string }; code: string; message: string }[] }
}

/** No LSP gave an acceptable price. */
export class NoQuote extends Error {
  override name = 'NoQuote'
  readonly failures: Comparison['quotes']['failures']

  constructor({ quotes, failures }: Comparison['quotes']) {
    super(
      quotes.length > 0
        ? 'no quote is acceptable'
        : `no LSP gave a price: ${failures.map(({ lsp, message }) => `${lsp.id}: ${message}`).join('; ')}`,
    )
    this.failures = failures
  }
}

/** @throws NoQuote, SluiceError */
export async function buyChannel(ask: Ask, request: ChannelRequest, policy: BuyPolicy): Promise<CreateOrderAnswer> {
  const { store, paymentMethods, reference } = policy
  let purchase = await store.load()
  if (purchase === null) {
    purchase = await chosen(ask, request, policy)
    // Not sent before this: a key that is lost is an order that is lost.
    await store.save(purchase)
  }
  const { quoteId, idempotencyKey, maxOrderTotalSat } = purchase
  const input = { quoteId, idempotencyKey, maxOrderTotalSat, paymentMethods, reference }
  return (await ask<{ createOrder: CreateOrderAnswer }>(CREATE_ORDER, { input })).createOrder
}

async function chosen(ask: Ask, request: ChannelRequest, policy: BuyPolicy): Promise<Purchase> {
  const { lspIds, rankBy = 'TOTAL_FEE', firm = 'WHEN_NEEDED', choose = ([first]) => first ?? null } = policy
  const { quotes: comparison } = await ask<Comparison>(QUOTES, { request, lspIds, rankBy, firm })
  const quote = choose(comparison.quotes)
  if (quote === null) throw new NoQuote(comparison)
  return {
    quoteId: quote.id,
    idempotencyKey: globalThis.crypto.randomUUID(),
    maxOrderTotalSat: policy.maxOrderTotalSat ?? quote.orderTotalSat,
  }
}
