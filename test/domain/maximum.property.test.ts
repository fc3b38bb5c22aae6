import { expect, test } from 'vitest'
import { readPaymentUri } from '../../src/domain/bip21.ts'
import { largestMaximum } from '../../src/domain/maximum.ts'
import { sat, type Sat } from '../../src/domain/money.ts'
import { nextStepOf } from '../../src/domain/next-step.ts'
import { verifyOffer } from '../../src/domain/offer.ts'
import type { Order } from '../../src/domain/order-record.ts'
import { ORDER_STATES, PAYMENT_STATES, REFUND_STATES, type PaymentOptions } from '../../src/domain/order.ts'
import {
  arrivedSat,
  cheapestOf,
  commonDue,
  costSat,
  isSettled,
  NO_PAYMENT,
  optionsOf,
  shownOf,
  withinMaximums,
  type Payment,
  type PaymentMaximums,
} from '../../src/domain/payment.ts'
import { paymentUriOf } from '../../src/domain/payment-uri.ts'
import { advance, type LspFacts } from '../../src/domain/progress.ts'
import { EMPTY_READING, type OrderReading, type ReadPaymentState } from '../../src/domain/reading.ts'
import { LightningNode } from '../../src/sandbox/node.ts'
import { orderRecord, REQUEST } from '../store/records.ts'
import { offerOf } from '../support/bolt12.ts'
import { signedInvoice } from '../support/signed-invoice.ts'
import { Random } from '../upstream/fuzz/random.ts'

const SEED = Number(process.env.MAXIMUM_SEED ?? 20_261_201)
const SEQUENCES = Number(process.env.MAXIMUM_SEQUENCES ?? 600)
const NOW = 1_800_000_000_000
const HOUR_MS = 3_600_000
const node = new LightningNode('a changing LSP', '127.0.0.1:9735')
const LSP: LspFacts = { network: 'REGTEST', addressKinds: 'ANY', lspPubkeys: [] }
const AMOUNTS = [1, 2_000, 4_667, 4_668, 5_534, 6_148, 4_999_999].map(sat)
const READ_PAYMENT_STATES: readonly ReadPaymentState[] = [...PAYMENT_STATES, 'REFUNDED_OR_LAPSED']

// Signing takes time: a few of each amount are enough, with a fee for route hints and without.
const INVOICES = new Map(
  AMOUNTS.map((amountSat) => [
    amountSat,
    [0, 3_000, 0].map((feeBaseMsat) =>
      signedInvoice({
        amountSat,
        createdAt: NOW,
        expirySeconds: 7_200,
        routeHints: feeBaseMsat === 0 ? [] : [[{ feeBaseMsat }]],
      }),
    ),
  ]),
)
const ADDRESSES = Array.from({ length: 3 }, () => node.newAddress())

function randomOptions(random: Random): PaymentOptions<ReadPaymentState> {
  const maybe = <Option>(option: Option) => (random.chance(0.7) ? option : null)
  const priced = () => {
    const amountSat = random.pick(AMOUNTS)
    return {
      // Mostly payable: otherwise nothing is left to find after a few reports.
      state: random.chance(0.5) ? ('EXPECT_PAYMENT' as const) : random.pick(READ_PAYMENT_STATES),
      feeTotalSat: amountSat,
      orderTotalSat: amountSat,
      expiresAt: random.chance(0.5) ? null : NOW + HOUR_MS,
    }
  }
  const [bolt11, bolt12, onchain] = [priced(), priced(), priced()]
  return {
    bolt11: maybe({ ...bolt11, invoice: random.pick(INVOICES.get(bolt11.orderTotalSat) ?? []) }),
    bolt12: maybe({
      ...bolt12,
      expiresAt: NOW + HOUR_MS,
      offer: offerOf({ amount: BigInt(bolt12.orderTotalSat) * 1_000n }),
    }),
    onchain: maybe({
      ...onchain,
      address: random.pick(ADDRESSES),
      minConfirmations: null,
      minFeeFor0Conf: null,
      refundOnchainAddress: null,
      paidSat: randomPaid(random),
    }),
  }
}

const randomPaid = (random: Random): Sat | null =>
  random.chance(0.6) ? null : random.pick([sat(0), sat(1), ...AMOUNTS])

