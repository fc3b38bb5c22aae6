import { messagesOf } from '../support/messages.ts'
import { expect, test } from 'vitest'
import { sat } from '../../src/domain/money.ts'
import { due, NO_PAYMENT, payableUntil, shownOf, type Payment } from '../../src/domain/payment.ts'
import type { Order } from '../../src/domain/order-record.ts'
import type { PaymentState } from '../../src/domain/order.ts'
import { nextStepOf } from '../../src/domain/next-step.ts'
import { advance, type LspFacts } from '../../src/domain/progress.ts'
import { EMPTY_READING, type OrderReading, type ReadPaymentState } from '../../src/domain/reading.ts'
import { LightningNode } from '../../src/sandbox/node.ts'
import { orderRecord } from '../store/records.ts'

const NOW = 1_800_000_000_000
const LSP: LspFacts = { network: 'REGTEST', addressKinds: 'ANY', lspPubkeys: [] }
const STEP_LSP = { name: 'Olive', features: [] }
const LATER = NOW + 3_600_000
const COST = { feeTotalSat: sat(5_000), orderTotalSat: sat(5_000) }

function paymentOf(bolt11: PaymentState, onchain: PaymentState | null = null): Payment {
  return {
    ...NO_PAYMENT,
    bolt11: {
      ...COST,
      state: bolt11,
      invoice: 'lnbcrt-agreed',
      expiresAt: LATER,
      paymentHash: 'aa',
      payeePubkey: 'bb',
    },
    onchain: onchain && {
      ...COST,
      state: onchain,
      address: 'bcrt1-agreed',
      expiresAt: LATER,
      minConfirmations: null,
      minFeeFor0Conf: null,
      refundOnchainAddress: null,
      paidSat: null,
    },
  }
}

function orderWith(changes: Partial<Order> = {}): Order {
  return orderRecord({
    state: 'AWAITING_PAYMENT',
    ...COST,
    payment: paymentOf('EXPECT_PAYMENT'),
    lspOrderId: 'x',
    createdAt: NOW,
    updatedAt: NOW,
    expiresAt: LATER,
    paymentSeenAt: null,
    ...changes,
  })
}

function readingWith(
  state: ReadPaymentState,
  changes: Partial<OrderReading> = {},
  invoice = 'lnbcrt-agreed',
): OrderReading {
  return {
    ...EMPTY_READING,
    lspOrderId: 'x',
    lspState: 'CREATED',
    state: 'AWAITING_PAYMENT',
    payment: { bolt11: { ...COST, state, invoice, expiresAt: LATER }, bolt12: null, onchain: null },
    ...changes,
  }
}

test('an invoice that is swapped before it was paid is not handed out, whatever it asks for, and the event says so', () => {
  const { order, changes } = advance(orderWith(), readingWith('EXPECT_PAYMENT', {}, 'lnbcrt-another'), LSP, NOW + 1)
  expect(order).toMatchObject({
    orderTotalSat: 5_000,
    paymentWarning: 'the LSP replaced what is to be paid by something else',
    payment: { bolt11: { invoice: 'lnbcrt-agreed', state: 'FAILED' } },
  })
  expect(messagesOf(changes).join()).toContain('the LSP replaced what is to be paid')
  expect(shownOf(order, NOW + 1)).toEqual(NO_PAYMENT)
  // Put back, it is not trusted again.
  const back = advance(order, readingWith('EXPECT_PAYMENT'), LSP, NOW + 2)
  expect(shownOf(back.order, NOW + 2)).toEqual(NO_PAYMENT)
})

test('an order of LSPS1 that fails unpaid has expired; one that fails after a payment is refunded, or to be', () => {
  const failed = (order: Order, state: ReadPaymentState) =>
    advance(order, readingWith(state, { state: 'FAILED_OR_LAPSED', lspState: 'FAILED' }), LSP, NOW + 1).order
  expect(failed(orderWith(), 'REFUNDED_OR_LAPSED')).toMatchObject({
    state: 'EXPIRED',
    payment: { bolt11: { state: 'EXPIRED' } },
  })
  expect(failed(orderWith({ paymentSeenAt: NOW }), 'REFUNDED_OR_LAPSED')).toMatchObject({
    state: 'REFUNDED',
    payment: { bolt11: { state: 'REFUNDED' } },
  })
  expect(failed(orderWith({ paymentSeenAt: NOW }), 'HOLD')).toMatchObject({ state: 'REFUND_PENDING' })
})

