import { z } from 'zod'
import { builder } from './builder.ts'
import {
  CheckCodeEnum,
  CheckVerdictEnum,
  FailureCodeEnum,
  FirmPolicyEnum,
  PaymentMethodEnum,
  PriceBasisEnum,
  QuoteNoteCodeEnum,
  QuoteRankingEnum,
} from './enums.ts'
import { FIELD_AT_FAULT, LimitViolationType, VIOLATED_LIMIT } from './limit.ts'
import { LspType } from './lsp.ts'
import { assertOneRfqTaker, ChannelRequestInput, chosen, requestFor } from './request.ts'
import type { Check } from '../domain/offer.ts'
import type { PriceFit } from '../domain/tariff-fit.ts'
import {
  annualRatePercent,
  feePpm,
  optionPricesOf,
  quoteAssetOf,
  type FeeBreakdown,
  type FeeDiscount,
  type OptionPrice,
  type Quote,
  type QuoteAsset,
  type QuoteNote,
} from '../domain/quote.ts'
import { arrivals, compare, type Comparison } from '../quotes/comparison.ts'
import type { QuoteFailure } from '../quotes/quoting.ts'

const QuoteNoteType = builder.objectRef<QuoteNote>('QuoteNote').implement({
  fields: (t) => ({
    code: t.expose('code', { type: QuoteNoteCodeEnum }),
    message: t.exposeString('message'),
  }),
})

export const CheckType = builder.objectRef<Check>('Check').implement({
  description: 'One verification of what an LSP sent. A FAILED check withholds the payment option, or the whole offer.',
  fields: (t) => ({
    code: t.expose('code', { type: CheckCodeEnum, description: 'What was verified.' }),
    verdict: t.expose('verdict', { type: CheckVerdictEnum, description: 'The result.' }),
    method: t.field({
      type: PaymentMethodEnum,
      nullable: true,
      description: 'The payment method that was checked. null: the offer as a whole.',
      resolve: ({ method }) => method,
    }),
    expected: t.string({
      nullable: true,
      description: 'What was expected, so that a wallet can compare for itself. null: nothing to compare with.',
      resolve: ({ expected }) => expected,
    }),
    actual: t.string({
      nullable: true,
      description: 'What the LSP sent. null: it is not one value.',
      resolve: ({ actual }) => actual,
    }),
    message: t.exposeString('message', { description: 'What was compared with what, for people.' }),
  }),
})

const PriceFitType = builder.objectRef<PriceFit>('PriceFit').implement({
  description:
    'How a price was derived from the latest prices that the LSP asked for other channels: they lie on one line over the size of the channel.',
  fields: (t) => ({
    points: t.exposeInt('points', { description: 'Number of prices; at least 4.' }),
    oldestAt: t.expose('oldestAt', { type: 'DateTime', description: 'When the LSP asked the oldest of them.' }),
    newestAt: t.expose('newestAt', { type: 'DateTime', description: 'When the LSP asked the newest of them.' }),
    maxDeviationSat: t.expose('maxDeviationSat', {
      type: 'Sat',
      description: 'Largest difference between one of them and the line.',
    }),
  }),
})

const QuoteAssetType = builder.objectRef<QuoteAsset>('QuoteAsset').implement({
  description: 'The asset side of an RGB channel. Quote.asset is null if no asset was requested.',
  fields: (t) => ({
    assetId: t.exposeString('assetId'),
    lspAmount: t.expose('lspAmount', { type: 'AssetAmount', description: "Amount on the LSP's side." }),
    clientAmount: t.expose('clientAmount', {
      type: 'AssetAmount',
      nullable: true,
      description: 'Amount that the client buys.',
    }),
    priceSat: t.expose('priceSat', {
      type: 'Sat',
      nullable: true,
      description: `What the assets that the client buys cost. It is part of orderTotalSat, never of the fee, the rates or the ranking.
null: the client buys none, or the LSP does not report the price.`,
    }),
    rfqId: t.exposeString('rfqId', {
      nullable: true,
      description: "The id of the LSP's quote for priceSat; its end is the quote's expiresAt.",
    }),
  }),
})

const FeeBreakdownType = builder.objectRef<FeeBreakdown>('FeeBreakdown').implement({
  fields: (t) => ({
    setupFeeSat: t.expose('setupFeeSat', { type: 'Sat', nullable: true }),
    capacityFeeSat: t.expose('capacityFeeSat', {
      type: 'Sat',
      nullable: true,
      description: 'The part that depends on the size of the channel.',
    }),
    durationFeeSat: t.expose('durationFeeSat', {
      type: 'Sat',
      nullable: true,
      description: 'The part that depends on the length of the lease.',
    }),
  }),
})

