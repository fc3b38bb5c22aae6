import { bech32 } from '@scure/base'
import { describe, expect, test } from 'vitest'
import { decodeInvoice } from '../../src/domain/invoice.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  counting,
  course,
  eventsOf,
  follow,
  orderAt,
  pay,
  readOrder,
  sequencesOf,
  SIZE_SAT,
  type EventData,
  type DetailsData,
  type OrderData,
  type Transport,
  lasting,
} from '../support/operations.ts'

/** Long enough for every step to be read at least once, however busy the machine. */
const STEP_MS = 500
const BLOCK_MS = 600_000
const TXID = /^[0-9a-f]{64}$/
const OUTPOINT = /^[0-9a-f]{64}:\d+$/
const SCID = /^\d+x\d+x\d+$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/

/** Beacon's hint for a first payment is among what is followed. */
const REGISTERING = () => ({ registerJit: true })

interface Expected {
  clientBalanceSat: number
  feeTotalSat: number
  terms: Pick<OrderData, 'channelExpiryBlocks' | 'requiredChannelConfirmations' | 'fundingConfirmsWithinBlocks'>
  /** From the order to its end. */
  course: string[]
  lspStates: string[]
  isOver: (event: EventData) => boolean
  /** Whether nothing more can happen then. */
  ends: boolean
  channel: (order: DetailsData) => Record<string, unknown>
  onchain: Record<string, unknown>
  /** An on-chain payment is seen when it has so many confirmations, so there is a state before that. */
  onchainCourse: string[]
}

const PAY = 'AWAITING_PAYMENT CLIENT PAY'
const END = 'COMPLETED NOBODY NOTHING'
const isCompleted = ({ state }: EventData) => state === 'COMPLETED'
const isOpen = ({ snapshot: order }: EventData) => order.channel?.state === 'OPEN'
const LEASE_OF_13_WEEKS = {
  channelExpiryBlocks: 13_104,
  requiredChannelConfirmations: null,
  fundingConfirmsWithinBlocks: null,
}

