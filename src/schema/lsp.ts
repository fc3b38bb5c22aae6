import { builder } from './builder.ts'
import { AssetSchemaEnum, LspFeatureEnum, LspProtocolEnum, LspStateEnum, NetworkEnum } from './enums.ts'
import type { DatedLspInfo, LspAsset, LspLimits } from '../domain/lsp.ts'
import type { Lsp, LspStatus } from '../upstream/lsp.ts'

const LspLimitsType = builder.objectRef<LspLimits & Pick<DatedLspInfo, 'asOf'>>('LspLimits').implement({
  description: 'A limit that the LSP does not state is null, never 0.',
  fields: (t) => ({
    minLspBalanceSat: t.expose('minLspBalanceSat', {
      description: "Least balance on the LSP's side, in satoshis. null: the LSP does not state it.",
      type: 'Sat',
      nullable: true,
    }),
    maxLspBalanceSat: t.expose('maxLspBalanceSat', {
      description: "Largest balance on the LSP's side, in satoshis. null: the LSP does not state it.",
      type: 'Sat',
      nullable: true,
    }),
    minClientBalanceSat: t.expose('minClientBalanceSat', {
      description: "Least balance on the client's side, in satoshis. null: the LSP does not state it.",
      type: 'Sat',
      nullable: true,
    }),
    maxClientBalanceSat: t.expose('maxClientBalanceSat', {
      description: "Largest balance on the client's side, in satoshis. null: the LSP does not state it.",
      type: 'Sat',
      nullable: true,
    }),
    minChannelBalanceSat: t.expose('minChannelBalanceSat', {
      description: 'Least sum of both balances, in satoshis. null: the LSP does not state it.',
      type: 'Sat',
      nullable: true,
    }),
    maxChannelBalanceSat: t.expose('maxChannelBalanceSat', {
      description: 'Largest sum of both balances, in satoshis. null: the LSP does not state it.',
      type: 'Sat',
      nullable: true,
    }),
    maxChannelExpiryBlocks: t.exposeInt('maxChannelExpiryBlocks', {
      description: 'Longest lease, in blocks. null: the LSP does not state it.',
      nullable: true,
    }),
    minRequiredChannelConfirmations: t.exposeInt('minRequiredChannelConfirmations', {
      description: 'Least confirmations before the channel is usable. null: the LSP does not state it.',
      nullable: true,
    }),
    minFundingConfirmsWithinBlocks: t.exposeInt('minFundingConfirmsWithinBlocks', {
      description:
        'Least number of blocks within which the funding transaction confirms. null: the LSP does not state it.',
      nullable: true,
    }),
    minOnchainPaymentSat: t.expose('minOnchainPaymentSat', {
      description: 'Least total that can be paid on-chain, in satoshis. null: the LSP does not state it.',
      type: 'Sat',
      nullable: true,
    }),
    minOnchainPaymentConfirmations: t.exposeInt('minOnchainPaymentConfirmations', {
      description: 'Confirmations that an on-chain payment needs. null: the LSP does not state it.',
      nullable: true,
    }),
    asOf: t.expose('asOf', { type: 'DateTime', description: 'When the LSP last confirmed these limits.' }),
  }),
})

const LspAssetType = builder.objectRef<LspAsset>('LspAsset').implement({
  description: 'An RGB asset that the LSP offers channels for. Amounts are in its smallest unit.',
  fields: (t) => ({
    assetId: t.exposeString('assetId', { description: 'RGB contract id of the asset.' }),
    schema: t.expose('schema', {
      type: AssetSchemaEnum,
      nullable: true,
      description: "The asset's RGB contract schema. null: the protocol does not say.",
    }),
    name: t.exposeString('name', {
      description: 'Name of the asset. null: the LSP does not state it.',
      nullable: true,
    }),
    ticker: t.exposeString('ticker', {
      description: 'Ticker of the asset. null: the LSP does not state it.',
      nullable: true,
    }),
    precision: t.exposeInt('precision', {
      description: "Decimal places of the asset's display unit. null: the LSP does not state it.",
      nullable: true,
    }),
    minLspAmount: t.expose('minLspAmount', {
      description: "Least amount on the LSP's side. null: the LSP does not state it.",
      type: 'AssetAmount',
      nullable: true,
    }),
    maxLspAmount: t.expose('maxLspAmount', {
      description: "Largest amount on the LSP's side. null: the LSP does not state it.",
      type: 'AssetAmount',
      nullable: true,
    }),
    minClientAmount: t.expose('minClientAmount', {
      description: 'Least amount that the client may buy. null: the LSP does not state it.',
      type: 'AssetAmount',
      nullable: true,
    }),
    maxClientAmount: t.expose('maxClientAmount', {
      type: 'AssetAmount',
      nullable: true,
      description: 'The most that the client may buy with one channel.',
    }),
    minChannelAmount: t.expose('minChannelAmount', {
      type: 'AssetAmount',
      nullable: true,
      description: 'Least amount of both sides together.',
    }),
    maxChannelAmount: t.expose('maxChannelAmount', {
      type: 'AssetAmount',
      nullable: true,
      description: 'Largest amount of both sides together.',
    }),
    issuedSupply: t.expose('issuedSupply', {
      type: 'AssetAmount',
      nullable: true,
      description: 'Amount of the asset that was issued in total.',
    }),
  }),
})

