import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SANDBOX_ASSET } from '../../src/sandbox/asset.ts'
import {
  startSandbox,
  type Fault,
  type ObservedExchange,
  type Sandbox,
  type SandboxLsp,
} from '../../src/sandbox/index.ts'
import { HOUR_MS } from '../../src/domain/time.ts'
import { answerViolations, documentedWords, requestViolations } from '../support/specs.ts'
import { Answered, get, post, SetClock, STEP_MS } from './support.ts'

let clock: SetClock
let sandbox: Sandbox
let exchanges: ObservedExchange[]

beforeEach(async () => {
  clock = new SetClock()
  exchanges = []
  sandbox = await startSandbox({ stepMs: STEP_MS, clock, observe: (exchange) => exchanges.push(exchange) })
})
afterEach(() => sandbox.close())

/** An order, as the tests over all protocols use it. */
interface Placed {
  readonly invoice: string
  readonly offer: string | null
  readonly address: string | null
  readonly totalSat: number
  readonly read: () => Promise<Answered>
  /** Everything else that a client can do with the order now. */
  readonly act: (read: Answered) => Promise<void>
}

interface Client {
  /** Asks for all that needs no order, and sends requests that are refused. */
  readonly look: (lsp: SandboxLsp) => Promise<void>
  /** null: refused. */
  readonly place: (lsp: SandboxLsp) => Promise<Placed | null>
  /** The fields of the answers that have the document's words, by operation; `never`: those that it leaves out. */
  readonly words: readonly { operation: string; path: string; never?: readonly string[] }[]
}

const numberAt = (answer: Answered, path: string) => Number(answer.at(path))
const textAt = (answer: Answered, path: string) => {
  const text = answer.at(path)
  return typeof text === 'string' ? text : null
}