const EVERY: Record<string, Expected> = {
  olive: {
    clientBalanceSat: 50_000,
    feeTotalSat: 5_200,
    terms: { channelExpiryBlocks: 12_960, requiredChannelConfirmations: 1, fundingConfirmsWithinBlocks: 6 },
    course: [PAY, 'PAYMENT_HELD LSP WAIT', END],
    lspStates: ['CREATED', 'COMPLETED'],
    isOver: isCompleted,
    ends: true,
    channel: (order) => ({
      state: 'OPENING',
      channelId: null,
      shortChannelId: null,
      fundingOutpoint: expect.stringMatching(OUTPOINT),
      fundedAt: expect.stringMatching(INSTANT),
      expiresAt: leaseEnd(order),
      closingTxid: null,
    }),
    onchain: { minConfirmations: 1, minFeeFor0Conf: null, paidSat: null },
    onchainCourse: [PAY, 'PAID LSP WAIT', END],
  },
  kestrel: {
    clientBalanceSat: 50_000,
    feeTotalSat: 4_107,
    terms: { channelExpiryBlocks: 12_960, requiredChannelConfirmations: 1, fundingConfirmsWithinBlocks: 6 },
    course: [PAY, 'PAID LSP WAIT', 'CHANNEL_OPENING LSP WAIT', END],
    lspStates: ['CREATED', 'CHANNEL_OPENING', 'COMPLETED'],
    isOver: isCompleted,
    ends: true,
    channel: (order) => ({
      state: 'OPENING',
      channelId: expect.stringMatching(TXID),
      shortChannelId: null,
      fundingOutpoint: expect.stringMatching(OUTPOINT),
      fundedAt: expect.stringMatching(INSTANT),
      expiresAt: leaseEnd(order),
      closingTxid: null,
    }),
    onchain: { minConfirmations: 0, minFeeFor0Conf: 253, paidSat: 54_107 },
    onchainCourse: [PAY, 'PAID LSP WAIT', 'CHANNEL_OPENING LSP WAIT', END],
  },
  thunder: {
    clientBalanceSat: 0,
    feeTotalSat: 2_515,
    terms: { channelExpiryBlocks: 12_960, requiredChannelConfirmations: null, fundingConfirmsWithinBlocks: null },
    course: [PAY, 'CHANNEL_OPENING LSP WAIT', END],
    lspStates: ['Pending', 'Succeeded'],
    isOver: isCompleted,
    ends: true,
    channel: (order) => ({
      state: 'OPEN',
      channelId: expect.stringMatching(TXID),
      shortChannelId: null,
      fundingOutpoint: null,
      // Seed 003 §3: the channel's `created_at`. The end of the lease is computed from it.
      fundedAt: expect.stringMatching(INSTANT),
      expiresAt: leaseEnd(order),
      closingTxid: null,
    }),
    onchain: { minConfirmations: null, minFeeFor0Conf: null, paidSat: null },
    onchainCourse: [PAY, 'CHANNEL_OPENING LSP WAIT', END],
  },
  anchor: {
    clientBalanceSat: 50_000,
    feeTotalSat: 5_890,
    terms: LEASE_OF_13_WEEKS,
    course: [PAY, 'PAID LSP WAIT', END],
    lspStates: ['CREATED', 'PENDING', 'OPENING', 'OPENED'],
    isOver: isOpen,
    ends: false,
    channel: () => ({
      state: 'OPEN',
      channelId: null,
      shortChannelId: expect.stringMatching(SCID),
      fundingTxid: expect.stringMatching(TXID),
      fundingOutpoint: null,
      fundedAt: null,
      expiresAt: expect.stringMatching(INSTANT),
      closingTxid: null,
    }),
    onchain: { minConfirmations: null, minFeeFor0Conf: null, paidSat: 55_890 },
    onchainCourse: [PAY, 'PAID LSP WAIT', END],
  },
  beacon: {
    clientBalanceSat: 50_000,
    feeTotalSat: 7_208,
    // It sells no lease shorter than half a year.
    terms: { ...LEASE_OF_13_WEEKS, channelExpiryBlocks: 26_208 },
    course: [PAY, 'PAID GATEWAY WAIT', 'PAID LSP WAIT', END],
    lspStates: ['AWAITING_PAYMENT', 'PENDING_CHANNEL_OPEN', 'COMPLETED'],
    isOver: isOpen,
    ends: false,
    channel: () => ({
      state: 'OPEN',
      channelId: null,
      shortChannelId: expect.stringMatching(SCID),
      fundingOutpoint: expect.stringMatching(OUTPOINT),
      fundedAt: expect.stringMatching(INSTANT),
      expiresAt: expect.stringMatching(INSTANT),
      closingTxid: null,
    }),
    onchain: { minConfirmations: null, minFeeFor0Conf: null, paidSat: 57_208 },
    onchainCourse: [PAY, 'PAID GATEWAY WAIT', 'PAID LSP WAIT', END],
  },
}

/** In the LSPS1 family the lease begins with the funding transaction, and a block takes ten minutes. */
const leaseEnd = ({ channel, channelExpiryBlocks }: DetailsData) =>
  new Date(Date.parse(channel?.fundedAt ?? '') + channelExpiryBlocks * BLOCK_MS).toISOString()

const isDraft = (lspId: string) => lspId === 'anchor' || lspId === 'beacon'
const lsps = Object.entries(EVERY)
const transports: readonly Transport[] = ['WebSocket', 'SSE']

async function playThrough(
  gateway: TestGateway,
  lspId: string,
  expected: Expected,
  over: Transport,
  way: 'BOLT11' | 'ONCHAIN',
) {
  const refundOnchainAddress = way === 'ONCHAIN' ? gateway.sandbox.wallet.newAddress() : null
  const ordered = await orderAt(gateway, lspId, { clientBalanceSat: expected.clientBalanceSat, refundOnchainAddress })
  const follower = follow(gateway, ordered.id, { over })
  await follower.until(() => true)
  // Beacon's node is registered for a first payment as soon as the order is read.
  if (lspId === 'beacon') await follower.until(({ snapshot: order }) => order.jitRouteHint !== null)
  await pay(gateway, ordered.id, way)
  const last = await follower.until(expected.isOver)
  if (expected.ends) await follower.end()
  else await follower.stop()
  return { ordered, refundOnchainAddress, events: follower.events, last: last.snapshot }
}