test('a free channel that fails has failed: there was nothing to pay in time', () => {
  const free = orderWith({ feeTotalSat: sat(0), orderTotalSat: sat(0), payment: NO_PAYMENT, state: 'PAID' })
  const reading: OrderReading = {
    ...EMPTY_READING,
    lspOrderId: 'x',
    lspState: 'FAILED',
    state: 'FAILED_OR_LAPSED',
    payment: { bolt11: null, bolt12: null, onchain: null },
  }
  expect(advance(free, reading, LSP, NOW + 1).order.state).toBe('FAILED')
})

test('what an answer leaves out of the channel still holds', () => {
  const known = {
    state: 'OPENING' as const,
    channelId: null,
    shortChannelId: null,
    fundingOutpoint: 'tx:1',
    fundedAt: NOW,
    expiresAt: LATER,
    closingTxid: null,
  }
  const told = {
    ...known,
    state: 'OPEN' as const,
    shortChannelId: '1x2x3',
    fundingOutpoint: null,
    fundedAt: null,
    expiresAt: null,
  }
  const { order } = advance(
    orderWith({ channel: known, state: 'COMPLETED' }),
    readingWith('PAID', { state: 'COMPLETED', channel: told }),
    LSP,
    NOW + 1,
  )
  expect(order.channel).toEqual({ ...known, state: 'OPEN', shortChannelId: '1x2x3' })
})

test('a refund that could be had is none once the channel stands; one that was paid out stays', () => {
  const refund = (state: 'AVAILABLE' | 'PAID_OUT') => ({
    state,
    lightningSat: null,
    onchainSat: null,
    paidTo: null,
    paidAt: null,
  })
  const completed = (order: Order) =>
    advance(order, readingWith('PAID', { state: 'COMPLETED' }), LSP, NOW + 1).order.refund
  expect(completed(orderWith({ refund: refund('AVAILABLE') }))).toBeNull()
  expect(completed(orderWith({ refund: refund('PAID_OUT') }))).toMatchObject({ state: 'PAID_OUT' })
})

test('once one way was paid, none is due: nobody is to pay twice', () => {
  expect(due(both('HOLD', 'EXPECT_PAYMENT'), NOW)).toEqual(NO_PAYMENT)
  expect(due(both('EXPECT_PAYMENT', 'EXPECT_PAYMENT'), NOW)).toMatchObject({
    bolt11: { state: 'EXPECT_PAYMENT' },
    onchain: { state: 'EXPECT_PAYMENT' },
  })
})

test('the rest of what is underpaid is due where the first part went, not by an invoice for all of it', () => {
  expect(due(both('EXPECT_PAYMENT', 'UNDERPAID'), NOW)).toMatchObject({ bolt11: null, onchain: { state: 'UNDERPAID' } })
})

test('a way that has lapsed is not handed out, though the time for it is not over', () => {
  expect(shownOf(orderWith({ payment: paymentOf('EXPIRED'), expiresAt: LATER }), NOW)).toEqual(NO_PAYMENT)
})

/** An answer with a word for each way. */
function readingOf(
  state: OrderReading['state'],
  bolt11: ReadPaymentState,
  onchain: ReadPaymentState,
  paidSat: number | null = null,
): OrderReading {
  return readingWith(bolt11, {
    state,
    payment: {
      bolt11: { ...COST, state: bolt11, invoice: 'lnbcrt-agreed', expiresAt: LATER },
      bolt12: null,
      onchain: {
        ...COST,
        state: onchain,
        address: 'bcrt1-agreed',
        expiresAt: LATER,
        minConfirmations: null,
        minFeeFor0Conf: null,
        refundOnchainAddress: null,
        paidSat: paidSat === null ? null : sat(paidSat),
      },
    },
  })
}

const both = (bolt11: PaymentState, onchain: PaymentState) => orderWith({ payment: paymentOf(bolt11, onchain) })
const next = (order: Order, reading: OrderReading, at = NOW + 1) => advance(order, reading, LSP, at).order
const shown = (order: Order, at = NOW + 1) => shownOf(order, at)