const CLIENTS: Record<string, Client> = {
  olive: {
    async look(olive) {
      await get(olive, '/get_info')
      await get(olive, '/get_order?order_id=unknown')
      for (const more of [{ lsp_balance_sat: '1' }, { token: 'STALE' }, { announce_channel: 1 }, { unknown: 1 }])
        await post(olive, '/create_order', { ...oliveRequest(), ...more })
    },
    async place(olive) {
      const answer = await post(olive, '/create_order', oliveRequest())
      if (answer.status !== 200) return null
      return {
        invoice: answer.text('payment.bolt11.invoice'),
        offer: textAt(answer, 'payment.bolt12.offer'),
        address: answer.text('payment.onchain.address'),
        totalSat: numberAt(answer, 'payment.bolt11.order_total_sat'),
        read: () => get(olive, `/get_order?order_id=${answer.text('order_id')}`),
        act: async () => {},
      }
    },
    words: [
      { operation: 'GET /get_order', path: 'order_state' },
      { operation: 'GET /get_order', path: 'payment.bolt11.state' },
      { operation: 'GET /get_order', path: 'payment.bolt12.state' },
      { operation: 'GET /get_order', path: 'payment.onchain.state' },
    ],
  },
  kestrel: {
    async look(kestrel) {
      await get(kestrel, '/get_info')
      await get(kestrel, '/network_info')
      await post(kestrel, '/get_order', { order_id: 'unknown' })
      await post(kestrel, '/rate_decision', { order_id: 'unknown', accept_new_rate: true })
      await post(kestrel, '/retry_delivery', { order_id: 'unknown' })
      const request = await kestrelRequest(kestrel)
      await post(kestrel, '/estimate_fees', { ...request, token: 'SLUICE10' })
      for (const more of [{ lsp_balance_sat: 1 }, { token: 'STALE' }, { rfq_id: 'x' }, { client_pubkey: null }])
        await post(kestrel, '/create_order', { ...request, ...more })
      for (const to_asset of [{ asset_id: 'x', layer: 'RGB_LN' }, { asset_id: 'x', layer: 'BTC_LN' }, {}])
        await post(kestrel, marketOf(kestrel), { from_asset: { asset_id: 'BTC', layer: 'BTC_LN' }, to_asset })
    },
    async place(kestrel) {
      const answer = await post(kestrel, '/create_order', await kestrelRequest(kestrel))
      if (answer.status !== 200) return null
      const order_id = answer.text('order_id')
      const access = { order_id, access_token: answer.text('access_token') }
      return {
        invoice: answer.text('payment.bolt11.invoice'),
        offer: null,
        address: answer.text('payment.onchain.address'),
        totalSat: numberAt(answer, 'payment.bolt11.order_total_sat'),
        read: () => post(kestrel, '/get_order', access),
        async act(read) {
          if (read.at('order_state') === 'PENDING_RATE_DECISION')
            await post(kestrel, '/rate_decision', { ...access, accept_new_rate: decisions++ % 2 === 0 })
          if (read.at('asset_delivery_status') === 'FAILED') await post(kestrel, '/retry_delivery', { order_id })
        },
      }
    },
    words: [
      { operation: 'POST /get_order', path: 'order_state' },
      { operation: 'POST /get_order', path: 'payment.bolt11.state' },
      { operation: 'POST /get_order', path: 'payment.onchain.state', never: ['HOLD'] },
      { operation: 'POST /get_order', path: 'payment.onchain.payment_status' },
      // Each order of this test buys an asset.
      { operation: 'POST /get_order', path: 'asset_delivery_status', never: ['NOT_REQUIRED'] },
      { operation: 'POST /retry_delivery', path: 'status', never: ['error'] },
    ],
  },
  thunder: {
    async look(thunder) {
      await get(thunder, '/get_info')
      await get(thunder, '/get_order?order_id=unknown')
      await post(thunder, '/create_order', { lsp_balance_sat: 1 })
    },
    async place(thunder) {
      const answer = await post(thunder, '/create_order', {
        lsp_balance_sat: 1_000_000,
        public_key: sandbox.wallet.uri,
        channel_expiry_blocks: 12_960,
        asset_id: SANDBOX_ASSET.asset_id,
        asset_amount: 1,
        refund_on_chain_address: sandbox.wallet.newAddress(),
      })
      if (answer.status !== 200) return null
      return {
        invoice: answer.text('payment.ln.invoice'),
        offer: null,
        address: new URL(answer.text('payment.btc_onchain.invoice')).pathname,
        totalSat: numberAt(answer, 'payment.ln.fee'),
        read: () => get(thunder, `/get_order?order_id=${answer.text('order_id')}`),
        act: async () => {},
      }
    },
    words: [
      // The text has two words for the same: Succeeded and Success.
      { operation: 'GET /get_order', path: 'status', never: ['Success'] },
      { operation: 'GET /get_order', path: 'payment.ln.status' },
      { operation: 'GET /get_order', path: 'payment.btc_onchain.status' },
      { operation: 'GET /get_order', path: 'channel.status', never: ['Success', 'Failed'] },
    ],
  },
  anchor: {
    async look(anchor) {
      await get(anchor, '/lsp/channel?order_id=unknown')
      await post(anchor, '/lsp/channel', {})
    },
    async place(anchor) {
      const answer = await post(anchor, '/lsp/channel', {
        node_connection_info: sandbox.wallet.uri,
        remote_balance: 1_000_000,
        channel_expiry: 1,
      })
      if (answer.status !== 200) return null
      return {
        invoice: answer.text('ln_invoice'),
        offer: null,
        address: answer.text('btc_address'),
        totalSat: numberAt(answer, 'order_total'),
        read: () => get(anchor, `/lsp/channel?order_id=${answer.text('order_id')}`),
        async act(read) {
          const scid = textAt(read, 'scid')
          if (scid === null || read.at('state') !== 'OPENED') return
          const query = `scid=${scid}&valid_to=${Math.floor(clock.now() / 1_000) + 600}`
          const signature = sandbox.wallet.signMessage(`${anchor.url}/lsp/channel/renew/?${query}`)
          const renewal = await get(anchor, `/lsp/channel/renew?${query}&signedmessage=${signature}`)
          await sandbox.wallet.payInvoice(renewal.text('ln_invoice')).catch(() => {})
          await get(anchor, `/lsp/channel?order_id=${renewal.text('id')}`)
        },
      }
    },
    words: [{ operation: 'GET /lsp/channel', path: 'state' }],
  },
  beacon: {
    async look(beacon) {
      await get(beacon, '/lsp/channels')
      await get(beacon, '/lsp/channels/unknown')
      await post(beacon, '/lsp/channels', {})
    },
    async place(beacon) {
      const answer = await post(beacon, '/lsp/channels', { remote_balance: 1_000_000, coupon_code: 'SLUICE10' })
      const path = `/lsp/channels/${answer.text('id')}`
      return {
        invoice: answer.text('ln_invoice'),
        offer: null,
        address: answer.text('btc_address'),
        totalSat: numberAt(answer, 'order_total'),
        read: () => get(beacon, path),
        act: (read) => actAtBeacon(beacon, path, read),
      }
    },
    words: [
      { operation: 'GET /lsp/channels/{id}', path: 'state' },
      { operation: 'GET /lsp/channels/{id}', path: 'payment.state' },
      { operation: 'GET /lsp/channels/{id}', path: 'channel.state' },
      { operation: 'GET /lsp/channels/{id}/refund', path: 'refund_state' },
      { operation: 'POST /lsp/channels/{id}/open', path: 'fail_reason' },
      { operation: 'POST /lsp/channels/{id}/refund', path: 'fail_reason' },
    ],
  },
}