describe.concurrent('an order is placed, paid and followed to its end, with every field that the protocol fills', () => {
  for (const [lspId, expected] of lsps) {
    for (const over of transports) {
      test(`at ${lspId} over ${over}`, async () => {
        await using gateway = await startTestGateway({ sandbox: { only: [lspId], stepMs: STEP_MS }, lsp: REGISTERING })
        const { ordered, events, last } = await playThrough(gateway, lspId, expected, over, 'BOLT11')

        expect(sequencesOf(events)).toEqual(counting(1, events.length))
        expect(course(events)).toEqual(expected.course)
        expect([...new Set(events.map(({ snapshot: order }) => order.lspState))]).toEqual(expected.lspStates)
        for (const [index, event] of events.entries()) {
          expect(event).toMatchObject({
            previousState: events[index - 1]?.state ?? null,
            state: event.snapshot.state,
            orderId: ordered.id,
            snapshot: { orderId: ordered.id, sequence: event.sequence },
          })
          expect(event.message).not.toBe('')
        }
        const [pubkey] = (gateway.sandbox.lsp(lspId).nodeUris[0] ?? '').split('@')
        expectOffer(ordered, expected, pubkey ?? '', gateway.sandbox.wallet.pubkey)
        expect(events[0]?.snapshot).toMatchObject({
          // Anchor reports 0 sat at the first poll.
          payment: {
            ...ordered.payment,
            onchain: ordered.payment.onchain && { ...ordered.payment.onchain, paidSat: expect.toBeOneOf([null, 0]) },
          },
          nextStep: { deadline: ordered.payment.payableUntil },
          channel: null,
          checkedAt: expect.stringMatching(INSTANT),
        })

        // The terms, the price and the invoice stay; what moved is the payment's state, and the channel.
        expect(last).toMatchObject({
          ...expected.terms,
          feeTotalSat: ordered.feeTotalSat,
          orderTotalSat: ordered.orderTotalSat,
          lspOrderId: ordered.lspOrderId,
          payment: { bolt12: null },
        })
        expect(last.payment.bolt11).toEqual({ ...ordered.payment.bolt11, state: 'PAID' })
        expect(last.channel).toMatchObject(expected.channel(last))
        expect(last).toMatchObject({ asset: null, failureReason: null })
        expect(gateway.sandbox.wallet.payment(ordered.payment.bolt11?.paymentHash ?? '')).toMatchObject({
          state: 'SUCCEEDED',
          amountSat: ordered.orderTotalSat,
        })

        // What was told live is what is kept.
        expect(lasting(await eventsOf(gateway, ordered.id))).toEqual(lasting(events))
        const { orderId, ...details } = last
        expect(await readOrder(gateway, orderId)).toMatchObject({
          ...details,
          id: ordered.id,
          checkedAt: expect.stringMatching(INSTANT),
        })
      })
    }
  }
})

function expectOffer(order: OrderData, expected: Expected, lspPubkey: string, walletPubkey: string) {
  const orderTotalSat = expected.feeTotalSat + expected.clientBalanceSat
  expect(order).toMatchObject({
    quote: { id: expect.any(String) },
    sequence: 1,
    clientPubkey: walletPubkey,
    lspBalanceSat: SIZE_SAT,
    clientBalanceSat: expected.clientBalanceSat,
    ...expected.terms,
    // ThunderStack's request form and draft 0.0.1 have no field for it.
    announceChannel: ['thunder', 'anchor'].includes(order.lsp.id) ? null : false,
    feeTotalSat: expected.feeTotalSat,
    orderTotalSat,
    refund: null,
    lspOrderId: expect.stringMatching(/./),
  })
  const { bolt11, onchain, bip21 } = order.payment
  // The drafts have no field for a refund address: their on-chain option needs none.
  if (!isDraft(order.lsp.id)) expect(onchain).toBeNull()
  const invoice = bolt11?.invoice ?? ''
  const decoded = decodeInvoice(invoice)
  expect(decoded).toMatchObject({
    amountMsat: BigInt(orderTotalSat) * 1000n,
    payeePubkey: lspPubkey,
    networks: ['REGTEST'],
  })
  expect(bolt11).toMatchObject({
    state: 'EXPECT_PAYMENT',
    feeTotalSat: expected.feeTotalSat,
    orderTotalSat,
    payeePubkey: lspPubkey,
    paymentHash: decoded.paymentHash,
  })
  expect(Date.parse(bolt11?.expiresAt ?? '')).toBeLessThanOrEqual(decoded.expiresAt)
  expect(Date.parse(bolt11?.expiresAt ?? '')).toBeGreaterThan(Date.parse(order.createdAt))
  // Without an address it is BIP 321's form.
  const onchainPart = onchain === null ? '?' : `${onchain.address}?amount=${orderTotalSat / 1e8}&`
  expect(bip21).toBe(`bitcoin:${onchainPart}lightning=${invoice}`)
  expect(order.expiresAt).toMatch(INSTANT)
}