const FeeDiscountType = builder.objectRef<FeeDiscount>('FeeDiscount').implement({
  fields: (t) => ({
    fraction: t.exposeFloat('fraction', {
      nullable: true,
      description: 'Part of the fee that is taken off, from 0 to 1. null: the LSP names only the code.',
    }),
    code: t.exposeString('code', { nullable: true, description: 'The code that the LSP applied.' }),
  }),
})

const OptionPriceType = builder.objectRef<OptionPrice>('OptionPrice').implement({
  description: 'What an order costs by one payment option.',
  fields: (t) => ({
    method: t.expose('method', { type: PaymentMethodEnum, description: 'The payment option.' }),
    feeTotalSat: t.expose('feeTotalSat', { type: 'Sat', description: 'Fee by this option, in satoshis.' }),
    orderTotalSat: t.expose('orderTotalSat', {
      type: 'Sat',
      description: 'What leaves the wallet by this option, in satoshis.',
    }),
  }),
})

export const QuoteType = builder.objectRef<Quote>('Quote').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    lsp: t.field({ type: LspType, resolve: (quote, _, { gateway }) => gateway.lsps.find(quote.lspId) }),
    basis: t.expose('basis', { type: PriceBasisEnum }),
    feeTotalSat: t.expose('feeTotalSat', {
      type: 'Sat',
      description: 'Fee by the cheapest payment option. It does not contain the price of assets that the client buys.',
    }),
    orderTotalSat: t.expose('orderTotalSat', {
      type: 'Sat',
      description:
        'Fee, client balance and the price of assets that the client buys, by the cheapest payment option: what leaves the wallet.',
    }),
    breakdown: t.field({
      type: FeeBreakdownType,
      nullable: true,
      description: 'The parts of an ESTIMATED fee, before a discount. null: the LSP reports none.',
      resolve: (quote) => quote.breakdown,
    }),
    discount: t.field({
      type: FeeDiscountType,
      nullable: true,
      description: 'The discount that an ESTIMATED fee contains. null: the LSP reports none.',
      resolve: (quote) => quote.discount,
    }),
    annualRatePercent: t.float({
      description:
        "Fee as a percentage of the LSP's balance, for one year of 52 560 blocks. An LSP balance of 0 counts as 1 sat.",
      nullable: true,
      resolve: (quote) => rounded(annualRatePercent(quote)),
    }),
    feePpm: t.float({
      description: "Fee per million satoshis of the LSP's balance. An LSP balance of 0 counts as 1 sat.",
      nullable: true,
      resolve: (quote) => rounded(feePpm(quote)),
    }),
    prices: t.field({
      type: [OptionPriceType],
      description: `Price of each payment option, cheapest first. Empty: the price is not known by option; orderTotalSat holds for each.`,
      resolve: optionPricesOf,
    }),
    lspBalanceSat: t.field({
      type: 'Sat',
      description: 'The channel as the LSP would deliver it.',
      resolve: ({ terms }) => terms.lspBalanceSat,
    }),
    clientBalanceSat: t.field({ type: 'Sat', resolve: ({ terms }) => terms.clientBalanceSat }),
    channelExpiryBlocks: t.int({ resolve: ({ terms }) => terms.channelExpiryBlocks }),
    announceChannel: t.boolean({
      nullable: true,
      description: 'null: the protocol has no field for it; the LSP decides.',
      resolve: async ({ lspId, terms }, _, { gateway }) =>
        (await gateway.lsps.find(lspId)).adapter.requestFields.announceChannel ? terms.announceChannel : null,
    }),
    asset: t.field({ type: QuoteAssetType, nullable: true, resolve: quoteAssetOf }),
    notes: t.field({
      type: [QuoteNoteType],
      description: 'Where those terms differ from the ones asked for, and anything else to know before ordering.',
      resolve: (quote) => quote.notes,
    }),
    fit: t.field({
      type: PriceFitType,
      nullable: true,
      description:
        "How an ESTIMATED price was derived from prices that the LSP asked recently. null: it is the LSP's own price.",
      resolve: ({ fit }) => fit,
    }),
    checks: t.field({
      type: [CheckType],
      description: 'How the offer behind a FIRM quote was checked; empty for other prices.',
      resolve: (quote) => quote.checks,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    observedAt: t.expose('observedAt', { type: 'DateTime', nullable: true }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
  }),
})

