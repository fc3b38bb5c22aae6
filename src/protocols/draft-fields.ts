import type { z } from 'zod'
import type { UnsupportedParameter } from './adapter.ts'
import { documentOf, listOf, optional, required, requiredIfPresent, type Fields } from './document.ts'
import { countField, flagField, payloadField, satField, txidField } from './fields.ts'
import { statesTotalsOfZero } from './free.ts'
import { timeField } from './time-field.ts'
import { MAX_SAT, sat } from '../domain/money.ts'
import { MOST_DEPOSITS, type Deposit, type PaymentOptions } from '../domain/order.ts'
import type { OrderReading, ReadPaymentState } from '../domain/reading.ts'
import type { ChannelRequest, ChannelTerms } from '../domain/request.ts'
import { BLOCKS_PER_WEEK, weeksOfBlocks } from '../domain/time.ts'

// What the two drafts that came before LSPS1 share: weeks, epoch seconds, one price for every payment option, and
// no word on errors. Facts: protocols/README.md, sections 7, 8 and 22.

/** At most what fits 32 bits in blocks. */
const weeksField = countField
  .refine((weeks) => weeks <= 2_000_000, 'more than 2000000 weeks')
  .transform((weeks) => weeks * BLOCKS_PER_WEEK)

export const termsFields = {
  remote_balance: optional(satField),
  local_balance: optional(satField),
  channel_expiry: optional(weeksField),
}

type Read<Shape extends Fields> = z.output<ReturnType<typeof documentOf<Shape>>>

/** The balances are named as the client sees them: remote is the LSP's side. */
export function mirroredTerms(mirrored: Read<typeof termsFields> | null): Partial<ChannelTerms> {
  if (mirrored === null) return {}
  return {
    ...(mirrored.remote_balance === null ? {} : { lspBalanceSat: mirrored.remote_balance }),
    ...(mirrored.local_balance === null ? {} : { clientBalanceSat: mirrored.local_balance }),
    ...(mirrored.channel_expiry === null ? {} : { channelExpiryBlocks: mirrored.channel_expiry }),
  }
}

/** The request's half of `mirroredTerms`. */
export function requestedTerms(request: ChannelRequest) {
  return {
    remote_balance: request.lspBalanceSat,
    local_balance: request.clientBalanceSat,
    channel_expiry: weeksOfBlocks(request.channelExpiryBlocks),
  }
}

export function inWholeWeeks(terms: ChannelTerms): ChannelTerms {
  return { ...terms, channelExpiryBlocks: weeksOfBlocks(terms.channelExpiryBlocks) * BLOCKS_PER_WEEK }
}

/** Draft 0.0.1 names the transaction `hash` and has its block's height, 0 before the first confirmation. */
const onchainPayment = documentOf({
  amount: required(satField),
  transaction_id: optional(txidField),
  hash: optional(txidField),
  out_point: optional(countField),
  height: optional(countField),
  zero_conf: optional(flagField),
})
type OnchainPayment = z.output<typeof onchainPayment>

/** The drafts type most texts as required, so an LSP without an invoice or an address sends an empty one. */
export const paymentFields = {
  fee_total: required(satField),
  order_total: required(satField),
  order_expiry_ts: optional(timeField),
  amount_paid: optional(satField),
  ln_invoice: requiredIfPresent(payloadField),
  btc_address: requiredIfPresent(payloadField),
  onchain_payments: optional(
    listOf(onchainPayment)
      .transform((payments) => ({ sum: payments.reduce((sum, { amount }) => sum + amount, 0), payments }))
      .refine(({ sum }) => sum <= MAX_SAT, `more than ${MAX_SAT} sat`)
      .transform(({ sum, payments }) => ({
        sumSat: sat(sum),
        deposits: payments.slice(-MOST_DEPOSITS).map(readDeposit),
      })),
  ),
}

function readDeposit({ amount, transaction_id, hash, out_point, height, zero_conf }: OnchainPayment): Deposit {
  return {
    txid: transaction_id ?? hash,
    outputIndex: out_point,
    amountSat: amount,
    confirmations: height === 0 ? 0 : null,
    isZeroConf: zero_conf,
  }
}

type DraftPayment = Read<typeof paymentFields>

/** Both drafts have one price and one state for every payment option. */
export function readDraftPayment(payment: DraftPayment, state: ReadPaymentState) {
  const options = paymentOptions(payment, state)
  const hasOption = (options.bolt11 ?? options.onchain) !== null
  const isZero = payment.fee_total === 0 && payment.order_total === 0
  return {
    // A total without a payment option: the LSP has yet to state how to pay.
    payment: hasOption || payment.order_total === 0 ? options : null,
    free: hasOption ? statesTotalsOfZero(options) : isZero,
    paidSat: payment.amount_paid,
    expiresAt: payment.order_expiry_ts,
  } satisfies Partial<OrderReading>
}

function paymentOptions(payment: DraftPayment, state: ReadPaymentState): PaymentOptions<ReadPaymentState> {
  const { ln_invoice: invoice, btc_address: address } = payment
  const option = {
    state,
    feeTotalSat: payment.fee_total,
    orderTotalSat: payment.order_total,
    expiresAt: payment.order_expiry_ts,
  }
  return {
    bolt11: invoice === null ? null : { ...option, invoice },
    bolt12: null,
    onchain:
      address === null
        ? null
        : {
            ...option,
            address,
            minConfirmations: null,
            minFeeFor0Conf: null,
            refundOnchainAddress: null,
            paidSat: payment.onchain_payments?.sumSat ?? null,
            ...(payment.onchain_payments === null ? {} : { deposits: payment.onchain_payments.deposits }),
          },
  }
}

/** What neither draft has a field for. */
export function beyondDrafts(request: ChannelRequest): UnsupportedParameter | null {
  const named = (['asset', 'requiredChannelConfirmations', 'fundingConfirmsWithinBlocks'] as const).find(
    (name) => request[name] !== null,
  )
  return named === undefined ? null : notInDraft(named)
}

/** Both drafts have the client's node as pubkey@host:port: seed 002 POST, 73985d6 ChannelOpenRequest. */
export function withoutAddress(request: ChannelRequest): UnsupportedParameter | null {
  if (request.clientAddress !== null) return null
  return {
    field: 'clientAddress',
    message:
      "this draft of the channel request requires the address of the client's node: set clientAddress to host:port",
  }
}

export function notInDraft(field: string): UnsupportedParameter {
  return { field, message: `this draft of the channel request has no field for ${field}` }
}
