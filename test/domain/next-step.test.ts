import { messagesOf } from '../support/messages.ts'
import { expect, test } from 'vitest'
import { nextStepOf, type NextStep, type StepLsp } from '../../src/domain/next-step.ts'
import { sat, type Sat } from '../../src/domain/money.ts'
import type { Order } from '../../src/domain/order-record.ts'
import { CHANNEL_STATES, ORDER_STATES, PAYMENT_STATES, REFUND_STATES, type Channel } from '../../src/domain/order.ts'
import { due, isSettled, NO_PAYMENT, optionsOf, payableUntil, shownOf, type Payment } from '../../src/domain/payment.ts'
import { advance, notFound, unanswered, type LspFacts } from '../../src/domain/progress.ts'
import {
  EMPTY_READING,
  type OrderReading,
  type ReadOrderState,
  type ReadPaymentState,
} from '../../src/domain/reading.ts'
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts'
import { NOW, orderRecord } from '../store/records.ts'

const FACTS: LspFacts = { network: 'REGTEST', addressKinds: 'ANY', lspPubkeys: [] }
const LSP: StepLsp = { name: 'Olive Lightning', features: [] }
const ON_REQUEST: StepLsp = { name: 'Beacon', features: ['OPEN_ON_REQUEST', 'REFUND'] }
const COST = { feeTotalSat: sat(2_000), orderTotalSat: sat(2_000) }
const ENDS_AT = NOW + HOUR_MS

const PAYMENT: Payment = {
  bolt11: {
    ...COST,
    state: 'EXPECT_PAYMENT',
    invoice: 'lnbcrt-agreed',
    expiresAt: ENDS_AT,
    paymentHash: 'aa',
    payeePubkey: 'bb',
  },
  bolt12: null,
  onchain: {
    ...COST,
    state: 'EXPECT_PAYMENT',
    address: 'bcrt1-agreed',
    expiresAt: ENDS_AT,
    minConfirmations: null,
    minFeeFor0Conf: null,
    refundOnchainAddress: null,
    paidSat: null,
  },
}

const ordered = (changes: Partial<Order> = {}) =>
  orderRecord({ ...COST, payment: PAYMENT, lspOrderId: 'lsp-7', expiresAt: ENDS_AT, ...changes })

const CHANNEL: Channel = {
  state: 'OPENING',
  channelId: null,
  shortChannelId: null,
  fundingOutpoint: `${'01'.repeat(32)}:0`,
  fundedAt: NOW,
  expiresAt: NOW + 90 * 24 * HOUR_MS,
  closingTxid: null,
}

interface Told {
  state?: ReadOrderState
  bolt11?: ReadPaymentState
  onchain?: ReadPaymentState
  word?: string
  paidSat?: Sat | null
  rest?: Partial<OrderReading>
}

function report({
  state = 'AWAITING_PAYMENT',
  bolt11 = 'EXPECT_PAYMENT',
  onchain = 'EXPECT_PAYMENT',
  ...more
}: Told = {}): OrderReading {
  const word = more.word === undefined ? {} : { stateWord: more.word }
  return {
    ...EMPTY_READING,
    lspOrderId: 'lsp-7',
    lspState: 'CREATED',
    state,
    paidSat: more.paidSat ?? null,
    payment: {
      bolt11: { ...COST, state: bolt11, invoice: 'lnbcrt-agreed', expiresAt: ENDS_AT, ...word },
      bolt12: null,
      onchain: {
        ...COST,
        state: onchain,
        address: 'bcrt1-agreed',
        expiresAt: ENDS_AT,
        minConfirmations: null,
        minFeeFor0Conf: null,
        refundOnchainAddress: null,
        paidSat: null,
        ...word,
      },
    },
    ...more.rest,
  }
}

const after = (order: Order, ...reports: OrderReading[]) =>
  reports.reduce((one, reading, index) => advance(one, reading, FACTS, NOW + 1 + index).order, order)
const stepOf = (order: Order, lsp = LSP, now = NOW + MINUTE_MS) => nextStepOf(order, lsp, now)

