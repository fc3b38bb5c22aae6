import { z } from 'zod'
import { apiError } from '../errors.ts'
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
import { rememberBest } from './newest.ts'
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
  type FirmPolicy,
  type OptionPrice,
  type Quote,
  type QuoteAsset,
  type QuoteNote,
} from '../domain/quote.ts'
import { arrivals, compare, type Comparison } from '../quotes/comparison.ts'
import type { QuoteFailure } from '../quotes/quoting.ts'

const QuoteNoteType = builder.objectRef<QuoteNote>('QuoteNote').implement({
  description: 'Something to know before ordering.',
  fields: (t) => ({
    code: t.expose('code', { type: QuoteNoteCodeEnum, description: 'What it is about.' }),
    message: t.exposeString('message', { description: 'The note, for people.' }),
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
    assetId: t.exposeString('assetId', { description: 'RGB contract id of the asset.' }),
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
  description: 'Parts of a fee before a discount, in satoshis. null: the LSP does not report the part.',
  fields: (t) => ({
    setupFeeSat: t.expose('setupFeeSat', {
      description: 'The part that every channel costs.',
      type: 'Sat',
      nullable: true,
    }),
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
  description: 'A discount that a fee contains.',
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
  description: 'What a channel costs at one LSP. A quote never changes.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Id of the quote, for createOrder.' }),
    lsp: t.field({
      type: LspType,
      description: 'The LSP that asks this price.',
      resolve: (quote, _, { gateway }) => gateway.lsps.find(quote.lspId),
    }),
    basis: t.expose('basis', { description: 'How binding the price is.', type: PriceBasisEnum }),
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
      description:
        "Balance on the LSP's side as the LSP would deliver it, in satoshis; notes name differences from the request.",
      resolve: ({ terms }) => terms.lspBalanceSat,
    }),
    clientBalanceSat: t.field({
      type: 'Sat',
      description: "Balance on the client's side, in satoshis.",
      resolve: ({ terms }) => terms.clientBalanceSat,
    }),
    channelExpiryBlocks: t.int({
      description: 'Length of the lease, in blocks.',
      resolve: ({ terms }) => terms.channelExpiryBlocks,
    }),
    announceChannel: t.boolean({
      nullable: true,
      description: 'null: the protocol has no field for it; the LSP decides.',
      resolve: async ({ lspId, terms }, _, { gateway }) =>
        (await gateway.lsps.find(lspId)).adapter.requestFields.announceChannel ? terms.announceChannel : null,
    }),
    asset: t.field({
      type: QuoteAssetType,
      nullable: true,
      description: 'The asset side of the channel. null: no asset was requested.',
      resolve: quoteAssetOf,
    }),
    notes: t.field({
      type: [QuoteNoteType],
      description: 'Where the channel differs from the request, and what else to know before ordering.',
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
      description: 'How the order behind a FIRM quote was verified; empty for other prices.',
      resolve: (quote) => quote.checks,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the quote was made.' }),
    observedAt: t.expose('observedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the LSP asked an OBSERVED price. null: for other prices.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Until when the price holds. null: the price is not binding, so it does not expire.',
    }),
  }),
})

