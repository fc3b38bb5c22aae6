import { z } from 'zod'
import type { UnsupportedParameter } from './adapter.ts'
import { absent, countField, epochSecondsField, LAST_SECOND, lenientList, payloadField, satField } from './fields.ts'
import type { PaymentOptions } from '../domain/order.ts'
import type { OrderReading, ReadPaymentState } from '../domain/reading.ts'
import type { ChannelRequest, ChannelTerms } from '../domain/request.ts'
import { BLOCKS_PER_WEEK, weeksOfBlocks } from '../domain/time.ts'

// What the two drafts that came before LSPS1 share: weeks, epoch seconds, one price for every payment option, and
// no word on errors. Facts: protocols/README.md, sections 7, 8 and 22.

/** The drafts type most strings as required, so an LSP with nothing to say sends an empty one. */
export function orAbsent<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (value === '' ? null : value), absent(schema))
}

/** Times are required numbers too: before there is a time to tell, they are 0. One beyond all leases tells none either. */
export const timeOrAbsent = absent(
  z
    .number()
    .transform((seconds) => (seconds > LAST_SECOND ? 0 : seconds))
    .pipe(epochSecondsField),
).transform((time) => time || null)

/** No more than fits 32 bits in blocks. */
const weeksField = countField.pipe(z.number().max(2_000_000)).transform((weeks) => weeks * BLOCKS_PER_WEEK)

export const termsFields = {
  remote_balance: absent(satField),
  local_balance: absent(satField),
  channel_expiry: absent(weeksField),
}

/** The balances are named as the client sees them: remote is the LSP's side. */
export function mirroredTerms(mirrored: z.output<z.ZodObject<typeof termsFields>> | null): Partial<ChannelTerms> {
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

export const paymentFields = {
  fee_total: satField,
  order_total: satField,
  order_expiry_ts: timeOrAbsent,
  amount_paid: absent(satField),
  ln_invoice: orAbsent(payloadField),
  btc_address: orAbsent(payloadField),
  onchain_payments: absent(
    lenientList(z.object({ amount: satField }))
      .transform((payments): string | number => payments.reduce((sum, { amount }) => sum + amount, 0))
      .pipe(satField),
  ),
}
type DraftPayment = z.output<z.ZodObject<typeof paymentFields>>

/** Both drafts have one price and one state for every payment option. */
export function readDraftPayment(payment: DraftPayment, state: ReadPaymentState) {
  return {
    payment: paymentOptions(payment, state),
    paidSat: payment.amount_paid,
    expiresAt: payment.order_expiry_ts,
  } satisfies Partial<OrderReading>
}

function paymentOptions(payment: DraftPayment, state: ReadPaymentState): PaymentOptions<ReadPaymentState> | null {
  const { ln_invoice: invoice, btc_address: address } = payment
  // No payment option a price means that the answer does not say how, not that the channel is free.
  if (invoice === null && address === null && payment.order_total > 0) return null
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
            paidSat: payment.onchain_payments,
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

export function notInDraft(property: string): UnsupportedParameter {
  return { property, message: `this draft of the channel request has no field for ${property}` }
}
