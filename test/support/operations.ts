import type { Answer, TestGateway } from './gateway.ts'
import { assertPaymentAdvice } from './payment-advice.ts'

// The operations of a wallet, and what it reads of their answers.

export interface WayData {
  state: string
  feeTotalSat: number
  orderTotalSat: number
  expiresAt: string
}

export interface OrderData {
  id: string
  lsp: { id: string }
  quote: { id: string } | null
  state: string
  sequence: number
  nextStep: { actor: string; action: string; deadline: string | null; message: string }
  clientPubkey: string
  lspBalanceSat: number
  clientBalanceSat: number
  channelExpiryBlocks: number
  requiredChannelConfirmations: number | null
  fundingConfirmsWithinBlocks: number | null
  announceChannel: boolean
  feeTotalSat: number
  orderTotalSat: number
  payment: {
    payability: string
    bolt11: (WayData & { invoice: string; paymentHash: string; payeePubkey: string }) | null
    bolt12: (WayData & { offer: string }) | null
    onchain:
      | (WayData & {
          address: string
          minConfirmations: number | null
          minFeeFor0Conf: number | null
          refundOnchainAddress: string | null
          paidSat: number | null
        })
      | null
    bip21: string | null
    payableUntil: string | null
  }
  channel: {
    state: string
    channelId: string | null
    shortChannelId: string | null
    fundingTxid: string | null
    fundingOutpoint: string | null
    fundedAt: string | null
    expiresAt: string | null
    closingTxid: string | null
  } | null
  asset: Record<string, unknown> | null
  refund: {
    state: string
    lightningSat: number | null
    onchainSat: number | null
    paidTo: string | null
    paidAt: string | null
  } | null
  lnurlChannel: string | null
  jitRouteHint: { shortChannelId: string; nodePubkey: string | null; feePerPaymentSat: number | null } | null
  failureReason: string | null
  lspOrderId: string | null
  lspState: string | null
  createdAt: string
  updatedAt: string
  expiresAt: string | null
  checkedAt: string | null
}

/** What an order and its snapshots have in common. */
export type DetailsData = Omit<OrderData, 'id' | 'lsp' | 'quote' | 'clientPubkey' | 'createdAt'>
/** An order right after an event. */
export type SnapshotData = DetailsData & { orderId: string }

export interface EventData {
  id: string
  cursor: string
  orderId: string
  sequence: number
  createdAt: string
  previousState: string | null
  state: string
  message: string
  snapshot: SnapshotData
}

export interface QuoteData {
  id: string
  lsp: { id: string }
  basis: string
  feeTotalSat: number
  orderTotalSat: number
  expiresAt: string | null
}

/** An order, or whatever else the answer's union holds. */
export type Result = OrderData & {
  __typename: string
  code: string
  field: string | null
  retryAt: string | null
  expiredAt: string
  freshQuote: QuoteData
}

const WAY = 'state feeTotalSat orderTotalSat expiresAt'
export const PAYMENT_FIELDS = `payability bolt11 { ${WAY} invoice paymentHash payeePubkey } bolt12 { ${WAY} offer } onchain { ${WAY} address minConfirmations minFeeFor0Conf refundOnchainAddress paidSat } bip21 payableUntil`
export const CHANNEL_FIELDS =
  'state channelId shortChannelId fundingTxid fundingOutpoint fundedAt expiresAt closingTxid'
const DETAILS = `
  state sequence nextStep { actor action deadline message }
  lspBalanceSat clientBalanceSat channelExpiryBlocks requiredChannelConfirmations fundingConfirmsWithinBlocks announceChannel
  feeTotalSat orderTotalSat payment { ${PAYMENT_FIELDS} } channel { ${CHANNEL_FIELDS} }
  asset { assetId lspAmount clientAmount rfqId priceSat deliveryState deliveryPaymentHash deliveredAt deliveryError }
  refund { state lightningSat onchainSat paidTo paidAt } lnurlChannel jitRouteHint { shortChannelId nodePubkey feePerPaymentSat }
  failureReason lspOrderId lspState updatedAt expiresAt checkedAt`