test.each<[string, Order, OrderReading, object]>([
  [
    'held by one way, and lapsed by the other, is to be refunded',
    both('HOLD', 'EXPECT_PAYMENT'),
    readingOf('FAILED_OR_LAPSED', 'HOLD', 'REFUNDED_OR_LAPSED'),
    { state: 'REFUND_PENDING', payment: { onchain: { state: 'EXPIRED' } } },
  ],
  [
    'paid by one way, and lapsed by the other, is to be refunded',
    both('PAID', 'EXPECT_PAYMENT'),
    readingOf('FAILED_OR_LAPSED', 'PAID', 'REFUNDED_OR_LAPSED'),
    { state: 'REFUND_PENDING', payment: { onchain: { state: 'EXPIRED' } } },
  ],
  [
    'given back by the way that it was paid by is refunded',
    both('HOLD', 'EXPECT_PAYMENT'),
    readingOf('FAILED_OR_LAPSED', 'REFUNDED_OR_LAPSED', 'REFUNDED_OR_LAPSED'),
    { state: 'REFUNDED', payment: { bolt11: { state: 'REFUNDED' }, onchain: { state: 'EXPIRED' } } },
  ],
  [
    'of which too little was paid, and whose other way lapses, still wants the rest',
    both('EXPECT_PAYMENT', 'UNDERPAID'),
    readingOf('AWAITING_PAYMENT', 'REFUNDED_OR_LAPSED', 'UNDERPAID', 3_000),
    { state: 'UNDERPAID', payment: { bolt11: { state: 'EXPIRED' }, onchain: { state: 'UNDERPAID' } } },
  ],
])('an order %s', (_what, order, reading, expected) => {
  expect(next({ ...order, paymentSeenAt: NOW }, reading)).toMatchObject(expected)
})

test.each<PaymentState>(['HOLD', 'PAID', 'TO_REFUND', 'REFUNDED'])(
  'what was %s once is never due again, and that the LSP takes it back is told once',
  (state) => {
    const taken = advance(
      { ...both('EXPECT_PAYMENT', state), paymentSeenAt: NOW },
      readingOf('AWAITING_PAYMENT', 'EXPECT_PAYMENT', 'EXPECT_PAYMENT'),
      LSP,
      NOW + 1,
    )
    expect(messagesOf(taken.changes).join()).toContain('the LSP takes back that it was paid')
    expect(taken.order.payment.onchain?.state).toBe(state)
    expect(taken.order.state).not.toBe('AWAITING_PAYMENT')
    expect(shown(taken.order)).toMatchObject({ bolt11: null, onchain: { state } })
    expect(
      advance(taken.order, readingOf('AWAITING_PAYMENT', 'EXPECT_PAYMENT', 'EXPECT_PAYMENT'), LSP, NOW + 2).changes,
    ).toEqual([])
  },
)

test('what has arrived on chain never gets less, so that nothing is asked for twice', () => {
  const order = next(
    both('EXPECT_PAYMENT', 'EXPECT_PAYMENT'),
    readingOf('UNDERPAID', 'EXPECT_PAYMENT', 'UNDERPAID', 4_000),
  )
  const less = next(order, readingOf('AWAITING_PAYMENT', 'EXPECT_PAYMENT', 'EXPECT_PAYMENT', 0))
  expect(less).toMatchObject({ state: 'UNDERPAID', payment: { onchain: { state: 'UNDERPAID', paidSat: 4_000 } } })
  expect(shown(less)).toMatchObject({ bolt11: null, onchain: { paidSat: 4_000 } })
})

test('what was swapped stays withheld though the LSP claims that a satoshi has come', () => {
  const swapped = next(orderWith(), readingWith('EXPECT_PAYMENT', { paidSat: sat(1) }, 'lnbcrt-another'))
  expect(swapped.paymentWarning).toContain('replaced')
  expect(shown(swapped)).toEqual(NO_PAYMENT)
  expect(shown(next(swapped, readingWith('EXPECT_PAYMENT', { paidSat: sat(1) })))).toEqual(NO_PAYMENT)
  // Paid before that was seen, it is paid.
  expect(next(swapped, readingWith('PAID', { state: 'PAID' }))).toMatchObject({
    state: 'PAID',
    payment: { bolt11: { state: 'PAID' } },
  })
  // Nobody pays it, and some day it is over.
  expect(next(swapped, readingWith('EXPECT_PAYMENT'), LATER + 1).state).toBe('EXPIRED')
})

