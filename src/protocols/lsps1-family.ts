import { z } from 'zod'
import {
  absent,
  countField,
  idField,
  isoTimeField,
  lookUp,
  payloadField,
  satField,
  shownIdField,
  wordField,
} from './fields.ts'
import type { LspFeature, LspLimits } from '../domain/lsp.ts'
import type { Bolt11Option, Channel, OnchainOption } from '../domain/order.ts'
import type { ReadPaymentState } from '../domain/reading.ts'
import type { ChannelRequest, ChannelTerms } from '../domain/request.ts'

// What bLIP-51 and the APIs that descend from its drafts have in common: the options of get_info, the payment options,
// the channel object and the mirrored terms.

// -- documents -------------------------------------------------------------------------------------------

export const optionsDocument = z.object({
  min_required_channel_confirmations: absent(countField),
  min_funding_confirms_within_blocks: absent(countField),
  supports_zero_channel_reserve: absent(z.boolean()),
  max_channel_expiry_blocks: absent(countField),
  min_initial_client_balance_sat: absent(satField),
  max_initial_client_balance_sat: absent(satField),
  min_initial_lsp_balance_sat: absent(satField),
  max_initial_lsp_balance_sat: absent(satField),
  min_channel_balance_sat: absent(satField),
  max_channel_balance_sat: absent(satField),
  min_onchain_payment_confirmations: absent(countField),
  min_onchain_payment_size_sat: absent(satField),
})

/** What every payment option says. */
export const optionFields = {
  state: wordField,
  expires_at: absent(isoTimeField),
  fee_total_sat: satField,
  order_total_sat: satField,
}
export const bolt11Document = z.object({ ...optionFields, invoice: payloadField })
export const onchainDocument = z.object({
  ...optionFields,
  address: payloadField,
  min_onchain_payment_confirmations: absent(countField),
  min_fee_for_0conf: absent(countField),
  // Mirrored, and nothing hangs on it.
  refund_onchain_address: shownIdField,
})

export const channelDocument = z.object({
  funded_at: absent(isoTimeField),
  funding_outpoint: shownIdField,
  expires_at: absent(isoTimeField),
})

/** What an order says besides its payment and its channel; the terms are mirrored, and some LSPs leave some out. */
export const orderHeadDocument = z.object({
  order_id: idField,
  lsp_balance_sat: absent(satField),
  client_balance_sat: absent(satField),
  required_channel_confirmations: absent(countField),
  funding_confirms_within_blocks: absent(countField),
  channel_expiry_blocks: absent(countField),
  announce_channel: absent(z.boolean()),
  created_at: absent(isoTimeField),
  expires_at: absent(isoTimeField),
  order_state: wordField,
})

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

type Options = z.output<typeof optionsDocument>

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

type OrderHead = z.output<typeof orderHeadDocument>

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

type StateWords = Readonly<Record<string, ReadPaymentState>>

export function readBolt11(
  bolt11: z.output<typeof bolt11Document>,
  words: StateWords = PAYMENT_STATES,
): Bolt11Option<ReadPaymentState> {
  return { ...optionOf(bolt11, words), invoice: bolt11.invoice }
}

export function readOnchain(
  onchain: z.output<typeof onchainDocument>,
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

export function optionOf(document: z.output<z.ZodObject<typeof optionFields>>, words: StateWords) {
  const state = lookUp(words, document.state)
  return {
    ...(state === null ? { state: 'UNKNOWN' as const, stateWord: document.state } : { state }),
    feeTotalSat: document.fee_total_sat,
    orderTotalSat: document.order_total_sat,
    expiresAt: document.expires_at,
  }
}

/** The family has no word for "open": a channel object means that its funding transaction is published. */
export function readChannel(channel: z.output<typeof channelDocument>): Channel {
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

/** bLIP-51 wants both numbers; where neither the client nor the LSP names one, the text's own least is sent. */
export function confirmationFields(request: ChannelRequest) {
  return {
    required_channel_confirmations: request.requiredChannelConfirmations ?? 0,
    funding_confirms_within_blocks: request.fundingConfirmsWithinBlocks ?? 1,
  }
}