export const ORDER_FIELDS = `
  id lsp { id } quote { id } clientPubkey createdAt ${DETAILS}`
export const EVENT_FIELDS = `
  id cursor orderId sequence createdAt previousState state message snapshot { orderId ${DETAILS} }`
const QUOTE_FIELDS = 'id lsp { id } basis feeTotalSat orderTotalSat expiresAt'
const ERROR_FIELDS = '__typename ... on UserError { message } ... on LspError { code field retryAt lsp { id } }'

export const QUOTES = `query ($request: ChannelRequestInput!, $lspIds: [ID!], $firm: FirmPolicy! = WHEN_NEEDED) {
  quotes(request: $request, lspIds: $lspIds, firm: $firm) { quotes { ${QUOTE_FIELDS} } failures { lsp { id } code message field } }
}`
export const CREATE_ORDER = `mutation ($input: CreateOrderInput!) {
  createOrder(input: $input) {
    ${ERROR_FIELDS} ... on Order { ${ORDER_FIELDS} } ... on QuoteExpiredError { expiredAt } ... on PriceChangedError { freshQuote: quote { ${QUOTE_FIELDS} } }
  }
}`
const ACTION_FIELDS = `${ERROR_FIELDS} ... on NotPossibleError { state } ... on Order { ${ORDER_FIELDS} }`
export const DECIDE_RATE = `mutation ($id: ID!, $accept: Boolean!) { decideRate(input: { orderId: $id, accept: $accept }) { ${ACTION_FIELDS} } }`
export const OPEN_CHANNEL = `mutation ($id: ID!, $nodeUri: String) { openChannel(input: { orderId: $id, nodeUri: $nodeUri }) { ${ACTION_FIELDS} } }`
export const REQUEST_REFUND = `mutation ($id: ID!, $to: RefundTargetInput!) {
  requestRefund(input: { orderId: $id, to: $to }) { ${ACTION_FIELDS} }
}`
export const ORDER = `query ($id: ID!) { order(id: $id) { ${ORDER_FIELDS} } }`
export const EVENTS = `query ($id: ID!, $after: Int! = 0) { order(id: $id) { events(afterSequence: $after) { nodes { ${EVENT_FIELDS} } } } }`
export const PAY =
  'mutation ($id: ID!, $way: SandboxPaymentWay! = BOLT11) { sandboxPay(id: $id, way: $way) { state txid } }'
export const ORDER_UPDATED = `subscription ($id: ID!, $after: Int) { orderUpdated(id: $id, afterSequence: $after) { ${EVENT_FIELDS} } }`
export const ALL_EVENTS = `subscription ($after: String) { events(after: $after) { ... on OrderEvent { ${EVENT_FIELDS} } } }`

/** A channel as most tests ask for it. */
export const SIZE_SAT = 1_000_000

export function requestOf({ sandbox: { wallet } }: TestGateway, more: Record<string, unknown> = {}) {
  return { clientPubkey: wallet.pubkey, clientAddress: wallet.address, lspBalanceSat: SIZE_SAT, ...more }
}

/** The price of one LSP. */
export async function quoteAt(
  gateway: TestGateway,
  lspId: string,
  more: Record<string, unknown> = {},
  firm = 'WHEN_NEEDED',
): Promise<QuoteData> {
  const { quotes } = await gateway.ask(QUOTES, { request: requestOf(gateway, more), lspIds: [lspId], firm })
  if (quotes.failures.length > 0) throw new Error(`no quote: ${JSON.stringify(quotes.failures)}`)
  return quotes.quotes[0]
}

let lastKey = 0

/** Orders under a key of its own, unless the input names one. */
export async function createOrder(
  gateway: TestGateway,
  input: {
    quoteId: string
    idempotencyKey?: string
    maxOrderTotalSat?: number
    paymentMethods?: string[]
    reference?: string
    email?: string
  },
): Promise<Result> {
  return (await gateway.ask(CREATE_ORDER, { input: { idempotencyKey: `key-${++lastKey}`, ...input } })).createOrder
}