test.each<[string, Partial<OrderReading>]>([
  [
    'another price',
    {
      payment: {
        bolt11: {
          state: 'EXPECT_PAYMENT',
          feeTotalSat: sat(6_000),
          orderTotalSat: sat(6_000),
          invoice: 'lnbcrt-agreed',
          expiresAt: LATER,
        },
        bolt12: null,
        onchain: null,
      },
    },
  ],
  ['a channel of a tenth', { terms: { lspBalanceSat: sat(100_000) } }],
  ['a lease of a week', { terms: { channelExpiryBlocks: 1_008 } }],
  ['nothing on the client’s side', { terms: { clientBalanceSat: sat(0) } }],
])('an LSP that makes %s of an order is not paid', (_what, changes) => {
  const order = orderWith()
  const asked = {
    ...order,
    request: { ...order.request, clientBalanceSat: sat(1_000) },
    terms: { ...order.terms, clientBalanceSat: sat(1_000) },
  }
  const { order: worse, changes: told } = advance(asked, readingWith('EXPECT_PAYMENT', changes), LSP, NOW + 1)
  expect(worse.paymentWarning).not.toBeNull()
  expect(messagesOf(told).join()).toContain(worse.paymentWarning)
  expect(shown(worse)).toEqual(NO_PAYMENT)
})

test('a free channel for which an LSP asks to be paid later is not paid for', () => {
  const free = orderWith({
    feeTotalSat: sat(0),
    orderTotalSat: sat(0),
    payment: NO_PAYMENT,
    state: 'PAID',
    expiresAt: null,
  })
  const asked = advance(free, readingWith('EXPECT_PAYMENT'), LSP, NOW + 1)
  expect(asked.order).toMatchObject({
    state: 'PAID',
    payment: NO_PAYMENT,
    paymentWarning: 'the LSP asks to be paid for what was free',
  })
})

test('an order whose end is moved to the past is over, and says so', () => {
  expect(next(orderWith(), readingWith('EXPECT_PAYMENT', { expiresAt: NOW - 1 })).state).toBe('EXPIRED')
  expect(
    messagesOf(
      advance(orderWith(), readingWith('EXPECT_PAYMENT', { expiresAt: LATER - 60_000 }), LSP, NOW + 1).changes,
    ),
  ).toEqual([`payable until ${new Date(LATER - 60_000).toISOString()}`])
})

test('an order of which too little was paid stays that when its offer is swapped, and the rest is not to be paid', () => {
  const underpaid = next(
    both('EXPECT_PAYMENT', 'EXPECT_PAYMENT'),
    readingOf('UNDERPAID', 'EXPECT_PAYMENT', 'UNDERPAID', 4_000),
  )
  const repriced = readingOf('AWAITING_PAYMENT', 'EXPECT_PAYMENT', 'UNDERPAID', 4_000)
  const onchain = repriced.payment?.onchain
  if (onchain) onchain.orderTotalSat = sat(5_001)
  const swapped = next(underpaid, repriced)
  expect(swapped).toMatchObject({
    state: 'UNDERPAID',
    paymentWarning: expect.stringContaining('replaced'),
    payment: { onchain: { state: 'UNDERPAID' } },
  })
  expect(shown(swapped)).toEqual(NO_PAYMENT)
  expect(nextStepOf(swapped, STEP_LSP, NOW + 1)).toMatchObject({
    actor: 'CLIENT',
    action: 'CONTACT_LSP',
    message: expect.stringContaining('Do not pay the rest'),
  })
})

test('a payment that has failed after it was paid is not asked for again, by no way', () => {
  const paid = next(both('EXPECT_PAYMENT', 'EXPECT_PAYMENT'), readingOf('AWAITING_PAYMENT', 'PAID', 'EXPECT_PAYMENT'))
  const failed = next(paid, readingOf('AWAITING_PAYMENT', 'FAILED', 'EXPECT_PAYMENT'))
  expect(failed).toMatchObject({ state: 'AWAITING_PAYMENT', payment: { bolt11: { state: 'FAILED' } } })
  expect(shown(failed)).toEqual(NO_PAYMENT)
  expect(nextStepOf(failed, STEP_LSP, NOW + 1)).toMatchObject({
    actor: 'CLIENT',
    action: 'CONTACT_LSP',
    message: expect.stringContaining('Do not pay again'),
  })
})

