import type { z } from 'zod'
import type { UnsupportedParameter } from './adapter.ts'
import { documentOf, ignored, optional, orderId, required, type Fields } from './document.ts'
import {
  countField,
  countLimitField,
  flagField,
  idField,
  lookUp,
  payloadField,
  satField,
  satLimitField,
  shownIdField,
  wordField,
} from './fields.ts'
import { timeField } from './time-field.ts'
import { withDefaults } from '../domain/limits.ts'
import type { LspFeature, LspLimits } from '../domain/lsp.ts'
import type { Bolt11Option, Channel, OnchainOption } from '../domain/order.ts'
import type { ReadPaymentState } from '../domain/reading.ts'
import type { ChannelRequest, ChannelTerms } from '../domain/request.ts'

// What bLIP-51 and the APIs that descend from its drafts have in common: the options of get_info, the payment options,
// the channel object and the mirrored terms. The payment object around the options is in lsps1-payment.ts.

// -- documents -------------------------------------------------------------------------------------------

const limitFields = {
  min_required_channel_confirmations: optional(countLimitField),
  min_funding_confirms_within_blocks: optional(countLimitField),
  max_channel_expiry_blocks: optional(countLimitField),
  min_initial_client_balance_sat: optional(satLimitField),
  max_initial_client_balance_sat: optional(satLimitField),
  min_initial_lsp_balance_sat: optional(satLimitField),
  max_initial_lsp_balance_sat: optional(satLimitField),
  min_channel_balance_sat: optional(satLimitField),
  max_channel_balance_sat: optional(satLimitField),
  min_onchain_payment_confirmations: optional(countLimitField),
  min_onchain_payment_size_sat: optional(satLimitField),
}

export const optionsFields = { ...limitFields, supports_zero_channel_reserve: optional(flagField) }

/** A document without a single readable limit is about something else. */
export const ONE_LIMIT = { names: Object.keys(limitFields), message: 'none of the options of get_info' }

/** What every payment option states. The end is optional: an invoice and an offer have their own. */
export const optionFields = {
  state: required(wordField),
  expires_at: optional(timeField),
  fee_total_sat: required(satField),
  order_total_sat: required(satField),
}
export const bolt11Document = documentOf({ ...optionFields, invoice: required(payloadField) })
export const bolt12Document = documentOf({ ...optionFields, offer: required(payloadField) })
export const onchainFields = {
  ...optionFields,
  address: required(payloadField),
  min_onchain_payment_confirmations: optional(countField),
  min_fee_for_0conf: optional(countField),
  refund_onchain_address: optional(shownIdField),
}
export const onchainDocument = documentOf(onchainFields)

export const channelObjectFields = {
  funded_at: optional(timeField),
  funding_outpoint: optional(shownIdField),
  expires_at: optional(timeField),
}
export const channelDocument = documentOf(channelObjectFields)

/** What an order states besides its payment and its channel. The terms are mirrored; some LSPs leave some out. */
export const orderHeadFields = {
  order_id: orderId(idField),
  lsp_balance_sat: optional(satField),
  client_balance_sat: optional(satField),
  required_channel_confirmations: optional(countField),
  funding_confirms_within_blocks: optional(countField),
  channel_expiry_blocks: optional(countField),
  announce_channel: optional(flagField),
  created_at: optional(timeField),
  expires_at: optional(timeField),
  order_state: required(wordField),
  token: ignored,
}

// -- tables ----------------------------------------------------------------------------------------------

export const PAYMENT_STATES: Readonly<Record<string, ReadPaymentState>> = {
  EXPECT_PAYMENT: 'EXPECT_PAYMENT',
  HOLD: 'HOLD',
  PAID: 'PAID',
  REFUNDED: 'REFUNDED_OR_LAPSED',
  // Deprecated, and still sent.
  CANCELLED: 'REFUNDED_OR_LAPSED',
}

// -- reading ---------------------------------------------------------------------------------------------

type Read<Shape extends Fields> = z.output<ReturnType<typeof documentOf<Shape>>>
type Options = Read<typeof optionsFields>

export function readLimits(options: Options): LspLimits {
  return {
    minLspBalanceSat: options.min_initial_lsp_balance_sat,
    maxLspBalanceSat: options.max_initial_lsp_balance_sat,
    minClientBalanceSat: options.min_initial_client_balance_sat,
    maxClientBalanceSat: options.max_initial_client_balance_sat,
    minChannelBalanceSat: options.min_channel_balance_sat,
    maxChannelBalanceSat: options.max_channel_balance_sat,
    maxChannelExpiryBlocks: options.max_channel_expiry_blocks,
    minRequiredChannelConfirmations: options.min_required_channel_confirmations,
    minFundingConfirmsWithinBlocks: options.min_funding_confirms_within_blocks,
    minOnchainPaymentSat: options.min_onchain_payment_size_sat,
    minOnchainPaymentConfirmations: options.min_onchain_payment_confirmations,
  }
}