let decisions = 0

const oliveRequest = () => ({
  public_key: sandbox.wallet.pubkey,
  lsp_balance_sat: '1000000',
  client_balance_sat: '0',
  required_channel_confirmations: 0,
  funding_confirms_within_blocks: 6,
  channel_expiry_blocks: 12_960,
  announce_channel: false,
  refund_onchain_address: sandbox.wallet.newAddress(),
})

const marketOf = (kestrel: SandboxLsp) => `${new URL(kestrel.url).origin}/api/v1/market/quote`

async function kestrelRequest(kestrel: SandboxLsp) {
  const quote = await post(kestrel, marketOf(kestrel), {
    from_asset: { asset_id: 'BTC', layer: 'BTC_LN' },
    to_asset: { asset_id: SANDBOX_ASSET.asset_id, layer: 'RGB_LN', amount: 2_500_000 },
  })
  return {
    client_pubkey: sandbox.wallet.pubkey,
    lsp_balance_sat: 1_000_000,
    client_balance_sat: 0,
    required_channel_confirmations: 0,
    funding_confirms_within_blocks: 1,
    channel_expiry_blocks: 12_960,
    refund_onchain_address: sandbox.wallet.newAddress(),
    asset_id: SANDBOX_ASSET.asset_id,
    client_asset_amount: 2_500_000,
    rfq_id: textAt(quote, 'rfq_id'),
  }
}

/** Opens the channel, and claims the refund of an order whose channel does not open. */
async function actAtBeacon(beacon: SandboxLsp, path: string, read: Answered): Promise<void> {
  if (read.status !== 200) return
  await get(beacon, `${path}/jit`)
  await get(beacon, `${path}/lnurl`)
  const node = { node_connection_string: sandbox.wallet.uri }
  const opened = await post(beacon, `${path}/open`, { announce_channel: false, ...node })
  const { body: refund } = await get(beacon, `${path}/refund`)
  const { refund_state, amounts } = refund as { refund_state: string; amounts: { lightning: number } | null }
  if (refund_state === 'AVAILABLE' && opened.at('fail_reason') === 'CHANNEL_REJECTED_BY_DESTINATION') {
    const paid = sandbox.wallet.createInvoice(amounts?.lightning ?? 0)
    await sandbox.wallet.payInvoice(paid)
    await post(beacon, `${path}/refund`, { lightning_invoice: paid })
    await post(beacon, `${path}/refund`, { onchain_address: sandbox.wallet.newAddress() })
  }
  if (refund_state !== 'AVAILABLE')
    await post(beacon, `${path}/refund`, { onchain_address: sandbox.wallet.newAddress() })
}

