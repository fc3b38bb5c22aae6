import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Fault } from '../../src/sandbox/index.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import {
  follow,
  orderAt,
  pay,
  REQUEST_REFUND,
  type DetailsData,
  type Follower,
  type OrderData,
} from '../support/operations.ts'

// The whole flow over the wire at each of the five protocols: a refund, an expiry, an underpayment, an overpayment and a
// closed channel. Where a protocol has no word for one, its row says why, and what a wallet sees instead.
//
// One after the other: some of these tests set the clock of this process forward.

const LATER = `query ($id: ID!) { order(id: $id) {
  state nextStep { actor action message nodeUri } refund { state lightningSat onchainSat paidTo txid } overpaidSat leaseEndsAt
  checks { code verdict message } channel { state expiresAt closingTxid closedAt }
  payment { bolt11 { state isHold } onchain { state paidSat lastCheckedAt deposits { txid outputIndex amountSat confirmations isZeroConf } } payableUntil }
} }`
const TXID = /^[0-9a-f]{64}$/
const MISSING_SAT = 1_000
const EXCESS_SAT = 4_107

// oxlint-disable-next-line typescript/no-explicit-any -- tests read answers of any shape
const later = async (gateway: TestGateway, id: string): Promise<any> => (await gateway.ask(LATER, { id })).order

const systemNow = Date.now
let ahead = 0
function passUntil(instant: string | null) {
  ahead += Date.parse(instant ?? '') - Date.now() + 1_000
  vi.spyOn(Date, 'now').mockImplementation(() => systemNow() + ahead)
}

afterEach(() => {
  ahead = 0
  vi.restoreAllMocks()
})

interface Placed {
  gateway: TestGateway
  order: OrderData
  follower: Follower
  refundTo: string
}

/** Places an order that can be paid on-chain, and runs the test with it. Each step lasts for several polls, also on a busy machine. */
async function placed(lspId: string, faults: readonly Fault[], run: (placed: Placed) => Promise<void>): Promise<void> {
  await using gateway = await startTestGateway({ sandbox: { only: [lspId], stepMs: 500 } })
  gateway.sandbox.lsp(lspId).setFaults(faults)
  const refundTo = gateway.sandbox.wallet.newAddress()
  const order = await orderAt(gateway, lspId, { refundOnchainAddress: refundTo })
  const follower = follow(gateway, order.id)
  await run({ gateway, order, follower, refundTo })
  await follower.stop()
}

const isOpened = (order: DetailsData) => order.channel?.state === 'OPENING' || order.channel?.state === 'OPEN'
const checkOf = (order: { checks: { code: string }[] }, code: string) =>
  order.checks.find((check) => check.code === code)

