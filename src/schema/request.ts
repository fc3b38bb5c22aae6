import { z } from 'zod'
import { badInput } from './bad-input.ts'
import { builder } from './builder.ts'
import { ZERO_SAT } from '../domain/money.ts'
import type { ChannelRequest } from '../domain/request.ts'

const MAX_BLOCKS = 0x7fff_ffff
const MAX_CONFIRMATIONS = 0xffff

/** Satoshis per virtual byte; more than any block has cost. */
const MAX_FEE_RATE = 100_000

/** host:port, where the host is a name, an IPv4 address, or an IPv6 address in brackets. */
const HOST_PORT = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+):\d{1,5}$/i

const AssetRfqInput = builder.inputType('AssetRfqInput', {
  description: "The id of one LSP's own quote for the price of an asset (RFQ).",
  fields: (t) => ({
    lspId: t.id({ required: true, description: 'Id of the LSP.' }),
    rfqId: t.string({
      required: true,
      description: "The LSP's id of its quote, 1 to 256 characters.",
      validate: z.string().min(1).max(256),
    }),
  }),
})

const AssetRequestInput = builder.inputType('AssetRequestInput', {
  description: 'The asset side of an RGB channel.',
  fields: (t) => ({
    assetId: t.string({
      required: true,
      description: 'RGB contract id of the asset.',
      validate: z.string().min(1).max(256),
    }),
    lspAmount: t.field({ type: 'AssetAmount', required: true, description: "Amount on the LSP's side." }),
    clientAmount: t.field({
      type: 'AssetAmount',
      description: 'Amount that the client buys. Quote.asset.priceSat is its price, which orderTotalSat contains.',
    }),
    rfqs: t.field({
      type: [AssetRfqInput],
      description: `Ids of LSPs' own quotes for the asset's price, when the client buys assets. Each belongs to one LSP. Default: the
gateway requests a quote from each LSP that gives them; its id is Quote.asset.rfqId, and its end ends the quote.`,
      validate: z.array(z.unknown()).max(100).nullish(),
    }),
    rfqId: t.string({
      description: `An id as in \`rfqs\`, without its LSP. It is an error if more than one of the asked LSPs gives quotes for assets.`,
      deprecationReason: 'Use rfqs: a quote belongs to one LSP.',
      validate: z.string().max(256).nullish(),
    }),
  }),
})

const LspTokenInput = builder.inputType('LspTokenInput', {
  description: 'A coupon or access token of one LSP. No other LSP gets it.',
  fields: (t) => ({
    lspId: t.id({ required: true, description: 'Id of the LSP.' }),
    token: t.string({
      required: true,
      description: 'The token, up to 1024 characters.',
      validate: z.string().max(1_024),
    }),
  }),
})

export const ChannelRequestInput = builder.inputType('ChannelRequestInput', {
  description: 'The channel that a client wants.',
  fields: (t) => ({
    clientPubkey: t.field({ type: 'PublicKey', required: true, description: "Public key of the client's node." }),
    clientAddress: t.string({
      description:
        "Address at which the LSP can reach the client's node, host:port. Drafts 0.0.1 and 0.0.2 require it; without it they fail with UNSUPPORTED.",
      validate: z.string().max(255).regex(HOST_PORT, 'host:port is wanted').nullish(),
    }),
    lspBalanceSat: t.field({
      type: 'Sat',
      required: true,
      description:
        "Balance on the LSP's side, which is the client's inbound liquidity. 0 asks for a channel with only a client balance; LSPS1 and ThunderStack fail with UNSUPPORTED.",
    }),
    clientBalanceSat: t.field({
      type: 'Sat',
      required: true,
      defaultValue: ZERO_SAT,
      description: "Balance on the client's side, in satoshis. The client pays it in addition to the fee.",
    }),
    channelExpiryBlocks: t.int({
      required: true,
      defaultValue: 12_960,
      description: 'How long the LSP must keep the channel open, in blocks. 12960 blocks are about 90 days.',
      validate: z.number().min(1, 'at least 1 is wanted').max(MAX_BLOCKS),
    }),
    requiredChannelConfirmations: t.int({
      description:
        "Confirmations before the channel is usable; 0 asks for a zero-conf channel. Default: 1, or 6 if the channel is announced, or the LSP's minimum if it is greater.",
      validate: z.number().min(0).max(MAX_CONFIRMATIONS).nullish(),
    }),
    fundingConfirmsWithinBlocks: t.int({
      description:
        "The funding transaction must confirm within this many blocks. Default: 6, or the LSP's minimum if it is greater.",
      validate: z.number().min(1).max(MAX_CONFIRMATIONS).nullish(),
    }),
    fundingFeeRateSatPerVbyte: t.float({
      description:
        'Fee rate of the funding transaction, in satoshis per virtual byte. Only drafts 0.0.1 and 0.0.2 have a field for it; other protocols fail with UNSUPPORTED. Default: the LSP decides.',
      validate: z.number().min(1).max(MAX_FEE_RATE).nullish(),
    }),
    announceChannel: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Whether the channel is announced to the network.',
    }),
    refundOnchainAddress: t.string({
      description:
        'Where to refund an on-chain payment. Without it, on-chain payment is not offered. Drafts 0.0.1 and 0.0.2 have no field for it: there on-chain payment needs no address, and the LSP never gets it.',
      validate: z
        .string()
        .min(14)
        .max(100)
        .regex(/^[a-z0-9]+$/i, 'an address is wanted')
        .nullish(),
    }),
    tokens: t.field({
      type: [LspTokenInput],
      description: 'Coupons or access tokens, for individual LSPs.',
      validate: z.array(z.unknown()).max(100).nullish(),
    }),
    asset: t.field({ type: AssetRequestInput, description: 'The RGB asset in the channel. Default: none.' }),
  }),
})