export function readFeatures(options: Options): LspFeature[] {
  const features: LspFeature[] = []
  if (options.max_initial_client_balance_sat !== null && options.max_initial_client_balance_sat > 0)
    features.push('CLIENT_BALANCE')
  if (options.min_onchain_payment_confirmations !== null || options.min_onchain_payment_size_sat !== null)
    features.push('ONCHAIN_PAYMENT')
  if (options.supports_zero_channel_reserve) features.push('ZERO_RESERVE')
  return features
}

type OrderHead = Read<typeof orderHeadFields>

export function readOrderHead(order: OrderHead) {
  return {
    lspOrderId: order.order_id,
    lspState: order.order_state,
    terms: readTerms(order),
    createdAt: order.created_at,
    expiresAt: order.expires_at,
  }
}

function readTerms(order: OrderHead): Partial<ChannelTerms> {
  return {
    ...(order.lsp_balance_sat === null ? {} : { lspBalanceSat: order.lsp_balance_sat }),
    ...(order.client_balance_sat === null ? {} : { clientBalanceSat: order.client_balance_sat }),
    ...(order.required_channel_confirmations === null
      ? {}
      : { requiredChannelConfirmations: order.required_channel_confirmations }),
    ...(order.funding_confirms_within_blocks === null
      ? {}
      : { fundingConfirmsWithinBlocks: order.funding_confirms_within_blocks }),
    ...(order.channel_expiry_blocks === null ? {} : { channelExpiryBlocks: order.channel_expiry_blocks }),
    ...(order.announce_channel === null ? {} : { announceChannel: order.announce_channel }),
  }
}

export type StateWords = Readonly<Record<string, ReadPaymentState>>

export function readBolt11(
  bolt11: z.output<typeof bolt11Document>,
  words: StateWords = PAYMENT_STATES,
): Bolt11Option<ReadPaymentState> {
  return { ...optionOf(bolt11, words), invoice: bolt11.invoice }
}

export function readOnchain(
  onchain: Read<typeof onchainFields>,
  words: StateWords = PAYMENT_STATES,
): OnchainOption<ReadPaymentState> {
  return {
    ...optionOf(onchain, words),
    address: onchain.address,
    minConfirmations: onchain.min_onchain_payment_confirmations,
    minFeeFor0Conf: onchain.min_fee_for_0conf,
    refundOnchainAddress: onchain.refund_onchain_address,
    paidSat: null,
  }
}

export function optionOf(document: Read<typeof optionFields>, words: StateWords) {
  const state = lookUp(words, document.state)
  return {
    ...(state === null ? { state: 'UNKNOWN' as const, stateWord: document.state } : { state }),
    feeTotalSat: document.fee_total_sat,
    orderTotalSat: document.order_total_sat,
    expiresAt: document.expires_at,
  }
}

/** The family has no word for "open": a channel object means that its funding transaction is published. */
export function readChannel(channel: Read<typeof channelObjectFields>): Channel {
  return {
    state: channel.funding_outpoint === null ? 'PENDING' : 'OPENING',
    channelId: null,
    shortChannelId: null,
    fundingOutpoint: channel.funding_outpoint,
    fundedAt: channel.funded_at,
    expiresAt: channel.expires_at,
    closingTxid: null,
  }
}

// -- asking ----------------------------------------------------------------------------------------------

/** The minimum of `funding_confirms_within_blocks`: bLIP-51 §1, Kaleidoswap 0.2.0 CreateOrderRequest. */
const LEAST_FUNDING_BLOCKS = 1

/**
 * Both fields are required. The second is at least 1 even where get_info states 0, which is Kaleidoswap's default
 * (0.2.0 OrderOptions).
 */
export function confirmationFields(request: ChannelRequest) {
  const { requiredChannelConfirmations, fundingConfirmsWithinBlocks } = withDefaults(request, null)
  return {
    required_channel_confirmations: requiredChannelConfirmations,
    funding_confirms_within_blocks: Math.max(LEAST_FUNDING_BLOCKS, fundingConfirmsWithinBlocks),
  }
}

/** bLIP-51 §2: `lsp_balance_sat` is at least 1. */
export function withoutLspBalance({ lspBalanceSat }: ChannelRequest): UnsupportedParameter | null {
  if (lspBalanceSat > 0) return null
  return { field: 'lspBalanceSat', message: "this protocol requires a balance of at least 1 sat on the LSP's side" }
}

/** Only the drafts have a field for the fee rate of the funding transaction. */
export function withFeeRate({ fundingFeeRateSatPerVbyte }: ChannelRequest): UnsupportedParameter | null {
  if (fundingFeeRateSatPerVbyte === undefined) return null
  return {
    field: 'fundingFeeRateSatPerVbyte',
    message: 'this protocol has no field for fundingFeeRateSatPerVbyte; use fundingConfirmsWithinBlocks',
  }
}