describe('a refund after a failed open', () => {
  test('at olive cancels the held payment (bLIP-51 §3.1)', () =>
    placed('olive', ['REFUND'], async ({ gateway, order, follower }) => {
      expect(await later(gateway, order.id)).toMatchObject({ payment: { bolt11: { isHold: true } } })
      await pay(gateway, order.id)
      await follower.untilState('REFUNDED')
      expect((await later(gateway, order.id)).refund).toEqual({
        state: 'PAID_OUT',
        lightningSat: order.orderTotalSat,
        onchainSat: null,
        paidTo: null,
        txid: null,
      })
    }))

  test('at kestrel goes to the refund address (0.2.0 TO_REFUND and REFUNDED; no answer names the transaction)', () =>
    placed('kestrel', ['REFUND'], async ({ gateway, order, follower, refundTo }) => {
      await pay(gateway, order.id)
      await follower.untilState('REFUNDED')
      expect((await later(gateway, order.id)).refund).toEqual({
        state: 'PAID_OUT',
        lightningSat: null,
        onchainSat: order.orderTotalSat,
        paidTo: refundTo,
        txid: null,
      })
      expect(gateway.sandbox.wallet.receivedAt(refundTo)).toBe(order.orderTotalSat)
    }))

  test('at thunder is owed to the refund address, for ever: seed 003 has no word for a refund', () =>
    placed('thunder', ['REFUND'], async ({ gateway, order, follower, refundTo }) => {
      await pay(gateway, order.id)
      await follower.untilState('FAILED')
      expect(await later(gateway, order.id)).toMatchObject({
        refund: { state: 'IN_FLIGHT', onchainSat: order.orderTotalSat, paidTo: refundTo },
        nextStep: { actor: 'LSP', action: 'WAIT', message: expect.stringContaining(refundTo) },
      })
    }))

  test('at anchor returns the payment (seed 004 REFUNDED; the protocol has no refund address)', () =>
    placed('anchor', ['REFUND'], async ({ gateway, order, follower }) => {
      await pay(gateway, order.id)
      await follower.untilState('REFUNDED')
      const { refund } = await later(gateway, order.id)
      expect(refund).toMatchObject({ state: 'PAID_OUT', txid: null })
    }))

  test('at beacon is offered, requested and paid out (0.0.2 GET and POST refund)', () =>
    placed('beacon', ['REFUND'], async ({ gateway, order, follower }) => {
      await pay(gateway, order.id)
      const offered = await follower.until((event) => event.snapshot.refund?.state === 'AVAILABLE')
      const onchainAddress = gateway.sandbox.wallet.newAddress()
      const { requestRefund } = await gateway.ask(REQUEST_REFUND, { id: order.id, to: { onchainAddress } })
      expect(requestRefund.__typename).toBe('Order')
      await follower.until((event) => event.snapshot.refund?.state === 'PAID_OUT')
      expect((await later(gateway, order.id)).refund).toMatchObject({
        state: 'PAID_OUT',
        onchainSat: offered.snapshot.refund?.onchainSat,
        paidTo: onchainAddress,
      })
      expect(gateway.sandbox.wallet.receivedAt(onchainAddress)).toBe(offered.snapshot.refund?.onchainSat)
    }))
})

describe('an expiry', () => {
  test.each(['olive', 'kestrel', 'anchor', 'beacon'])('at %s ends all payment options at once', (lspId) =>
    placed(lspId, [], async ({ gateway, order, follower }) => {
      passUntil(order.expiresAt)
      await follower.untilState('EXPIRED')
      expect(await later(gateway, order.id)).toMatchObject({
        nextStep: { actor: 'NOBODY', action: 'NOTHING' },
        refund: null,
        payment: { bolt11: null, onchain: null, payableUntil: null },
      })
    }),
  )

  test('at thunder ends the invoice after 30 minutes and the order after 60 (seed 003 expires_at)', () =>
    placed('thunder', [], async ({ gateway, order, follower }) => {
      const { bolt11, onchain } = order.payment
      expect(Date.parse(onchain?.expiresAt ?? '') - Date.parse(bolt11?.expiresAt ?? '')).toBe(30 * 60_000)
      passUntil(bolt11?.expiresAt ?? null)
      await follower.until(({ message }) => message.includes('bolt11 payment: expired'))
      expect(await later(gateway, order.id)).toMatchObject({
        state: 'AWAITING_PAYMENT',
        nextStep: { action: 'PAY', message: expect.stringContaining('on-chain') },
        payment: { bolt11: null, onchain: { state: 'EXPECT_PAYMENT' }, payableUntil: order.payment.payableUntil },
      })
      passUntil(onchain?.expiresAt ?? null)
      await follower.untilState('EXPIRED')
      expect(await later(gateway, order.id)).toMatchObject({ payment: { onchain: null, payableUntil: null } })
    }))
})

/** Whether the protocol reports how much has arrived on-chain; otherwise why it cannot. */
const AMOUNTS: Readonly<Record<string, true | string>> = {
  olive: 'bLIP-51 §3.3 has a state of the on-chain payment, and no amount',
  kestrel: true,
  thunder: 'seed 003 has a status of the on-chain payment, and no amount',
  anchor: true,
  beacon: true,
}
const reporting = Object.keys(AMOUNTS).filter((lspId) => AMOUNTS[lspId] === true)
const silent = Object.entries(AMOUNTS).filter(([, reason]) => reason !== true)
/** Draft 0.0.1 and 0.0.2, onchain_payments. */
const LISTS_DEPOSITS = new Set(['anchor', 'beacon'])