const QuoteFailureType = builder.objectRef<QuoteFailure>('QuoteFailure').implement({
  fields: (t) => ({
    lsp: t.field({ type: LspType, resolve: (failure, _, { gateway }) => gateway.lsps.find(failure.lspId) }),
    code: t.expose('code', { type: FailureCodeEnum }),
    message: t.exposeString('message'),
    field: t.exposeString('field', { nullable: true, description: FIELD_AT_FAULT }),
    limit: t.field({
      type: LimitViolationType,
      nullable: true,
      description: VIOLATED_LIMIT,
      resolve: ({ limit }) => limit,
    }),
    retryAt: t.expose('retryAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Earliest time to try again. null: waiting does not help, or no time is known.',
    }),
  }),
})

const QuoteComparisonType = builder.objectRef<Comparison>('QuoteComparison').implement({
  fields: (t) => ({
    quotes: t.field({ type: [QuoteType], description: 'Best first.', resolve: ({ quotes }) => quotes }),
    failures: t.field({ type: [QuoteFailureType], resolve: ({ failures }) => failures }),
    elapsedMs: t.int({
      description: 'Duration of the comparison, in milliseconds.',
      resolve: ({ elapsedMs }) => Math.round(elapsedMs),
    }),
  }),
})

const QuoteOutcomeType = builder.unionType('QuoteOutcome', {
  types: [QuoteType, QuoteFailureType],
  resolveType: (value) => ('code' in value ? 'QuoteFailure' : 'Quote'),
})

/** To four decimals. */
const rounded = (value: number) => Math.round(value * 10_000) / 10_000

const deadline = z.number().min(1, 'at least 1 is wanted').max(120_000, 'at most 120000')

builder.queryFields((t) => ({
  quotes: t.field({
    type: QuoteComparisonType,
    description: `What a channel would cost at each LSP, best first. Every LSP asked is in \`quotes\` or in \`failures\`; one that is
slow or down never holds back or fails the others. \`deadlineMs\` bounds the whole answer.`,
    args: {
      request: t.arg({ type: ChannelRequestInput, required: true }),
      lspIds: t.arg.idList({ description: 'Ask only these LSPs.' }),
      rankBy: t.arg({ type: QuoteRankingEnum, required: true, defaultValue: 'TOTAL_FEE' }),
      firm: t.arg({ type: FirmPolicyEnum, required: true, defaultValue: 'WHEN_NEEDED' }),
      deadlineMs: t.arg.int({ required: true, defaultValue: 10_000, validate: deadline }),
    },
    resolve: (_, { request, lspIds, rankBy, firm, deadlineMs }, { gateway, clientId }) => {
      const lsps = chosen(gateway.lsps.configured, lspIds)
      assertOneRfqTaker(request, lsps)
      return compare(
        gateway.quoting,
        gateway.store,
        lsps,
        (lsp) => ({ clientId, request: requestFor(lsp.id, request), firm, deadlineMs }),
        rankBy,
      )
    },
  }),
  quote: t.field({
    type: QuoteType,
    nullable: true,
    description: `A quote stays readable after it expires: for thirty days, and for good once it was ordered. Who has more than 100000
that are not FIRM is sure to have the newest of them, and those of the last ten minutes.`,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_, { id }, { gateway, clientId }) => (await gateway.store.quotes.byIds(clientId, [id]))[0] ?? null,
  }),
}))

builder.subscriptionFields((t) => ({
  quoteArrived: t.field({
    type: QuoteOutcomeType,
    description: 'The same comparison as `Query.quotes`, one LSP at a time, each as it answers.',
    args: {
      request: t.arg({ type: ChannelRequestInput, required: true }),
      lspIds: t.arg.idList(),
      firm: t.arg({ type: FirmPolicyEnum, required: true, defaultValue: 'WHEN_NEEDED' }),
      deadlineMs: t.arg.int({ required: true, defaultValue: 10_000, validate: deadline }),
    },
    subscribe(_, { request, lspIds, firm, deadlineMs }, { gateway, clientId }) {
      const lsps = chosen(gateway.lsps.configured, lspIds)
      assertOneRfqTaker(request, lsps)
      return arrivals(gateway.quoting, lsps, (lsp) => ({
        clientId,
        request: requestFor(lsp.id, request),
        firm,
        deadlineMs,
      }))
    },
    resolve: (outcome) => (outcome.kind === 'quote' ? outcome.quote : outcome.failure),
  }),
}))