/** A report about what is known, with some of it changed; or about something else altogether. */
function randomReport(order: Order, random: Random): OrderReading {
  const fresh = randomOptions(random)
  const known = order.payment
  const move = <Option extends { state: ReadPaymentState }>(option: Option | null): Option | null =>
    option && { ...option, state: random.chance(0.4) ? option.state : random.pick(READ_PAYMENT_STATES) }
  const dearer = <Option extends { feeTotalSat: Sat; orderTotalSat: Sat }>(option: Option | null): Option | null => {
    if (option === null || random.chance(0.8)) return option
    const amountSat = random.pick(AMOUNTS)
    return { ...option, feeTotalSat: amountSat, orderTotalSat: amountSat }
  }
  const read: PaymentOptions<ReadPaymentState> = known
  const same: PaymentOptions<ReadPaymentState> = {
    bolt11: dearer(move(read.bolt11)),
    bolt12: dearer(move(read.bolt12)),
    onchain: read.onchain && dearer(move({ ...read.onchain, paidSat: randomPaid(random) })),
  }
  return {
    ...EMPTY_READING,
    lspOrderId: 'lsp-1',
    lspState: 'SOME',
    state: random.chance(0.6)
      ? 'AWAITING_PAYMENT'
      : random.pick(['FAILED_OR_LAPSED' as const, ...ORDER_STATES.filter((state) => state !== 'OUTCOME_UNKNOWN')]),
    payment: random.chance(0.1) ? null : random.chance(0.25) ? { ...same, ...fresh } : same,
    paidSat: randomPaid(random),
    refund: random.chance(0.9)
      ? null
      : { state: random.pick(REFUND_STATES), lightningSat: null, onchainSat: null, paidTo: null, paidAt: null },
    expiresAt: random.chance(0.8) ? null : NOW + random.pick([-1, 0.5, 2, 48]) * HOUR_MS,
  }
}

/** An order as it was agreed to, or one of which the LSP has yet to say what is to be paid. */
function randomOrder(random: Random, maximums: PaymentMaximums): Order {
  const offer = verifyOffer(randomOptions(random), {
    ...LSP,
    free: false,
    clientBalanceSat: sat(0),
    orderExpiresAt: NOW + HOUR_MS,
    refundOnchainAddress: node.newAddress(),
    now: NOW,
  })
  const isUnconfirmed = random.chance(0.3)
  const payment = isUnconfirmed ? NO_PAYMENT : withinMaximums(offer.payment ?? NO_PAYMENT, maximums)
  const totals = cheapestOf(payment) ?? { feeTotalSat: sat(2_000), orderTotalSat: sat(2_000) }
  return orderRecord({
    ...totals,
    request: { ...REQUEST, refundOnchainAddress: node.newAddress() },
    payment,
    maximums,
    createdAt: NOW,
    expiresAt: NOW + HOUR_MS,
    ...(isUnconfirmed
      ? { paymentUnconfirmed: true, paymentWarning: 'the LSP has not said yet what is to be paid' }
      : {}),
  })
}

/** What of it is above the maximum, and may still be paid. */
function flawsOf(shown: Payment, maximums: PaymentMaximums): string[] {
  const flaws = (['bolt11', 'bolt12', 'onchain'] as const).flatMap((method) => {
    const option = shown[method]
    return option !== null && !isSettled(option) && costSat(option) > (maximums[method] ?? -1)
      ? [`${method} ${option.state} for ${costSat(option)}`]
      : []
  })
  const uri = paymentUriOf(shown)
  const amountSat = uri === null ? null : (readPaymentUri(uri)?.amountSat ?? null)
  const arrived = shown.onchain?.paidSat ?? 0
  if (amountSat !== null && amountSat + arrived > (maximums.onchain ?? -1)) flaws.push(`${uri} after ${arrived}`)
  return flaws
}

test(`over ${SEQUENCES} random sequences of reports, nothing that is shown and unsettled exceeds the agreed maximum`, () => {
  const seen = { payable: 0, topUp: 0, settled: 0, withheld: 0 }
  for (let run = 0; run < SEQUENCES; run++) {
    const random = new Random(SEED + run)
    const maximum = () => random.pick([null, sat(2_000), sat(4_667), sat(5_534), sat(6_148)])
    const maximums = { bolt11: maximum(), bolt12: maximum(), onchain: maximum() }
    let order = randomOrder(random, maximums)
    const snapshots = [order]
    for (let report = 0; report < 6; report++) {
      const now = NOW + report * 60_000
      order = advance(order, randomReport(order, random), LSP, now).order
      snapshots.push(order)
      const current = shownOf(order, now)
      const flaws = snapshots.flatMap((snapshot) => [
        ...flawsOf(shownOf(snapshot, now), maximums),
        ...flawsOf(commonDue(shownOf(snapshot, now), current), maximums),
      ])
      const step = nextStepOf(order, { name: 'LSP', features: [] }, now)
      const amounts = [...step.message.matchAll(/(?:Pay|rest, which is) (\d+) sat/g)].map(([, amount]) =>
        Number(amount),
      )
      if (step.action === 'TOP_UP')
        for (const amountSat of amounts)
          if (amountSat + arrivedSat(order) > largestMaximum(maximums)) flaws.push(step.message)
      if (step.action === 'PAY' && optionsOf(current).length > 0)
        for (const amountSat of amounts) if (amountSat > largestMaximum(maximums)) flaws.push(step.message)
      expect(flaws, `seed ${SEED + run}, report ${report}`).toEqual([])

      if (optionsOf(current).some(isSettled)) seen.settled += 1
      else if (current.onchain?.state === 'UNDERPAID') seen.topUp += 1
      else if (optionsOf(current).length > 0) seen.payable += 1
      else seen.withheld += 1
    }
  }
  // Otherwise nothing was tried.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(SEQUENCES / 400)
})