describe('an underpayment', () => {
  test.each(reporting)('at %s is named with the rest, and the rest completes the order', (lspId) =>
    placed(lspId, [], async ({ gateway, order, follower }) => {
      const { wallet } = gateway.sandbox
      const address = order.payment.onchain?.address ?? ''
      const firstSat = order.orderTotalSat - MISSING_SAT
      const { txid } = await wallet.payOnchain(address, firstSat)
      await follower.untilState('UNDERPAID')
      const underpaid = await later(gateway, order.id)
      expect(underpaid).toMatchObject({
        nextStep: { action: 'TOP_UP', message: expect.stringContaining(`remaining ${MISSING_SAT} sat`) },
        payment: { bolt11: null, onchain: { paidSat: firstSat } },
        overpaidSat: 0,
      })
      expect(underpaid.payment.onchain.deposits).toMatchObject(
        LISTS_DEPOSITS.has(lspId) ? [{ txid, amountSat: firstSat, isZeroConf: true }] : [],
      )
      await wallet.payOnchain(address, MISSING_SAT)
      await follower.until((event) => isOpened(event.snapshot))
      const paid = await later(gateway, order.id)
      expect(paid).toMatchObject({ overpaidSat: 0, payment: { onchain: { paidSat: order.orderTotalSat } } })
      expect(paid.payment.onchain.deposits).toHaveLength(LISTS_DEPOSITS.has(lspId) ? 2 : 0)
    }),
  )

  test.each(silent)('at %s is not reported (%s): the order expires', (lspId) =>
    placed(lspId, [], async ({ gateway, order, follower }) => {
      await gateway.sandbox.wallet.payOnchain(order.payment.onchain?.address ?? '', order.orderTotalSat - MISSING_SAT)
      passUntil(order.expiresAt)
      await follower.untilState('EXPIRED')
      expect(await later(gateway, order.id)).toMatchObject({
        nextStep: { action: 'NOTHING', message: expect.stringContaining('Do not pay it now') },
        payment: { bolt11: null, onchain: null },
      })
    }),
  )

  test('at olive is refunded by the LSP when the order expires (bLIP-51 §3.3), which no answer shows', () =>
    placed('olive', [], async ({ gateway, order, follower, refundTo }) => {
      const partSat = order.orderTotalSat - MISSING_SAT
      await gateway.sandbox.wallet.payOnchain(order.payment.onchain?.address ?? '', partSat)
      passUntil(order.expiresAt)
      await follower.untilState('EXPIRED')
      await vi.waitFor(() => expect(gateway.sandbox.wallet.receivedAt(refundTo)).toBe(partSat), { timeout: 5_000 })
    }))
})

describe('an underpayment that expires', () => {
  const underpaid = (lspId: string, run: (placed: Placed & { partSat: number }) => Promise<void>) =>
    placed(lspId, [], async (order) => {
      const partSat = order.order.orderTotalSat - MISSING_SAT
      await order.gateway.sandbox.wallet.payOnchain(order.order.payment.onchain?.address ?? '', partSat)
      await order.follower.untilState('UNDERPAID')
      passUntil(order.order.expiresAt)
      await run({ ...order, partSat })
    })

  test('at kestrel is refunded to the refund address (0.2.0 TO_REFUND)', () =>
    underpaid('kestrel', async ({ gateway, order, follower, refundTo, partSat }) => {
      await follower.untilState('REFUNDED')
      expect(await later(gateway, order.id)).toMatchObject({
        refund: { state: 'PAID_OUT', onchainSat: partSat, lightningSat: null, paidTo: refundTo },
      })
      await vi.waitFor(() => expect(gateway.sandbox.wallet.receivedAt(refundTo)).toBe(partSat), { timeout: 5_000 })
    }))

  test('at anchor needs the LSP: seed 002 has no refund address and no call for a refund', () =>
    underpaid('anchor', async ({ gateway, order, follower, partSat }) => {
      await follower.untilState('EXPIRED')
      const { nextStep, payment } = await later(gateway, order.id)
      expect(nextStep.message).toContain(`You paid ${partSat} sat, but the order expired.`)
      expect(nextStep.message).toMatch(/contact the LSP/i)
      expect(payment).toMatchObject({ bolt11: null, onchain: null })
    }))

  test('at beacon is offered back (0.0.2 refund AVAILABLE for an expired order)', () =>
    underpaid('beacon', async ({ gateway, order, follower, partSat }) => {
      await follower.until((event) => event.state === 'EXPIRED' && event.snapshot.refund?.state === 'AVAILABLE')
      expect(await later(gateway, order.id)).toMatchObject({
        nextStep: { actor: 'CLIENT', action: 'REQUEST_REFUND' },
        refund: { state: 'AVAILABLE', lightningSat: partSat },
      })
    }))
})

