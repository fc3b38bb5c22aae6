import { expect, test } from 'vitest'
import type { Fault, ObservedExchange } from '../../src/sandbox/index.ts'
import { assetPurchase } from '../support/assets.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  createOrder,
  DECIDE_RATE,
  follow,
  pay,
  QUOTES,
  REQUEST_REFUND,
  requestOf,
  type EventData,
  type Follower,
} from '../support/operations.ts'
import { answerViolations, requestViolations } from '../support/specs.ts'

const RETRY = 'mutation ($id: ID!) { retryAssetDelivery(input: { orderId: $id }) { __typename } }'
const RENEWAL_MESSAGE =
  'query ($scid: String!, $validTo: DateTime!) { renewalMessage(lspId: "anchor", shortChannelId: $scid, validTo: $validTo) }'
const RENEW =
  'mutation ($input: RenewChannelInput!) { renewChannel(input: $input) { __typename ... on Renewal { id } ... on UserError { message } } }'

/** A base58 address on regtest. */
const BASE58 = 'mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn'

/** A gateway with one simulated LSP, and all that they say to each other. */
async function observed(lspId: string) {
  const exchanges: ObservedExchange[] = []
  const observe = (exchange: ObservedExchange) => void exchanges.push(exchange)
  // With registerJit, POST /jit of draft 0.0.2 is among the requests.
  const gateway = await startTestGateway({
    sandbox: { only: [lspId], stepMs: 100, observe },
    lsp: () => ({ registerJit: true }),
  })
  return { gateway, exchanges, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() }
}

/** Orders a channel; null where the gateway or the LSP refuses it. */
async function order(gateway: TestGateway, lspId: string, more: Record<string, unknown> = {}): Promise<string | null> {
  const { quotes } = await gateway.ask(QUOTES, {
    request: requestOf(gateway, more),
    lspIds: [lspId],
    firm: 'WHEN_NEEDED',
  })
  const quoteId: string | undefined = quotes.quotes[0]?.id
  return quoteId === undefined ? null : ((await createOrder(gateway, { quoteId })).id ?? null)
}

/** Orders, pays and follows an order until an event fits. */
async function playUntil(
  gateway: TestGateway,
  lspId: string,
  fits: (event: EventData) => boolean,
  { faults = [], more = {} }: { faults?: Fault[]; more?: Record<string, unknown> } = {},
): Promise<{ id: string; event: EventData; follower: Follower }> {
  gateway.sandbox.lsp(lspId).setFaults(faults)
  const id = await order(gateway, lspId, more)
  if (id === null) throw new Error(`no order at ${lspId}`)
  const follower = follow(gateway, id)
  await pay(gateway, id)
  return { id, event: await follower.until(fits), follower }
}

/** Requests with every field of ChannelRequest, each in a form that some protocol could dislike. */
const variations = (gateway: TestGateway, lspId: string): Record<string, unknown>[] => [
  {},
  { clientAddress: null },
  { clientBalanceSat: 20_000, announceChannel: true, refundOnchainAddress: gateway.sandbox.wallet.newAddress() },
  { requiredChannelConfirmations: 3, fundingConfirmsWithinBlocks: 144, channelExpiryBlocks: 4_032 },
  { tokens: [{ lspId, token: 'SLUICE10' }] },
  { refundOnchainAddress: BASE58 },
  { lspBalanceSat: 16_777_216 },
]

const isCompleted = ({ state }: EventData) => state === 'COMPLETED'
const isOpen = ({ snapshot: { channel } }: EventData) => channel?.state === 'OPEN'

/** Everything that a wallet can do at an LSP. */
const FLOWS: Record<string, (gateway: TestGateway) => Promise<unknown>> = {
  olive: (gateway) => playUntil(gateway, 'olive', isCompleted, { faults: ['OFFERS_BOLT12'] }),
  async kestrel(gateway) {
    const buying = async (faults: Fault[], fits: (event: EventData) => boolean) =>
      playUntil(gateway, 'kestrel', fits, {
        faults,
        more: { asset: await assetPurchase(gateway.sandbox) },
      })
    const repriced = await buying(['RATE_CHANGES'], ({ state }) => state === 'RATE_DECISION_REQUIRED')
    await gateway.ask(DECIDE_RATE, { id: repriced.id, accept: true })
    // 0.2.0 PairQuoteRequest: the gateway requests the quote by itself.
    const { rfqId: _, ...purchase } = await assetPurchase(gateway.sandbox)
    await order(gateway, 'kestrel', { fundingConfirmsWithinBlocks: 1, asset: purchase })
    const failed = await buying(['DELIVERY_FAILS'], ({ snapshot: { asset } }) => asset?.['deliveryState'] === 'FAILED')
    await gateway.ask(RETRY, { id: failed.id })
  },
  thunder: (gateway) => playUntil(gateway, 'thunder', isCompleted),
  async anchor(gateway) {
    const { event } = await playUntil(gateway, 'anchor', isOpen)
    const scid = event.snapshot.channel?.shortChannelId
    const validTo = new Date(Date.now() + 3_600_000).toISOString()
    const { renewalMessage } = await gateway.ask(RENEWAL_MESSAGE, { scid, validTo })
    const signedMessage = gateway.sandbox.wallet.signMessage(renewalMessage)
    const input = { lspId: 'anchor', shortChannelId: scid, term: { validTo }, signedMessage, idempotencyKey: 'renewal' }
    const { renewChannel } = await gateway.ask(RENEW, { input })
    expect(renewChannel).toMatchObject({ __typename: 'Renewal' })
    await gateway.ask('query ($id: ID!) { renewal(id: $id) { state } }', { id: renewChannel.id })
  },
  async beacon(gateway) {
    await playUntil(gateway, 'beacon', isOpen)
    const unpaid = await order(gateway, 'beacon')
    if (unpaid === null) throw new Error('no order at beacon')
    await follow(gateway, unpaid).until(({ snapshot: { jitRouteHint } }) => jitRouteHint !== null)
    const isRefundable = ({ snapshot: { refund } }: EventData) => refund?.state === 'AVAILABLE'
    for (const target of ['bolt11Invoice', 'onchainAddress']) {
      const { id, event } = await playUntil(gateway, 'beacon', isRefundable, { faults: ['REFUND'] })
      const { wallet } = gateway.sandbox
      const value =
        target === 'bolt11Invoice'
          ? wallet.createInvoice(event.snapshot.refund?.lightningSat ?? 0)
          : wallet.newAddress()
      await gateway.ask(REQUEST_REFUND, { id, to: { [target]: value } })
    }
  },
}

test.each(Object.entries(FLOWS))(
  'at %s every request of the adapter, and every answer to it, is what the document says',
  { timeout: 60_000 },
  async (lspId, flow) => {
    await using run = await observed(lspId)
    const { gateway, exchanges } = run
    for (const more of variations(gateway, lspId)) await order(gateway, lspId, more)
    await flow(gateway)

    expect(exchanges.flatMap(requestViolations)).toEqual([])
    expect(exchanges.flatMap(answerViolations)).toEqual([])
    expect(exchanges.length).toBeGreaterThan(10)
  },
)