/** The ways in which a client pays, or does not. */
const PAYMENTS: Record<string, (order: Placed) => Promise<unknown>> = {
  nothing: async () => {},
  invoice: ({ invoice }) => sandbox.wallet.payInvoice(invoice),
  offer: async ({ offer }) => offer && sandbox.wallet.payOffer(offer),
  'too little': async ({ address }) => address && sandbox.wallet.payOnchain(address, 500),
  'too much': async ({ address, totalSat }) => address && sandbox.wallet.payOnchain(address, totalSat + 500),
  exactly: async ({ address, totalSat }) => address && sandbox.wallet.payOnchain(address, totalSat),
}

/** They break the transport; an answer of the protocol is not what they send. */
const TRANSPORT_FAULTS: readonly Fault[] = ['SLOW', 'HANGING', 'SERVER_ERROR', 'MALFORMED', 'RATE_LIMITED']

/** Orders, pays and follows an order to its end, and longer than it can be paid. */
async function play(client: Client, lsp: SandboxLsp, pay: (order: Placed) => Promise<unknown>): Promise<void> {
  const order = await client.place(lsp)
  if (!order) return
  // A fault can make the payment impossible.
  await pay(order).catch(() => {})
  for (let step = 0; step < 14; step += 1, clock.halfStep()) await order.act(await order.read())
  clock.pass(HOUR_MS)
  for (let step = 0; step < 4; step += 1, clock.pass(STEP_MS)) await order.act(await order.read())
}

describe.each(Object.entries(CLIENTS))('%s, with each of its faults and each way to pay,', (id, client) => {
  test('answers what its document says, and every word of it', { timeout: 120_000 }, async () => {
    const lsp = sandbox.lsp(id)
    await client.look(lsp)
    const faults = lsp.supportedFaults.filter((fault) => !TRANSPORT_FAULTS.includes(fault))
    for (const fault of [null, ...faults]) {
      lsp.setFaults(fault === null ? [] : [fault])
      for (const pay of Object.values(PAYMENTS)) await play(client, lsp, pay)
    }
    const violations = exchanges.flatMap(answerViolations).map(({ operation, text }) => `${operation}: ${text}`)
    expect([...new Set(violations)]).toEqual([])

    for (const { operation, path, never = [] } of client.words) {
      const keys = path.split('.')
      const documented = documentedWords(id, operation, keys).filter((word) => !never.includes(word))
      expect(new Set(wordsAt(id, operation, path)), `${operation} ${path}`).toEqual(new Set(documented))
    }
  })
})

function wordsAt(lspId: string, operation: string, path: string): string[] {
  const [method = '', documentPath = ''] = operation.split(' ')
  const pattern = new RegExp(`^${documentPath.replaceAll(/\{\w+\}/g, '[^/]+')}$`)
  const answers = exchanges.filter(
    ({ lspId: of, request }) => of === lspId && request.method === method && pattern.test(request.path),
  )
  const words = answers.map(({ answer }) => new Answered(answer.status, new Headers(), answer.body).at(path))
  return [...new Set(words.filter((word): word is string => typeof word === 'string'))]
}

test('a strict client finds a field that is missing, unknown or of another type, a word and a status', async () => {
  const olive = sandbox.lsp('olive')
  await post(olive, '/create_order', oliveRequest())
  const [exchange] = exchanges
  if (!exchange) throw new Error('no exchange')
  const answered = (body: object, status = 200) =>
    answerViolations({ ...exchange, answer: { status, body } }).map(({ text }) => text)
  const body = exchange.answer.body as Record<string, unknown>
  expect(answered(body)).toEqual([])
  expect(answered({ ...body, token: undefined })).toEqual(["200 must have required property 'token'"])
  expect(answered({ ...body, tokens: '' })).toEqual(['200 must NOT have additional properties: tokens'])
  expect(answered({ ...body, lsp_balance_sat: 1 })).toEqual(['200/lsp_balance_sat must be string'])
  expect(answered({ ...body, order_state: 'DONE' })).toEqual([expect.stringContaining('200/order_state must be equal')])
  expect(answered(body, 503)).not.toEqual([])
  expect(requestViolations(exchange)).toEqual([])
  expect(requestViolations({ ...exchange, request: { ...exchange.request, body: { lsp: 1 } } })).not.toEqual([])
  expect(requestViolations({ ...exchange, request: { ...exchange.request, path: '/orders' } })).not.toEqual([])
})
