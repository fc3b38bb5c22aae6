import type { z } from 'zod'
import { documentOf, documentWithKeys, ignored, optional, requiredIfPresent, type Document } from './document.ts'
import { countField, flagField, lookUp, payloadField, satField, shownIdField, wordField } from './fields.ts'
import { notAsSpecified, noPaymentOption, statesTotalsOfZero, unknownPaymentOptions } from './free.ts'
import { bolt11Document, bolt12Document, optionOf, readBolt11, type StateWords } from './lsps1-family.ts'
import { timeField } from './time-field.ts'
import { isSameAddress } from '../domain/address.ts'
import type { LspFailure } from '../domain/failure.ts'
import type { Deposit, OnchainOption, PaymentOptions } from '../domain/order.ts'
import type { ReadPaymentState } from '../domain/reading.ts'

// The payment object of the LSPS1 family. Since July 2024 each payment option is an object of its own (nested). Before,
// all payment options shared one object with one state and one price (flat). Some servers send both.

/** The flat fields of the texts before July 2024. */
const flatFields = {
  state: requiredIfPresent(wordField),
  fee_total_sat: requiredIfPresent(satField),
  order_total_sat: requiredIfPresent(satField),
  expires_at: optional(timeField),
  bolt11_invoice: requiredIfPresent(payloadField),
  lightning_invoice: requiredIfPresent(payloadField),
  onchain_address: requiredIfPresent(payloadField),
  min_onchain_payment_confirmations: optional(countField),
  onchain_block_confirmations_required: optional(countField),
  min_fee_for_0conf: optional(countField),
  onchain_payment: optional(
    documentOf({ outpoint: optional(shownIdField), sat: optional(satField), confirmed: optional(flagField) }),
  ),
  onchain_payments: ignored,
}

/** The payment object, with the protocol's own document for its on-chain option. */
export function paymentDocument<Onchain>(onchainDocument: Document<Onchain>) {
  return documentWithKeys({
    bolt11: requiredIfPresent(bolt11Document),
    bolt12: requiredIfPresent(bolt12Document),
    onchain: requiredIfPresent(onchainDocument),
    ...flatFields,
  })
}

/** The payment object but for its on-chain option, which not all protocols read alike. */
type PaymentObject = Omit<z.output<ReturnType<typeof paymentDocument<unknown>>>, 'onchain'>

export interface PaymentReading {
  /** null if the answer has no payment option and is not free. */
  payment: PaymentOptions<ReadPaymentState> | null
  free: boolean
  /** Why there is nothing to pay with; null if there is, or if the channel is free. */
  problem: LspFailure | null
}

const NOTHING: PaymentOptions<never> = { bolt11: null, bolt12: null, onchain: null }

/** @throws LspFailure if the nested and the flat form contradict each other, or the flat form is incomplete */
export function readPayment(
  payment: PaymentObject,
  onchain: OnchainOption<ReadPaymentState> | null,
  lspOrderId: string,
  words: StateWords,
): PaymentReading {
  // bLIP-51: an empty object means that there is nothing to pay. Nulls do not: LDK prints them for unused options.
  if (payment.keys.length === 0) return { payment: NOTHING, free: true, problem: null }
  const nested: PaymentOptions<ReadPaymentState> = {
    bolt11: payment.bolt11 && readBolt11(payment.bolt11, words),
    bolt12: payment.bolt12 && {
      ...optionOf(payment.bolt12, words),
      offer: payment.bolt12.offer,
    },
    onchain,
  }
  const options = merged(nested, payment, lspOrderId, words)
  // What the gateway does not know may have a price.
  const isAllKnown = unknownKeys(payment).length === 0
  if (options !== null) return { payment: options, free: isAllKnown && statesTotalsOfZero(options), problem: null }
  if (isAllKnown && payment.fee_total_sat === 0 && payment.order_total_sat === 0)
    return { payment: NOTHING, free: true, problem: null }
  return { payment: null, free: false, problem: problemOf(payment, lspOrderId) }
}

function unknownKeys({ keys, ...payment }: PaymentObject): string[] {
  return keys.filter((key) => !Object.hasOwn(payment, key) && key !== 'onchain')
}

function problemOf(payment: PaymentObject, lspOrderId: string): LspFailure {
  const unknown = unknownKeys(payment)
  const hasTotals = payment.fee_total_sat !== null || payment.order_total_sat !== null
  return unknown.length > 0 && !hasTotals
    ? unknownPaymentOptions(lspOrderId, unknown)
    : noPaymentOption(lspOrderId, payment.keys)
}