type ChannelRequestArgs = typeof ChannelRequestInput.$inferInput

/** The request as one LSP gets to see it: with its own token, and nobody else's. */
export function requestFor(lspId: string, input: ChannelRequestArgs): ChannelRequest {
  if (input.lspBalanceSat === 0 && input.clientBalanceSat === 0)
    throw badInput('request: lspBalanceSat and clientBalanceSat are both 0; set at least one of them')
  return {
    clientPubkey: input.clientPubkey,
    clientAddress: input.clientAddress ?? null,
    lspBalanceSat: input.lspBalanceSat,
    clientBalanceSat: input.clientBalanceSat,
    channelExpiryBlocks: input.channelExpiryBlocks,
    requiredChannelConfirmations: input.requiredChannelConfirmations ?? null,
    fundingConfirmsWithinBlocks: input.fundingConfirmsWithinBlocks ?? null,
    ...(input.fundingFeeRateSatPerVbyte == null ? {} : { fundingFeeRateSatPerVbyte: input.fundingFeeRateSatPerVbyte }),
    announceChannel: input.announceChannel,
    refundOnchainAddress: input.refundOnchainAddress ?? null,
    token: input.tokens?.find((token) => token.lspId === lspId)?.token ?? null,
    asset: input.asset
      ? {
          assetId: input.asset.assetId,
          lspAmount: input.asset.lspAmount,
          clientAmount: input.asset.clientAmount ?? null,
          rfqId: rfqIdFor(lspId, input.asset),
        }
      : null,
  }
}

/** Without `rfqs`, the deprecated `rfqId`; see `assertOneRfqTaker`. */
function rfqIdFor(lspId: string, { rfqs, rfqId }: typeof AssetRequestInput.$inferInput): string | null {
  return rfqs ? (rfqs.find((rfq) => rfq.lspId === lspId)?.rfqId ?? null) : (rfqId ?? null)
}

/** A quote for an asset belongs to one LSP, and must not reach another. @throws GraphQLError */
export function assertOneRfqTaker(
  { asset }: ChannelRequestArgs,
  lsps: readonly { id: string; adapter: { takesAssetQuotes?: boolean } }[],
): void {
  if (asset?.rfqs || asset?.rfqId == null) return
  const takers = lsps.filter(({ adapter }) => adapter.takesAssetQuotes).map(({ id }) => id)
  if (takers.length > 1)
    throw badInput(
      `request.asset.rfqId: ${takers.join(', ')} give quotes for assets, and an id belongs to one of them. Use rfqs`,
    )
}

/** @throws for an id that no LSP has: dropping it would answer a question that was not asked. */
export function chosen<Lsp extends { id: string }>(
  lsps: readonly Lsp[],
  ids: readonly string[] | null | undefined,
): readonly Lsp[] {
  if (!ids) return lsps
  if (ids.length === 0)
    throw badInput('lspIds: the list is empty. Name at least one LSP, or leave lspIds out to ask all')
  const unknown = ids.filter((id) => !lsps.some((lsp) => lsp.id === id))
  if (unknown.length > 0)
    throw badInput(`lspIds: no LSP has the id ${unknown.map((id) => JSON.stringify(id.slice(0, 64))).join(', ')}`)
  return lsps.filter((lsp) => ids.includes(lsp.id))
}