describe.concurrent('an order can be paid on chain where a refund could be sent back', () => {
  for (const [lspId, expected] of lsps) {
    test(`at ${lspId}`, async () => {
      await using gateway = await startTestGateway({ sandbox: { only: [lspId], stepMs: STEP_MS }, lsp: REGISTERING })
      const { ordered, refundOnchainAddress, events, last } = await playThrough(
        gateway,
        lspId,
        expected,
        'WebSocket',
        'ONCHAIN',
      )
      const { bolt11, onchain, bip21 } = ordered.payment
      expect(onchain).toMatchObject({
        state: 'EXPECT_PAYMENT',
        feeTotalSat: expected.feeTotalSat,
        orderTotalSat: ordered.orderTotalSat,
        refundOnchainAddress: isDraft(lspId) ? null : refundOnchainAddress,
        address: expect.stringMatching(/^bcrt1q/),
        expiresAt: expect.stringMatching(INSTANT),
      })
      expect(bip21).toBe(
        `bitcoin:${onchain?.address}?amount=${ordered.orderTotalSat / 1e8}&lightning=${bolt11?.invoice}`,
      )

      expect(sequencesOf(events)).toEqual(counting(1, events.length))
      expect(course(events)).toEqual(expected.onchainCourse)
      expect(last.payment.onchain).toMatchObject({ ...expected.onchain, state: 'PAID', address: onchain?.address })
      expect(last.channel).toMatchObject(expected.channel(last))
      expect(gateway.sandbox.wallet.spentSat()).toBe(ordered.orderTotalSat)
    })
  }
})

test.concurrent('an LNURL that opens the channel and the hint for a first payment are told by the LSPs that give them', async () => {
  await using gateway = await startTestGateway({
    sandbox: { only: ['anchor', 'beacon'], stepMs: STEP_MS },
    lsp: REGISTERING,
  })
  const lnurl = (url: string, id: string | null) =>
    bech32.encode('lnurl', bech32.toWords(new TextEncoder().encode(`${url}/lnurl/${id}`)), false)
  const [anchorLsp, beaconLsp] = [gateway.sandbox.lsp('anchor'), gateway.sandbox.lsp('beacon')]

  // Anchor says both when it takes the order.
  const anchor = await orderAt(gateway, 'anchor')
  expect(anchor.lnurlChannel).toBe(lnurl(anchorLsp.url, anchor.lspOrderId))
  expect(anchor.jitRouteHint).toEqual({
    shortChannelId: expect.stringMatching(SCID),
    nodePubkey: anchorLsp.nodeUris[0]?.split('@')[0],
    feePerPaymentSat: 295,
  })

  // Beacon gives the hint to whoever registers a node, and the LNURL to whoever paid.
  const beacon = await orderAt(gateway, 'beacon')
  expect(beacon).toMatchObject({ lnurlChannel: null, jitRouteHint: null })
  const follower = follow(gateway, beacon.id)
  const registered = await follower.until(({ snapshot: order }) => order.jitRouteHint !== null)
  expect(registered.message).toBe('a first payment can open the channel')
  expect(registered.snapshot.jitRouteHint).toEqual({
    shortChannelId: expect.stringMatching(SCID),
    nodePubkey: beaconLsp.nodeUris[0]?.split('@')[0],
    feePerPaymentSat: 361,
  })
  await pay(gateway, beacon.id)
  const paid = await follower.untilState('PAID')
  expect(paid.snapshot.lnurlChannel).toBe(lnurl(beaconLsp.url, beacon.lspOrderId))
  expect(paid.snapshot.refund).toEqual({
    state: 'AVAILABLE',
    lightningSat: 7_208,
    onchainSat: 6_708,
    paidTo: null,
    paidAt: null,
  })
})
