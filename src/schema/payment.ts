import { builder } from './builder.ts'
import { PaymentStateEnum } from './enums.ts'
import {
  commonDue,
  isSettled,
  NO_PAYMENT,
  payableUntil,
  shownOf,
  optionsOf,
  type Owed,
  type Payment,
  type VerifiedBolt11,
  type VerifiedBolt12,
  type VerifiedOnchain,
} from '../domain/payment.ts'
import { paymentUriOf } from '../domain/payment-uri.ts'
import { MOST_DEPOSITS, type Deposit } from '../domain/order.ts'
import type { EpochMs } from '../domain/time.ts'

const Bolt11PaymentType = builder.objectRef<VerifiedBolt11>('Bolt11Payment').implement({
  fields: (t) => ({
    state: t.expose('state', { type: PaymentStateEnum }),
    feeTotalSat: t.expose('feeTotalSat', { type: 'Sat' }),
    orderTotalSat: t.expose('orderTotalSat', { type: 'Sat' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    invoice: t.exposeString('invoice'),
    paymentHash: t.exposeString('paymentHash'),
    payeePubkey: t.expose('payeePubkey', { type: 'PublicKey' }),
    isHold: t.boolean({
      nullable: true,
      description: 'true: the payment stays pending until the channel opens. null: the protocol does not say.',
      resolve: ({ isHold }) => isHold,
    }),
  }),
})

const Bolt12PaymentType = builder.objectRef<VerifiedBolt12>('Bolt12Payment').implement({
  fields: (t) => ({
    state: t.expose('state', { type: PaymentStateEnum }),
    feeTotalSat: t.expose('feeTotalSat', { type: 'Sat' }),
    orderTotalSat: t.expose('orderTotalSat', { type: 'Sat' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    offer: t.exposeString('offer'),
  }),
})

const DepositType = builder.objectRef<Deposit>('OnchainDeposit').implement({
  description: 'One payment to the on-chain address of an order. A value that the LSP does not report is null.',
  fields: (t) => ({
    txid: t.exposeString('txid', { nullable: true }),
    outputIndex: t.exposeInt('outputIndex', { nullable: true }),
    amountSat: t.expose('amountSat', { type: 'Sat' }),
    confirmations: t.exposeInt('confirmations', { nullable: true }),
    isZeroConf: t.exposeBoolean('isZeroConf', {
      nullable: true,
      description: 'The LSP accepted the payment before its first confirmation.',
    }),
  }),
})

const OnchainPaymentType = builder.objectRef<VerifiedOnchain>('OnchainPayment').implement({
  fields: (t) => ({
    state: t.expose('state', { type: PaymentStateEnum }),
    feeTotalSat: t.expose('feeTotalSat', { type: 'Sat' }),
    orderTotalSat: t.expose('orderTotalSat', { type: 'Sat' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    address: t.exposeString('address'),
    minConfirmations: t.exposeInt('minConfirmations', { nullable: true }),
    minFeeFor0Conf: t.exposeInt('minFeeFor0Conf', {
      nullable: true,
      description: 'In satoshis per 1000 weight units, as bLIP-51 has it.',
    }),
    refundOnchainAddress: t.exposeString('refundOnchainAddress', { nullable: true }),
    paidSat: t.expose('paidSat', { type: 'Sat', nullable: true }),
    deposits: t.field({
      type: [DepositType],
      description:
        'The payments that the LSP reports one by one; empty if it reports none. Only drafts 0.0.1 and 0.0.2 do.',
      resolve: ({ deposits }) => (deposits ?? []).slice(-MOST_DEPOSITS),
    }),
    lastCheckedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the LSP last looked for a payment to this address. Only Kaleidoswap reports it.',
      resolve: ({ lastCheckedAt }) => lastCheckedAt,
    }),
  }),
})

/** What is to be paid, and until when it makes sense to. */
interface Payable {
  ways: Payment
  until: EpochMs | null
}

/** What a wallet is shown of the payment of an order or of a renewal right now. */
export function payableNow(owed: Owed, now: EpochMs): Payable {
  return { ways: shownOf(owed, now), until: payableUntil(owed) }
}

/** The same of an order as it stood once: what it asked for then is shown only as far as it asks for it now. */
export async function payableThen(then: Owed, readNow: () => Promise<Owed | null>, now: EpochMs): Promise<Payable> {
  const payable = payableNow(then, now)
  if (optionsOf(payable.ways).every(isSettled)) return payable
  const current = await readNow()
  return { ...payable, ways: commonDue(payable.ways, current ? payableNow(current, now).ways : NO_PAYMENT) }
}

export const PaymentType = builder.objectRef<Payable>('Payment').implement({
  description: `The payment options; a way that the LSP does not offer is null. All null: there is nothing to pay. What is unpaid after
payableUntil, or has failed a check since, is null as well, and so is what an order that is over still asks for.`,
  fields: (t) => ({
    bolt11: t.field({ type: Bolt11PaymentType, nullable: true, resolve: ({ ways }) => ways.bolt11 }),
    bolt12: t.field({ type: Bolt12PaymentType, nullable: true, resolve: ({ ways }) => ways.bolt12 }),
    onchain: t.field({ type: OnchainPaymentType, nullable: true, resolve: ({ ways }) => ways.onchain }),
    bip21: t.string({
      nullable: true,
      description: `One BIP 21 URI for every payment option; null once something was paid, but for the rest of what is underpaid, where the
LSP says how much that is.`,
      resolve: ({ ways }) => paymentUriOf(ways),
    }),
    payableUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Latest time to send a payment, by the payment option that ends last. Each option is null after its own end, less a margin.',
      resolve: ({ until }) => until,
    }),
  }),
})
