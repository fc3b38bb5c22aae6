import { builder } from './builder.ts'
import { AssetSchemaEnum, LspFeatureEnum, LspProtocolEnum, LspStateEnum, NetworkEnum } from './enums.ts'
import type { DatedLspInfo, LspAsset, LspLimits } from '../domain/lsp.ts'
import type { Lsp, LspStatus } from '../upstream/lsp.ts'

const LspLimitsType = builder.objectRef<LspLimits & Pick<DatedLspInfo, 'asOf'>>('LspLimits').implement({
  description: 'A limit that the LSP does not state is null, never 0.',
  fields: (t) => ({
    minLspBalanceSat: t.expose('minLspBalanceSat', { type: 'Sat', nullable: true }),
    maxLspBalanceSat: t.expose('maxLspBalanceSat', { type: 'Sat', nullable: true }),
    minClientBalanceSat: t.expose('minClientBalanceSat', { type: 'Sat', nullable: true }),
    maxClientBalanceSat: t.expose('maxClientBalanceSat', { type: 'Sat', nullable: true }),
    minChannelBalanceSat: t.expose('minChannelBalanceSat', { type: 'Sat', nullable: true }),
    maxChannelBalanceSat: t.expose('maxChannelBalanceSat', { type: 'Sat', nullable: true }),
    maxChannelExpiryBlocks: t.exposeInt('maxChannelExpiryBlocks', { nullable: true }),
    minRequiredChannelConfirmations: t.exposeInt('minRequiredChannelConfirmations', { nullable: true }),
    minFundingConfirmsWithinBlocks: t.exposeInt('minFundingConfirmsWithinBlocks', { nullable: true }),
    minOnchainPaymentSat: t.expose('minOnchainPaymentSat', { type: 'Sat', nullable: true }),
    minOnchainPaymentConfirmations: t.exposeInt('minOnchainPaymentConfirmations', { nullable: true }),
    asOf: t.expose('asOf', { type: 'DateTime', description: 'When the LSP last said so.' }),
  }),
})

const LspAssetType = builder.objectRef<LspAsset>('LspAsset').implement({
  fields: (t) => ({
    assetId: t.exposeString('assetId'),
    schema: t.expose('schema', {
      type: AssetSchemaEnum,
      nullable: true,
      description: "The asset's RGB contract schema. null: the protocol does not say.",
    }),
    name: t.exposeString('name', { nullable: true }),
    ticker: t.exposeString('ticker', { nullable: true }),
    precision: t.exposeInt('precision', { nullable: true }),
    minLspAmount: t.expose('minLspAmount', { type: 'AssetAmount', nullable: true }),
    maxLspAmount: t.expose('maxLspAmount', { type: 'AssetAmount', nullable: true }),
    minClientAmount: t.expose('minClientAmount', { type: 'AssetAmount', nullable: true }),
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
  fields: (t) => ({
    state: t.expose('state', { type: LspStateEnum }),
    lastAnsweredAt: t.expose('lastAnsweredAt', { type: 'DateTime', nullable: true }),
    lastError: t.exposeString('lastError', { nullable: true }),
    latencyMs: t.int({
      nullable: true,
      description: 'Median response time of recent requests, in milliseconds. null: none yet.',
      resolve: ({ latencyMs }) => (latencyMs === null ? null : Math.round(latencyMs)),
    }),
    retryAt: t.expose('retryAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'The gateway asks it nothing before this: it does not answer, or asked for a pause. null: it may be asked.',
    }),
  }),
})

export const LspType = builder.objectRef<Lsp>('Lsp').implement({
  fields: (t) => ({
    id: t.exposeID('id', { description: 'The id that the operator gave it.' }),
    name: t.string({ resolve: (lsp) => lsp.settings.name }),
    network: t.field({ type: NetworkEnum, resolve: (lsp) => lsp.settings.network }),
    protocol: t.field({
      type: LspProtocolEnum,
      description: 'The wire protocol it is spoken to in.',
      resolve: (lsp) => lsp.settings.protocol,
    }),
    website: t.string({ nullable: true, resolve: (lsp) => lsp.settings.website ?? lsp.info?.website }),
    nodeUris: t.stringList({
      description: "Addresses of the LSP's nodes, pubkey@host:port, as the LSP lists them; clearnet addresses first.",
      resolve: (lsp) => [...lsp.nodeUris],
    }),
    limits: t.field({
      type: LspLimitsType,
      nullable: true,
      description: 'null until the LSP has answered once, and where its protocol tells none.',
      resolve: ({ info }) => (info?.limits ? { ...info.limits, asOf: info.asOf } : null),
    }),
    features: t.field({ type: [LspFeatureEnum], resolve: (lsp) => lsp.features }),
    assets: t.field({ type: [LspAssetType], resolve: (lsp) => lsp.info?.assets ?? [] }),
    status: t.expose('status', { type: LspStatusType }),
  }),
})

builder.queryFields((t) => ({
  lsps: t.field({
    type: [LspType],
    description: 'Every configured LSP, whether or not it answers now.',
    resolve: (_, __, { gateway }) => gateway.lsps.configured,
  }),
  lsp: t.field({
    type: LspType,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_, { id }, { gateway }) => gateway.lsps.findOrNull(id),
  }),
}))
