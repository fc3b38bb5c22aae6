import { builder } from './builder.ts'
import { PayabilityEnum, PaymentStateEnum } from './enums.ts'
import {
  commonDue,
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
import { payabilityOf, type Payability } from '../domain/payability.ts'
import { paymentUriOf } from '../domain/payment-uri.ts'
import { MOST_DEPOSITS, type Deposit } from '../domain/order.ts'
import type { EpochMs } from '../domain/time.ts'

const PaymentOptionType = builder
  .interfaceRef<VerifiedBolt11 | VerifiedBolt12 | VerifiedOnchain>('PaymentOption')
  .implement({
    description: 'What the payment options have in common.',
    fields: (t) => ({
      state: t.field({
        type: PaymentStateEnum,
        description: 'State of the payment by this option.',
        resolve: ({ state }) => state,
      }),
      feeTotalSat: t.field({
        type: 'Sat',
        description: 'Fee by this option, in satoshis.',
        resolve: ({ feeTotalSat }) => feeTotalSat,
      }),
      orderTotalSat: t.field({
        type: 'Sat',
        description: 'What leaves the wallet by this option, in satoshis.',
        resolve: ({ orderTotalSat }) => orderTotalSat,
      }),
      expiresAt: t.field({
        type: 'DateTime',
        description: 'When this option ends. Payment.payableUntil leaves time for the payment to arrive.',
        resolve: ({ expiresAt }) => expiresAt,
      }),
    }),
    resolveType: (option) =>
      'invoice' in option ? 'Bolt11Payment' : 'offer' in option ? 'Bolt12Payment' : 'OnchainPayment',
  })

const Bolt11PaymentType = builder.objectRef<VerifiedBolt11>('Bolt11Payment').implement({
  description: 'Payment by a BOLT 11 invoice.',
  interfaces: [PaymentOptionType],
  fields: (t) => ({
    invoice: t.exposeString('invoice', { description: 'BOLT 11 invoice to pay.' }),
    paymentHash: t.exposeString('paymentHash', { description: 'Payment hash of the invoice, in hexadecimal.' }),
    payeePubkey: t.expose('payeePubkey', { type: 'PublicKey', description: 'Node that the invoice pays.' }),
    isHold: t.boolean({
      nullable: true,
      description: 'true: the payment stays pending until the channel opens. null: the protocol does not say.',
      resolve: ({ isHold }) => isHold,
    }),
  }),
})

const Bolt12PaymentType = builder.objectRef<VerifiedBolt12>('Bolt12Payment').implement({
  description: 'Payment by a BOLT 12 offer.',
  interfaces: [PaymentOptionType],
  fields: (t) => ({
    offer: t.exposeString('offer', { description: 'BOLT 12 offer to pay.' }),
  }),
})

const DepositType = builder.objectRef<Deposit>('OnchainDeposit').implement({
  description: 'One payment to the on-chain address of an order. A value that the LSP does not report is null.',
  fields: (t) => ({
    txid: t.exposeString('txid', { nullable: true, description: 'The transaction.' }),
    outputIndex: t.exposeInt('outputIndex', { nullable: true, description: 'Index of the output.' }),
    amountSat: t.expose('amountSat', { type: 'Sat', description: 'Amount of the output, in satoshis.' }),
    confirmations: t.exposeInt('confirmations', { nullable: true, description: 'Confirmations of the transaction.' }),
    isZeroConf: t.exposeBoolean('isZeroConf', {
      nullable: true,
      description: 'The LSP accepted the payment before its first confirmation.',
    }),
  }),
})

const OnchainPaymentType = builder.objectRef<VerifiedOnchain>('OnchainPayment').implement({
  description: 'Payment to an on-chain address.',
  interfaces: [PaymentOptionType],
  fields: (t) => ({
    address: t.exposeString('address', { description: 'Address to pay orderTotalSat to.' }),
    minConfirmations: t.exposeInt('minConfirmations', {
      nullable: true,
      description: 'Confirmations after which the LSP counts the payment. null: the LSP does not say.',
    }),
    minFeeFor0Conf: t.exposeInt('minFeeFor0Conf', {
      nullable: true,
      description: 'In satoshis per 1000 weight units, as in bLIP-51.',
    }),
    refundOnchainAddress: t.exposeString('refundOnchainAddress', {
      nullable: true,
      description: 'Where the LSP refunds an on-chain payment. null: the LSP has no address.',
    }),
    paidSat: t.expose('paidSat', {
      type: 'Sat',
      nullable: true,
      description: 'Satoshis that have arrived at the address. null: the LSP does not report it.',
    }),
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

/** The payment as a wallet sees it. */
interface ShownPayment {
  payability: Payability
  options: Payment
  until: EpochMs | null
}

/** The payment of an order or of a renewal at `now`. */
export function payableNow(owed: Owed, now: EpochMs): ShownPayment {
  return { payability: payabilityOf(owed, now), options: shownOf(owed, now), until: payableUntil(owed) }
}

/** The payment of an earlier version of an order. An unpaid option appears only while the current order still has it. */
export async function payableThen(
  then: Owed,
  readNow: () => Promise<Owed | null>,
  now: EpochMs,
): Promise<ShownPayment> {
  const before = payableNow(then, now)
  if (before.payability !== 'PAYABLE') return before
  const owed = await readNow()
  if (owed === null) return { ...before, payability: 'WITHHELD', options: NO_PAYMENT }
  const current = payableNow(owed, now)
  const options = commonDue(before.options, current.options)
  if (optionsOf(options).length > 0) return { ...before, options }
  return { ...before, payability: current.payability === 'PAYABLE' ? 'WITHHELD' : current.payability, options }
}

export const PaymentType = builder.objectRef<ShownPayment>('Payment').implement({
  description:
    'The payment options of an order. An option is null if the LSP does not offer it, or if it must not be paid now.',
  fields: (t) => ({
    payability: t.expose('payability', {
      type: PayabilityEnum,
      description: 'Whether to pay now. Check this before each payment.',
    }),
    bolt11: t.field({
      type: Bolt11PaymentType,
      nullable: true,
      description: 'Payment by a BOLT 11 invoice.',
      resolve: ({ options }) => options.bolt11,
    }),
    bolt12: t.field({
      type: Bolt12PaymentType,
      nullable: true,
      description: 'Payment by a BOLT 12 offer.',
      resolve: ({ options }) => options.bolt12,
    }),
    onchain: t.field({
      type: OnchainPaymentType,
      nullable: true,
      description: 'Payment to an on-chain address.',
      resolve: ({ options }) => options.onchain,
    }),
    bip21: t.string({
      nullable: true,
      description:
        'One BIP 21 URI with all options that can be paid now. For UNDERPAID it asks for the rest, if the LSP reports how much arrived.',
      resolve: ({ options }) => paymentUriOf(options),
    }),
    payableUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Latest time to send a payment, by the option that ends last. Each option becomes null shortly before its own end. null: nothing can be paid.',
      resolve: ({ until }) => until,
    }),
  }),
})