describe('an overpayment', () => {
  test.each(reporting)('at %s is named in an event, a check, a field and the next step', (lspId) =>
    placed(lspId, [], async ({ gateway, order, follower }) => {
      const paidSat = order.orderTotalSat + EXCESS_SAT
      await gateway.sandbox.wallet.payOnchain(order.payment.onchain?.address ?? '', paidSat)
      const named = `${paidSat} sat have arrived, ${EXCESS_SAT} sat more than the total of ${order.orderTotalSat} sat`
      await follower.until(({ message }) => message.includes(named))
      await follower.until((event) => isOpened(event.snapshot))
      const opened = await later(gateway, order.id)
      expect(opened).toMatchObject({
        overpaidSat: EXCESS_SAT,
        nextStep: {
          actor: 'CLIENT',
          action: 'CONTACT_LSP',
          message: expect.stringContaining(`You paid ${EXCESS_SAT} sat too much.`),
        },
        payment: { onchain: { paidSat } },
      })
      expect(checkOf(opened, 'AMOUNT_PAID')).toMatchObject({ code: 'AMOUNT_PAID', verdict: 'WARNING', message: named })
      // 0.2.0 PaymentOnchain last_payment_check.
      if (lspId === 'kestrel') expect(opened.payment.onchain.lastCheckedAt).not.toBeNull()
    }),
  )

  test.each(silent)('at %s is not reported (%s): the channel opens', (lspId) =>
    placed(lspId, [], async ({ gateway, order, follower }) => {
      await gateway.sandbox.wallet.payOnchain(order.payment.onchain?.address ?? '', order.orderTotalSat + EXCESS_SAT)
      await follower.until((event) => isOpened(event.snapshot))
      expect(await later(gateway, order.id)).toMatchObject({ overpaidSat: 0, nextStep: { action: 'NOTHING' } })
    }),
  )
})

describe('a channel that is closed before its lease ends', () => {
  test.each(['anchor', 'beacon'])('at %s is an event, a warning and a reason to contact the LSP', (lspId) =>
    placed(lspId, ['CHANNEL_CLOSES'], async ({ gateway, order, follower }) => {
      await pay(gateway, order.id)
      await follower.until((event) => event.snapshot.channel?.state === 'CLOSED')
      const closed = await later(gateway, order.id)
      expect(checkOf(closed, 'LEASE_KEPT')).toMatchObject({
        verdict: 'WARNING',
        message: expect.stringContaining('the channel was closed on'),
      })
      expect(closed).toMatchObject({
        nextStep: { actor: 'CLIENT', action: 'CONTACT_LSP' },
        channel: { state: 'CLOSED' },
        leaseEndsAt: expect.any(String),
      })
      // Draft 0.0.2 alone reports the closing transaction and its time.
      if (lspId === 'beacon')
        expect(closed.channel).toMatchObject({
          closingTxid: expect.stringMatching(TXID),
          closedAt: expect.any(String),
        })
      // Nothing more is reported of a closed channel.
      await follower.end()
    }),
  )

  test.each([
    ['olive', 'bLIP-51 reports nothing after the funding transaction'],
    ['kestrel', '0.2.0 reports nothing after the funding transaction'],
    ['thunder', 'seed 003 reports nothing after Open'],
  ])('at %s is not reported: %s', (lspId) =>
    placed(lspId, [], async ({ gateway, order, follower }) => {
      await pay(gateway, order.id)
      await follower.untilState('COMPLETED')
      // The stream ends with the last report that can come.
      await follower.end()
      const { checks } = await later(gateway, order.id)
      expect(checkOf({ checks }, 'LEASE_KEPT')).toMatchObject({ verdict: 'PASSED' })
    }),
  )
})