// -- the invariant ---------------------------------------------------------------------------------------

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function randomReport(random: () => number): OrderReading {
  const oneOf = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T
  const often = <T>(value: T, others: readonly T[]) => (random() < 0.6 ? value : oneOf(others))
  const states: ReadOrderState[] = [...ORDER_STATES, 'FAILED_OR_LAPSED']
  const payments: ReadPaymentState[] = [...PAYMENT_STATES, 'REFUNDED_OR_LAPSED']
  const reading = report({
    state: often<ReadOrderState>('AWAITING_PAYMENT', states),
    bolt11: often<ReadPaymentState>('EXPECT_PAYMENT', payments),
    onchain: often<ReadPaymentState>('EXPECT_PAYMENT', payments),
    ...(random() < 0.3 ? { word: 'ODD' } : {}),
    paidSat: often<Sat | null>(null, [sat(0), sat(500), sat(2_000), sat(9_000)]),
  })
  const refundState = oneOf(REFUND_STATES)
  return {
    ...reading,
    payment: random() < 0.1 ? null : reading.payment,
    channel: random() < 0.1 ? { ...CHANNEL, state: oneOf(CHANNEL_STATES) } : null,
    refund:
      random() < 0.2
        ? { state: refundState, lightningSat: sat(2_000), onchainSat: null, paidTo: null, paidAt: null }
        : null,
    failureReason: random() < 0.1 ? 'no liquidity.' : null,
    expiresAt: often<number | null>(null, [ENDS_AT, ENDS_AT - HOUR_MS, ENDS_AT + HOUR_MS]),
  }
}

/** The numbers of the message that neither the step nor the order, as a client sees them, has in a field. */
function uncarried({ message, ...fields }: NextStep, order: Order, at: number): string[] {
  const { refund, asset, orderTotalSat, lspOrderId, lspState, failureReason } = order
  const shown = JSON.stringify([
    fields,
    fields.deadline === null ? null : new Date(fields.deadline).toISOString(),
    order.checks.map(({ expected, actual }) => [expected, actual]),
    { refund, asset, orderTotalSat, lspOrderId, lspState, failureReason, payment: due(order, at) },
  ])
  return (message.match(/\d[\d.:-]*\d|\d/g) ?? []).filter((number) => !shown.includes(number))
}

test('over 1000 random courses, an order asks for a payment exactly if it has a payment option, and never after it has ended', () => {
  let payable = 0
  let unpayable = 0
  for (let seed = 1; seed <= 1_000; seed += 1) {
    const random = seeded(seed)
    let order = ordered()
    let hasEnded = false
    for (let round = 0; round < 14; round += 1) {
      // A clock that jumps, in both directions.
      const now = NOW + Math.floor((random() * 3 - 0.7) * HOUR_MS)
      const roll = random()
      const before = order
      order =
        roll < 0.1
          ? notFound(order, now).order
          : roll < 0.2
            ? unanswered(order, 'no answer', now).order
            : advance(order, randomReport(random), FACTS, now).order
      // As it is after a restart.
      order = JSON.parse(JSON.stringify(order)) as Order

      const wasOver = (before.state === 'EXPIRED' || before.state === 'FAILED') && before.paymentSeenAt === null
      if (wasOver && order.paymentSeenAt === null)
        expect([before.state, 'COMPLETED', 'REFUNDED']).toContain(order.state)
      hasEnded ||= ['EXPIRED', 'FAILED', 'COMPLETED', 'REFUNDED'].includes(order.state)

      for (const at of [now, NOW - HOUR_MS, NOW + MINUTE_MS, ENDS_AT - 1, ENDS_AT + HOUR_MS]) {
        const options = optionsOf(due(order, at))
        const next = nextStepOf(order, random() < 0.5 ? LSP : ON_REQUEST, at)
        const { action, message } = next
        const told = { seed, round, at, state: order.state, action, message }
        const broken = [
          (action === 'PAY' || action === 'TOP_UP') !== options.length > 0 &&
            'a payment without an option, or the reverse',
          (hasEnded || roll < 0.1) && options.length > 0 && 'an option after the end, or of an unknown order',
          roll < 0.1 && !optionsOf(shownOf(order, at)).every(isSettled) && 'an option of an unknown order',
          !/^[A-Z0-9].*\.$/.test(message) && 'no sentence',
          /undefined|null|NaN|\.\./.test(message) && 'a value is missing',
          uncarried(next, order, at).length > 0 && `no field has ${uncarried(next, order, at).join(', ')}`,
        ].filter((problem) => problem !== false)
        if (broken.length > 0) expect({ ...told, broken }).toEqual(told)
        if (options.length > 0) payable += 1
        else unpayable += 1
      }
    }
  }
  expect(payable).toBeGreaterThan(500)
  expect(unpayable).toBeGreaterThan(500)
})