/** An order that awaits its payment. */
export async function orderAt(
  gateway: TestGateway,
  lspId: string,
  more: Record<string, unknown> = {},
): Promise<OrderData> {
  const { id: quoteId } = await quoteAt(gateway, lspId, more)
  const order = await createOrder(gateway, { quoteId })
  if (order.state !== 'AWAITING_PAYMENT') throw new Error(`not ordered: ${JSON.stringify(order)}`)
  return order
}

export async function readOrder(gateway: TestGateway, id: string): Promise<OrderData> {
  return (await gateway.ask(ORDER, { id })).order
}

export async function eventsOf(gateway: TestGateway, id: string, after = 0): Promise<EventData[]> {
  return (await gateway.ask(EVENTS, { id, after })).order.events.nodes
}

export async function pay(
  gateway: TestGateway,
  id: string,
  way: 'BOLT11' | 'ONCHAIN' = 'BOLT11',
): Promise<{ state: string; txid: string | null }> {
  return (await gateway.ask(PAY, { id, way })).sandboxPay
}

export type Transport = 'WebSocket' | 'SSE'

/** Follows one order; with `after: null`, from where it stands. */
export function follow(
  gateway: TestGateway,
  id: string,
  { after = 0, over = 'WebSocket' }: { after?: number | null; over?: Transport } = {},
): Follower {
  return new Follower(
    over === 'SSE'
      ? gateway.subscribeSse(ORDER_UPDATED, { id, after })
      : gateway.subscribe(ORDER_UPDATED, { id, after }),
  )
}

export function followAll(gateway: TestGateway): Follower {
  return new Follower(gateway.subscribe(ALL_EVENTS))
}

const PATIENCE_MS = 10_000

/** Reads a subscription as far as somebody waits for it. */
export class Follower {
  /** What was read so far. */
  readonly events: EventData[] = []
  readonly #results: AsyncIterator<Answer>

  constructor(results: AsyncIterableIterator<Answer>) {
    this.#results = results
  }

  /** The first event of all that fits; it may have been read before. */
  async until(fits: (event: EventData) => boolean): Promise<EventData> {
    const read = this.events.find(fits)
    if (read) return read
    for (let event = await this.#next(); event; event = await this.#next()) if (fits(event)) return event
    throw new Error(`the stream ended after ${this.#summary()}`)
  }

  untilState(state: string): Promise<EventData> {
    return this.until((event) => event.state === state)
  }

  /** Reads on until the gateway ends the stream. */
  async end(): Promise<EventData[]> {
    while (await this.#next());
    return this.events
  }

  async stop(): Promise<void> {
    await this.#results.return?.()
  }

  async #next(): Promise<EventData | null> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`nothing more came after ${this.#summary()}`)), PATIENCE_MS)
    })
    try {
      const { done, value } = await Promise.race([this.#results.next(), late])
      if (done) return null
      if (value.errors) throw new Error(`the subscription failed: ${JSON.stringify(value.errors)}`)
      assertPaymentAdvice(value.data)
      const [event] = Object.values(value.data) as EventData[]
      if (!event) throw new Error('a result without data')
      this.events.push(event)
      return event
    } finally {
      clearTimeout(timer)
    }
  }

  #summary(): string {
    return JSON.stringify(this.events.map(({ sequence, message }) => `${sequence} ${message}`))
  }
}

/** Events without what is to be paid, which each shows as of now. */
export const lasting = (events: readonly EventData[]) =>
  events.map((event) => ({ ...event, snapshot: { ...event.snapshot, payment: null } }))

export const sequencesOf = (events: readonly EventData[]) => events.map(({ sequence }) => sequence)

/** `first`, the number after it, and so on. */
export const counting = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index)

/** State and next action of each event, without repetition. */
export function course(events: readonly EventData[]): string[] {
  const steps = events.map(({ snapshot: { state, nextStep } }) => `${state} ${nextStep.actor} ${nextStep.action}`)
  return steps.filter((step, index) => step !== steps[index - 1])
}