const LspStatusType = builder.objectRef<LspStatus>('LspStatus').implement({
  description: 'How the LSP answered lately, as this instance saw it.',
  fields: (t) => ({
    state: t.expose('state', { description: 'Whether it answers.', type: LspStateEnum }),
    lastAnsweredAt: t.expose('lastAnsweredAt', {
      description: 'When it last answered. null: not yet.',
      type: 'DateTime',
      nullable: true,
    }),
    lastError: t.exposeString('lastError', {
      description: 'What the last failed request met. null: none failed yet.',
      nullable: true,
    }),
    latencyMs: t.int({
      nullable: true,
      description: 'Median response time of recent requests, in milliseconds. null: none yet.',
      resolve: ({ latencyMs }) => (latencyMs === null ? null : Math.round(latencyMs)),
    }),
    retryAt: t.expose('retryAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'The gateway sends no request before this time: the LSP is down or asked for a pause. null: it may be asked now.',
    }),
  }),
})

export const LspType = builder.objectRef<Lsp>('Lsp').implement({
  description: 'A Lightning Service Provider that this gateway is configured to use.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'The id that the operator chose.' }),
    name: t.string({
      description: 'Name of the LSP, as the operator configured it.',
      resolve: (lsp) => lsp.settings.name,
    }),
    network: t.field({
      type: NetworkEnum,
      description: 'Network of its channels.',
      resolve: (lsp) => lsp.settings.network,
    }),
    protocol: t.field({
      type: LspProtocolEnum,
      description: 'The wire protocol that the gateway speaks to it.',
      resolve: (lsp) => lsp.settings.protocol,
    }),
    website: t.string({
      nullable: true,
      description: 'Address for people. null: none is known.',
      resolve: (lsp) => lsp.settings.website ?? lsp.info?.website,
    }),
    nodeUris: t.stringList({
      description: "Addresses of the LSP's nodes, pubkey@host:port, as the LSP lists them; clearnet addresses first.",
      resolve: (lsp) => [...lsp.nodeUris],
    }),
    limits: t.field({
      type: LspLimitsType,
      nullable: true,
      description: 'null until the LSP has answered once, and for protocols that publish no limits.',
      resolve: ({ info }) => (info?.limits ? { ...info.limits, asOf: info.asOf } : null),
    }),
    features: t.field({ type: [LspFeatureEnum], description: 'What the LSP can do.', resolve: (lsp) => lsp.features }),
    assets: t.field({
      type: [LspAssetType],
      description: 'RGB assets that it offers channels for. Empty: none, or the LSP has not answered yet.',
      resolve: (lsp) => lsp.info?.assets ?? [],
    }),
    status: t.expose('status', { description: 'Whether it answers, and how fast.', type: LspStatusType }),
  }),
})

builder.queryFields((t) => ({
  lsps: t.field({
    type: [LspType],
    description: 'All configured LSPs, including those that are down.',
    resolve: (_, __, { gateway }) => gateway.lsps.configured,
  }),
  lsp: t.field({
    type: LspType,
    nullable: true,
    description: 'One LSP. null: no LSP has this id.',
    args: { id: t.arg.id({ required: true, description: 'Id of the LSP.' }) },
    resolve: (_, { id }, { gateway }) => gateway.lsps.findOrNull(id),
  }),
}))