/** The nested options and those that only the flat form names; null without any. */
function merged(
  nested: PaymentOptions<ReadPaymentState>,
  flat: PaymentObject,
  lspOrderId: string,
  words: StateWords,
): PaymentOptions<ReadPaymentState> | null {
  const invoice = flat.bolt11_invoice ?? flat.lightning_invoice
  const address = flat.onchain_address
  const hasNested = (nested.bolt11 ?? nested.bolt12 ?? nested.onchain) !== null
  if (!hasNested && invoice === null && address === null) return null
  if (hasNested) assertConsistent(nested, flat, lspOrderId)
  const known = withFlatState(nested, flat.state === null ? null : (lookUp(words, flat.state) ?? 'UNKNOWN'))
  const isInvoiceNew = invoice !== null && nested.bolt11 === null
  const isAddressNew = address !== null && nested.onchain === null
  if (!isInvoiceNew && !isAddressNew) return known
  const option = flatOption(flat, lspOrderId, words)
  return {
    bolt11: isInvoiceNew ? { ...option, invoice } : known.bolt11,
    bolt12: known.bolt12,
    onchain: isAddressNew
      ? {
          ...option,
          address,
          minConfirmations: flat.min_onchain_payment_confirmations ?? flat.onchain_block_confirmations_required,
          minFeeFor0Conf: flat.min_fee_for_0conf,
          refundOnchainAddress: null,
          paidSat: flat.onchain_payment?.sat ?? null,
          ...depositsOf(flat.onchain_payment),
        }
      : known.onchain,
  }
}

/** `outpoint`: txid:index. */
function depositsOf(payment: PaymentObject['onchain_payment']): { deposits?: Deposit[] } {
  if (payment === null || payment.sat === null) return {}
  const [, txid = null, index] = /^([0-9a-f]{64}):(\d{1,9})$/i.exec(payment.outpoint ?? '') ?? []
  const confirmations = payment.confirmed === false ? 0 : null
  return {
    deposits: [
      {
        txid,
        outputIndex: index === undefined ? null : Number(index),
        amountSat: payment.sat,
        confirmations,
        isZeroConf: null,
      },
    ],
  }
}

/** One price, one state and one end for every payment option of the flat form. */
function flatOption(flat: PaymentObject, lspOrderId: string, words: StateWords) {
  const { state, fee_total_sat, order_total_sat, expires_at } = flat
  const missing = Object.entries({ state, fee_total_sat, order_total_sat }).find(([, value]) => value === null)
  if (missing || state === null || fee_total_sat === null || order_total_sat === null)
    throw notAsSpecified(`payment.${missing?.[0]}: missing`, lspOrderId)
  return optionOf({ state, fee_total_sat, order_total_sat, expires_at }, words)
}

/** Which of two contradicting statements is right cannot be known, and money depends on it. @throws LspFailure */
function assertConsistent(nested: PaymentOptions<unknown>, flat: PaymentObject, lspOrderId: string): void {
  const options = [nested.bolt11, nested.bolt12, nested.onchain].filter((option) => option !== null)
  const isPriced = options.some(
    ({ feeTotalSat, orderTotalSat }) =>
      (flat.fee_total_sat ?? feeTotalSat) === feeTotalSat && (flat.order_total_sat ?? orderTotalSat) === orderTotalSat,
  )
  if (!isPriced)
    throw notAsSpecified('payment.order_total_sat: not the total of any payment option beside it', lspOrderId)
  const invoices = [flat.bolt11_invoice, flat.lightning_invoice, nested.bolt11?.invoice ?? null].flatMap(
    (invoice) => invoice?.toLowerCase() ?? [],
  )
  if (new Set(invoices).size > 1)
    throw notAsSpecified('payment.bolt11_invoice: not the invoice of bolt11 beside it', lspOrderId)
  if (
    flat.onchain_address !== null &&
    nested.onchain !== null &&
    !isSameAddress(flat.onchain_address, nested.onchain.address)
  )
    throw notAsSpecified('payment.onchain_address: not the address of onchain beside it', lspOrderId)
}

/** A flat state that expects no payment any more holds for a nested option that still does: nobody pays twice. */
function withFlatState(
  nested: PaymentOptions<ReadPaymentState>,
  state: ReadPaymentState | null,
): PaymentOptions<ReadPaymentState> {
  if (state === null || state === 'EXPECT_PAYMENT') return nested
  const move = <Option extends { state: ReadPaymentState }>(option: Option | null): Option | null =>
    option?.state === 'EXPECT_PAYMENT' ? { ...option, state } : option
  return { bolt11: move(nested.bolt11), bolt12: move(nested.bolt12), onchain: move(nested.onchain) }
}