// -- over is over ----------------------------------------------------------------------------------------

test.each(['EXPIRED', 'FAILED'] as const)(
  'an unpaid order that was %s stays that when the LSP reports it as open again, once with an event, and is never payable',
  (state) => {
    const over = after(ordered(), report({ state }))
    expect(over).toMatchObject({ state, paymentSeenAt: null })
    const again = advance(over, report(), FACTS, NOW + 10)
    expect(messagesOf(again.changes)).toEqual(['the LSP reports the order as open again; do not pay it'])
    expect(again.order.state).toBe(state)
    expect(stepOf(again.order)).toMatchObject({ actor: 'NOBODY', action: 'DO_NOT_PAY' })
    expect(advance(again.order, report(), FACTS, NOW + 20).changes).toEqual([])
    for (const now of [NOW - HOUR_MS, NOW + 20, ENDS_AT + HOUR_MS]) {
      expect(due(again.order, now)).toEqual(NO_PAYMENT)
      expect(shownOf(again.order, now)).toEqual(NO_PAYMENT)
    }
    expect(payableUntil(again.order)).toBeNull()

    // A payment moves it, and the rest of one is not payable.
    expect(after(again.order, report({ bolt11: 'HOLD' }))).toMatchObject({ state: 'PAYMENT_HELD' })
    const underpaid = after(again.order, report({ onchain: 'UNDERPAID', paidSat: sat(400) }))
    expect(underpaid).toMatchObject({ state: 'UNDERPAID', paidSat: 400 })
    expect(due(underpaid, NOW + 20)).toEqual(NO_PAYMENT)
    expect(stepOf(underpaid)).toMatchObject({ action: 'CONTACT_LSP', message: expect.stringContaining('400 sat') })
  },
)

test('an order that expired by a clock ahead of time stays expired when the clock is set back', () => {
  const late = advance(ordered(), report(), FACTS, ENDS_AT + 1)
  expect(late.order.state).toBe('EXPIRED')
  const back = advance(late.order, report(), FACTS, NOW + 1)
  expect(back.order.state).toBe('EXPIRED')
  expect(due(back.order, NOW + 1)).toEqual(NO_PAYMENT)
  // The same where the LSP does not answer.
  const silent = unanswered(ordered(), 'no answer in time', ENDS_AT + 1).order
  expect(advance(silent, report(), FACTS, NOW + 1).order.state).toBe('EXPIRED')
})

// -- what the step says ----------------------------------------------------------------------------------

test('an order that the LSP does not know is not payable until the LSP reports it again', () => {
  const { order: gone, changes } = notFound(ordered(), NOW + 1)
  expect(messagesOf(changes)).toEqual(['the LSP says that it does not know this order'])
  expect(due(gone, NOW + 1)).toEqual(NO_PAYMENT)
  expect(stepOf(gone)).toMatchObject({
    actor: 'NOBODY',
    action: 'DO_NOT_PAY',
    message: expect.stringContaining('quote its order id lsp-7'),
  })
  expect(notFound(gone, NOW + 2).changes).toEqual([])
  const back = advance(gone, report(), FACTS, NOW + 3)
  expect(messagesOf(back.changes)).toEqual(['the LSP knows this order again'])
  expect(stepOf(back.order)).toMatchObject({ action: 'PAY' })
})