const QuoteFailureType = builder.objectRef<QuoteFailure>('QuoteFailure').implement({
  description: 'Why an LSP gave no price.',
  fields: (t) => ({
    lsp: t.field({
      type: LspType,
      description: 'The LSP that gave no price.',
      resolve: (failure, _, { gateway }) => gateway.lsps.find(failure.lspId),
    }),
    code: t.expose('code', { type: FailureCodeEnum, description: 'Why, for programs.' }),
    message: t.exposeString('message', { description: 'What happened and what to do, for people.' }),
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
  description: 'One answer for each LSP that was asked: a quote or a failure.',
  fields: (t) => ({
    quotes: t.field({ type: [QuoteType], description: 'Best first.', resolve: ({ quotes }) => quotes }),
    failures: t.field({
      type: [QuoteFailureType],
      description: 'LSPs that gave no price.',
      resolve: ({ failures }) => failures,
    }),
    elapsedMs: t.int({
      description: 'Duration of the comparison, in milliseconds.',
      resolve: ({ elapsedMs }) => Math.round(elapsedMs),
    }),
  }),
})

const QuoteOutcomeType = builder.unionType('QuoteOutcome', {
  description: "One LSP's answer.",
  types: [QuoteType, QuoteFailureType],
  resolveType: (value) => ('code' in value ? 'QuoteFailure' : 'Quote'),
})

/** To four decimals. */
const rounded = (value: number) => Math.round(value * 10_000) / 10_000

const REQUESTED = 'The channel that the client wants.'
const ASKED_LSPS = 'Ask only these LSPs. Default: all.'
const FIRM = 'Whether unpaid orders may be placed to learn prices.'
const DEADLINE = 'An LSP that has not answered after this many milliseconds, 1 to 120000, is a TIMEOUT.'
const deadline = z.number().min(1, 'at least 1 is wanted').max(120_000, 'at most 120000')

/** A GET may be repeated by anybody on its way, and must not place an order. @throws GraphQLError */
function assertNoSideEffect(isGet: boolean, firm: FirmPolicy): void {
  if (isGet && firm !== 'NEVER')
    throw apiError(
      'GET_HAS_NO_SIDE_EFFECTS',
      'firm: over GET only NEVER is accepted, since this operation may place an order. Send it by POST',
      { extensions: { field: 'firm', constraint: 'NEVER' }, headers: { Allow: 'POST' } },
    )
}

builder.queryFields((t) => ({
  quotes: t.field({
    type: QuoteComparisonType,
    description: `Compares what a channel costs at each LSP, best first by \`rankBy\`; each LSP appears in \`quotes\` or in \`failures\`.
With the default \`firm: WHEN_NEEDED\` this may place an unpaid order at LSPs that give prices in no other way; the same
question again uses the same order. Over HTTP GET only \`firm: NEVER\` is accepted.`,
    args: {
      request: t.arg({ type: ChannelRequestInput, required: true, description: REQUESTED }),
      lspIds: t.arg.idList({ description: ASKED_LSPS }),
      rankBy: t.arg({
        type: QuoteRankingEnum,
        required: true,
        defaultValue: 'TOTAL_FEE',
        description: 'What the quotes are sorted by.',
      }),
      firm: t.arg({ type: FirmPolicyEnum, required: true, defaultValue: 'WHEN_NEEDED', description: FIRM }),
      deadlineMs: t.arg.int({ required: true, defaultValue: 10_000, description: DEADLINE, validate: deadline }),
    },
    resolve: async (_, { request, lspIds, rankBy, firm, deadlineMs }, context) => {
      const { gateway, clientId, isGet } = context
      assertNoSideEffect(isGet, firm)
      const lsps = chosen(gateway.lsps.configured, lspIds)
      assertOneRfqTaker(request, lsps)
      const comparison = await compare(
        gateway.quoting,
        gateway.store,
        lsps,
        (lsp) => ({ clientId, request: requestFor(lsp.id, request), firm, deadlineMs }),
        rankBy,
      )
      rememberBest(context, comparison.quotes)
      return comparison
    },
  }),
  quote: t.field({
    type: QuoteType,
    nullable: true,
    description: `A quote remains readable after it has expired: for 30 days, and without limit once it was ordered. Of a client's
quotes that are not FIRM, the newest 100000 and those of the last ten minutes are kept. null: the caller has no such
quote.`,
    args: { id: t.arg.id({ required: true, description: 'Id of the quote.' }) },
    resolve: async (_, { id }, { gateway, clientId }) => (await gateway.store.quotes.byIds(clientId, [id]))[0] ?? null,
  }),
}))

builder.subscriptionFields((t) => ({
  quoteArrived: t.field({
    type: QuoteOutcomeType,
    description: 'The same comparison as `Query.quotes`, one LSP at a time, each as it answers.',
    args: {
      request: t.arg({ type: ChannelRequestInput, required: true, description: REQUESTED }),
      lspIds: t.arg.idList({ description: ASKED_LSPS }),
      firm: t.arg({ type: FirmPolicyEnum, required: true, defaultValue: 'WHEN_NEEDED', description: FIRM }),
      deadlineMs: t.arg.int({ required: true, defaultValue: 10_000, description: DEADLINE, validate: deadline }),
    },
    subscribe(_, { request, lspIds, firm, deadlineMs }, { gateway, clientId, isGet }) {
      assertNoSideEffect(isGet, firm)
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