test('what was seen to arrive is not asked for again, whichever way the LSP tells it by', () => {
  const unconfirmed = next(
    both('EXPECT_PAYMENT', 'EXPECT_PAYMENT'),
    readingOf('AWAITING_PAYMENT', 'EXPECT_PAYMENT', 'EXPECT_PAYMENT', COST.orderTotalSat),
  )
  const told = next(both('EXPECT_PAYMENT', 'EXPECT_PAYMENT'), {
    ...readingOf('AWAITING_PAYMENT', 'EXPECT_PAYMENT', 'EXPECT_PAYMENT'),
    paidSat: COST.orderTotalSat,
  })
  for (const order of [unconfirmed, told]) {
    expect(shown(order)).toEqual(NO_PAYMENT)
    expect(nextStepOf(order, STEP_LSP, NOW + 1)).toMatchObject({
      actor: 'LSP',
      action: 'WAIT',
      message: 'All 5000 sat have arrived. The LSP waits for confirmations.',
    })
  }
})

test('the rest is what is missing of the total, whichever way the LSP tells what has arrived by', () => {
  const underpaid = next(both('EXPECT_PAYMENT', 'EXPECT_PAYMENT'), {
    ...readingOf('UNDERPAID', 'EXPECT_PAYMENT', 'UNDERPAID'),
    paidSat: sat(4_000),
  })
  expect(shown(underpaid)).toMatchObject({ bolt11: null, onchain: { orderTotalSat: 5_000, paidSat: 4_000 } })
  expect(nextStepOf(underpaid, STEP_LSP, NOW + 1)).toMatchObject({
    actor: 'CLIENT',
    action: 'TOP_UP',
    message: '4000 sat of 5000 sat have arrived. Pay the remaining 1000 sat on-chain.',
  })
  // A later answer may leave it out again.
  expect(shown(next(underpaid, readingOf('UNDERPAID', 'EXPECT_PAYMENT', 'UNDERPAID')))).toMatchObject({
    onchain: { paidSat: 4_000 },
  })
})

test.each(['COMPLETED', 'FAILED', 'FAILED_OR_LAPSED', 'UNKNOWN', 'CHANNEL_OPENING'] as const)(
  'an order that is %s asks for nothing, though its payment options still expect a payment',
  (state) => {
    const order = next(both('EXPECT_PAYMENT', 'EXPECT_PAYMENT'), readingOf(state, 'EXPECT_PAYMENT', 'EXPECT_PAYMENT'))
    expect(shown(order)).toEqual(NO_PAYMENT)
    expect(payableUntil(order)).toBeNull()
  },
)

test('the end of an order stays when an answer leaves it out', () => {
  const order = orderWith({ expiresAt: NOW + 1_000 })
  expect(next(order, readingWith('EXPECT_PAYMENT')).expiresAt).toBe(NOW + 1_000)
})

test('an answer with the payment of another order says nothing else about this one', () => {
  const paid = readingWith(
    'PAID',
    {
      state: 'PAID',
      lnurlChannel: 'LNURL1OTHER',
      channel: {
        state: 'OPEN',
        channelId: null,
        shortChannelId: '1x2x3',
        fundingOutpoint: null,
        fundedAt: null,
        expiresAt: null,
        closingTxid: null,
      },
    },
    'lnbcrt-another',
  )
  const { order, changes } = advance(orderWith(), paid, LSP, NOW + 1)
  expect(order).toMatchObject({
    state: 'AWAITING_PAYMENT',
    paymentSeenAt: null,
    channel: null,
    lnurlChannel: null,
    paymentWarning: expect.stringContaining('replaced'),
  })
  expect(messagesOf(changes).join()).not.toContain('paid →')
  // It ends like any that was not paid.
  expect(advance(order, paid, LSP, LATER + 1).order.state).toBe('EXPIRED')
})