test('a paid order that the LSP does not know sends its client to the LSP, with the amount and the order id', () => {
  const { order } = notFound(after(ordered(), report({ bolt11: 'PAID', state: 'PAID' })), NOW + 2)
  expect(stepOf(order)).toMatchObject({
    actor: 'CLIENT',
    action: 'CONTACT_LSP',
    message:
      'You paid 2000 sat, but the LSP says that it does not know this order. Do not pay again. Contact the LSP Olive Lightning (olive) and quote its order id lsp-7.',
  })
})

test('a payment state that the gateway does not know withholds its option alone, and names the word', () => {
  const odd = report({ bolt11: 'UNKNOWN', onchain: 'UNKNOWN', word: 'ODD' })
  const unknown = after(ordered(), odd)
  expect(stepOf(unknown)).toMatchObject({
    action: 'DO_NOT_PAY',
    message: expect.stringContaining('a payment state that the gateway does not know ("ODD")'),
  })
  const half = after(ordered(), report({ bolt11: 'UNKNOWN', word: 'ODD' }))
  expect(stepOf(half)).toMatchObject({
    action: 'PAY',
    message: 'Pay 2000 sat on-chain. Keep your node connected to the LSP.',
  })
  expect(stepOf(after(unknown, report()))).toMatchObject({ action: 'PAY' })
})

test('after the last moment to pay, the step says so', () => {
  expect(stepOf(ordered(), LSP, ENDS_AT - 1)).toMatchObject({
    action: 'DO_NOT_PAY',
    message: 'Do not pay: the time to pay has passed. Request a new quote.',
  })
})

test('an order that failed says whether it was paid, how much, the reason, and whom to contact', () => {
  const failed = report({ state: 'FAILED', rest: { failureReason: 'no liquidity' } })
  expect(stepOf(after(ordered(), report({ state: 'FAILED' })))).toEqual({
    code: 'FAILED',
    paidSat: null,
    actor: 'NOBODY',
    action: 'NOTHING',
    deadline: null,
    message: 'The order failed. Nothing was paid.',
  })
  expect(stepOf(after(ordered(), failed)).message).toBe(
    "The order failed. Nothing was paid. The LSP's reason: no liquidity.",
  )
  expect(stepOf(after(ordered(), report({ bolt11: 'PAID' }), { ...failed, payment: null }))).toMatchObject({
    actor: 'CLIENT',
    action: 'CONTACT_LSP',
    message:
      "You paid 2000 sat, but the order failed. The LSP's reason: no liquidity. Contact the LSP Olive Lightning (olive) for a refund and quote its order id lsp-7.",
  })
})

test.each(['FAILED', 'EXPIRED', 'PAID', 'REFUND_PENDING'] as const)(
  'a refund that is available is offered with its amounts while the order is %s',
  (state) => {
    const order = ordered({
      state,
      paymentSeenAt: NOW,
      payment: { ...NO_PAYMENT, bolt11: PAYMENT.bolt11 && { ...PAYMENT.bolt11, state: 'PAID' } },
      refund: { state: 'AVAILABLE', lightningSat: sat(2_000), onchainSat: sat(1_500), paidTo: null, paidAt: null },
    })
    expect(stepOf(order)).toMatchObject({
      actor: 'CLIENT',
      action: 'REQUEST_REFUND',
      message: expect.stringContaining('a refund is available, 2000 sat by Lightning or 1500 sat on-chain.'),
    })
  },
)

test('while the gateway asks for the channel, the gateway acts; once the node has refused it, both choices are named', () => {
  const refund = { state: 'AVAILABLE', lightningSat: sat(2_000), onchainSat: null, paidTo: null, paidAt: null } as const
  const paid = ordered({ state: 'PAID', paymentSeenAt: NOW, refund })
  expect(stepOf(paid, ON_REQUEST)).toMatchObject({ actor: 'GATEWAY', action: 'WAIT' })
  const failure = { message: 'your node refused the channel', isPeerMissing: false }
  const { actor, action, message } = stepOf({ ...paid, openRequest: { failure } }, ON_REQUEST)
  expect({ actor, action }).toEqual({ actor: 'CLIENT', action: 'OPEN_CHANNEL' })
  expect(message).toContain('call openChannel')
  expect(message).toContain('call requestRefund: a refund is available, 2000 sat by Lightning')
})