const JIT = { shortChannelId: '1x2x3', nodeId: `02${'ab'.repeat(32)}`, feePerPaymentSat: sat(1) }
test.each([
  ['a dearer one', { ...JIT, feePerPaymentSat: sat(999) }],
  ['one by another node', { ...JIT, nodeId: `03${'cd'.repeat(32)}` }],
])('%s in place of the first offer to open the channel with a payment is told, and blocks', (_what, jit) => {
  const { order, changes } = advance(orderWith({ jit: JIT }), readingWith('EXPECT_PAYMENT', { jit }), LSP, NOW + 1)
  expect(order).toMatchObject({ jit: JIT, paymentWarning: expect.stringContaining('what a first payment is charged') })
  expect(messagesOf(changes).join()).toContain('what a first payment is charged')
  expect(shown(order)).toEqual(NO_PAYMENT)
})

test('an asset that becomes another blocks', () => {
  const asset = { assetId: 'rgb:WANTED', lspAmount: '1000', clientAmount: null, rfqId: null }
  const asked = orderWith({ request: { ...orderWith().request, asset } })
  const told = {
    ...asset,
    assetId: 'rgb:OTHER',
    priceSat: null,
    deliveryStatus: null,
    deliveryPaymentHash: null,
    deliveredAt: null,
    deliveryError: null,
  }
  expect(next(asked, readingWith('EXPECT_PAYMENT', { asset: told }))).toMatchObject({
    paymentWarning: 'the LSP changed the asset of the channel',
    payment: { bolt11: { state: 'FAILED' } },
  })
  expect(
    next(asked, readingWith('EXPECT_PAYMENT', { asset: { ...told, assetId: asset.assetId } })).paymentWarning,
  ).toBeNull()
})

test('what was paid is paid, though it cost more than this gateway knows to have been agreed to', () => {
  const told = readingOf('AWAITING_PAYMENT', 'REFUNDED_OR_LAPSED', 'PAID', 6_000)
  const ways = told.payment
  if (!ways?.onchain || !ways.bolt11) throw new Error('both ways are told')
  const address = new LightningNode('the LSP', '127.0.0.1:9735')
  const dear = {
    ...told,
    payment: {
      ...ways,
      onchain: { ...ways.onchain, feeTotalSat: sat(6_000), orderTotalSat: sat(6_000), address: address.newAddress() },
      bolt11: null,
    },
  }
  const request = { ...orderWith().request, refundOnchainAddress: address.newAddress() }
  const imported = orderWith({
    request,
    payment: NO_PAYMENT,
    paymentUnconfirmed: true,
    importedAt: NOW,
    maxOrderTotalSat: sat(1_000),
    paymentWarning: 'not told yet',
  })
  expect(next(imported, dear)).toMatchObject({
    state: 'PAID',
    payment: { onchain: { state: 'PAID' } },
    paymentWarning: null,
  })
})

test('an invoice in upper case is the same invoice', () => {
  expect(next(orderWith(), readingWith('PAID', { state: 'COMPLETED' }, 'LNBCRT-AGREED'))).toMatchObject({
    state: 'COMPLETED',
    paymentWarning: null,
  })
})

test('an order that was seen to be paid is believed to be complete, though its LSP shows another invoice by then', () => {
  const opening = next(orderWith(), readingWith('EXPECT_PAYMENT', { state: 'CHANNEL_OPENING' }))
  expect(opening).toMatchObject({ state: 'CHANNEL_OPENING', paymentSeenAt: NOW + 1 })
  expect(next(opening, readingWith('EXPECT_PAYMENT', { state: 'COMPLETED' }, 'lnbcrt-another'))).toMatchObject({
    state: 'COMPLETED',
  })
})

test('where there is no payment option the rest, nobody is told to pay it', () => {
  const order = next(orderWith(), { ...readingWith('EXPECT_PAYMENT'), paidSat: sat(400) })
  expect(shown(order)).toEqual(NO_PAYMENT)
  expect(nextStepOf(order, STEP_LSP, NOW + 1)).toMatchObject({
    actor: 'CLIENT',
    action: 'CONTACT_LSP',
    message: expect.stringContaining('400 sat have arrived, and the rest can no longer be paid'),
  })
})
