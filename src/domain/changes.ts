import type { Check } from './checks.ts'
import type { CheckCode } from './messages/check-codes.ts'
import { changeOf, type OrderChange } from './messages/order-changes.ts'
import type { Order } from './order-record.ts'
import { isUnknownToLsp } from './ending.ts'
import { arrivedSat, isSettled, optionsOf } from './payment.ts'
import { termDifferences } from './request.ts'
import { SECOND_MS, type EpochMs } from './time.ts'
import { dayOf } from './lease.ts'

/** What differs between two states of an order, in the order in which a wallet reads it. */
export function describeChanges(before: Order, after: Order): OrderChange[] {
  return [
    ...stateChanges(before, after),
    ...paymentChanges(before, after),
    ...channelChanges(before, after),
    ...refundChanges(before, after),
    ...assetChanges(before, after),
    ...openableChanges(before, after),
    ...termChanges(before, after),
    ...problemChanges(before, after),
  ]
}

function stateChanges(before: Order, after: Order): OrderChange[] {
  const [wasUnknown, isUnknown] = [isUnknownToLsp(before), isUnknownToLsp(after)]
  return [
    wasUnknown && !isUnknown && changeOf('LSP_KNOWS_ORDER', 'the LSP knows this order again'),
    !wasUnknown && isUnknown && changeOf('LSP_FORGOT_ORDER', 'the LSP says that it does not know this order'),
    before.state !== after.state &&
      changeOf('STATE_CHANGED', `${words(before.state)} → ${words(after.state)}`, after.state, before.state),
  ].filter(isChange)
}

function paymentChanges(before: Order, after: Order): OrderChange[] {
  const options = (['bolt11', 'bolt12', 'onchain'] as const).map((kind) => {
    const [was, is] = [before.payment[kind]?.state, after.payment[kind]?.state]
    return is !== undefined && was !== is && changeOf('PAYMENT_CHANGED', `${kind} payment: ${words(is)}`, is, was)
  })
  const [wasOnchainSat, isOnchainSat] = [before.payment.onchain?.paidSat ?? 0, after.payment.onchain?.paidSat ?? 0]
  const [wasSat, isSat] = [arrivedSat(before), arrivedSat(after)]
  const arrived =
    isOnchainSat > wasOnchainSat
      ? changeOf('PAID_AMOUNT_CHANGED', `${isOnchainSat} sat have arrived on chain`, isOnchainSat, wasOnchainSat)
      : isSat > wasSat &&
        !optionsOf(after.payment).some(isSettled) &&
        changeOf('PAID_AMOUNT_CHANGED', `${isSat} sat have arrived`, isSat, wasSat)
  return [...options, arrived].filter(isChange)
}

function channelChanges({ channel: before }: Order, after: Order): OrderChange[] {
  const { channel } = after
  if (channel === null) return []
  const [was, is] = [before?.fundingOutpoint, channel.fundingOutpoint]
  return [
    before?.state !== channel.state &&
      changeOf('CHANNEL_CHANGED', `channel: ${words(channel.state)}`, channel.state, before?.state),
    isNew(was, is) &&
      changeOf(
        'FUNDING_OUTPOINT_CHANGED',
        was == null ? `funding outpoint ${is}` : `funding outpoint changed from ${was} to ${is}`,
        is,
        was,
      ),
    isNew(before?.shortChannelId, channel.shortChannelId) &&
      changeOf(
        'SHORT_CHANNEL_ID_CHANGED',
        `short channel id ${channel.shortChannelId}`,
        channel.shortChannelId,
        before?.shortChannelId,
      ),
    isNew(before?.closingTxid, channel.closingTxid) &&
      changeOf(
        'CLOSING_TXID_CHANGED',
        `closing transaction ${channel.closingTxid}`,
        channel.closingTxid,
        before?.closingTxid,
      ),
    channel.expiresAt !== null &&
      before?.expiresAt !== channel.expiresAt &&
      !isLost(after) &&
      changeOf(
        'LEASE_END_CHANGED',
        `channel guaranteed until ${dayOf(channel.expiresAt)}`,
        iso(channel.expiresAt),
        iso(before?.expiresAt),
      ),
  ].filter(isChange)
}

function refundChanges({ refund: before }: Order, { refund }: Order): OrderChange[] {
  return refund === null || before?.state === refund.state
    ? []
    : [changeOf('REFUND_CHANGED', `refund: ${words(refund.state)}`, refund.state, before?.state)]
}

function assetChanges({ asset: before }: Order, { asset }: Order): OrderChange[] {
  if (asset === null) return []
  const fields = ASSET_FIELDS.map(([name, text]) => {
    const [was, is] = [before?.[name] ?? null, asset[name] ?? null]
    return (
      was !== null &&
      is !== null &&
      was !== is &&
      changeOf('ASSET_CHANGED', `the LSP changed ${text}: ${was} → ${is}`, is, was)
    )
  })
  const { deliveryStatus, priceSat } = asset
  return [
    ...fields,
    isNew(before?.deliveryStatus, deliveryStatus) &&
      changeOf(
        'ASSET_DELIVERY_CHANGED',
        `asset delivery: ${words(deliveryStatus ?? '')}`,
        deliveryStatus,
        before?.deliveryStatus,
      ),
    isNew(before?.priceSat, priceSat) &&
      changeOf(
        'ASSET_PRICE_CHANGED',
        before?.priceSat == null
          ? `asset price ${priceSat} sat`
          : `asset price changed from ${before.priceSat} sat to ${priceSat} sat`,
        priceSat,
        before?.priceSat,
      ),
  ].filter(isChange)
}

function openableChanges(before: Order, after: Order): OrderChange[] {
  return [
    isNew(before.lnurlChannel, after.lnurlChannel) &&
      changeOf('LNURL_CHANNEL_CHANGED', 'an LNURL opens the channel', after.lnurlChannel, before.lnurlChannel),
    isNew(before.jit?.shortChannelId, after.jit?.shortChannelId) &&
      changeOf(
        'JIT_CHANNEL_CHANGED',
        'a first payment can open the channel',
        after.jit?.shortChannelId,
        before.jit?.shortChannelId,
      ),
    isNew(before.failureReason, after.failureReason) &&
      changeOf(
        'FAILURE_REASON_CHANGED',
        `the LSP says: ${after.failureReason}`,
        after.failureReason,
        before.failureReason,
      ),
  ].filter(isChange)
}

function termChanges(before: Order, after: Order): OrderChange[] {
  const terms = termDifferences(before.terms, after.terms).map(({ name, from, to }) =>
    changeOf('TERM_CHANGED', `the LSP changed ${name}: ${from} → ${to}`, String(to), String(from)),
  )
  const [wasSat, isSat] = [before.orderTotalSat, after.orderTotalSat]
  return [
    ...terms,
    wasSat !== isSat && changeOf('PRICE_CHANGED', `order total ${wasSat} → ${isSat} sat`, isSat, wasSat),
    isUnpaid(before) &&
      isUnpaid(after) &&
      isMoved(before.expiresAt, after.expiresAt) &&
      changeOf('EXPIRY_CHANGED', `payable until ${iso(after.expiresAt)}`, iso(after.expiresAt), iso(before.expiresAt)),
  ].filter(isChange)
}

function problemChanges(before: Order, after: Order): OrderChange[] {
  return [
    before.paymentUnconfirmed === true &&
      !after.paymentUnconfirmed &&
      after.paymentWarning === null &&
      changeOf('PAYMENT_CONFIRMED', 'the LSP confirmed what is to be paid'),
    ...newProblems(before, after).map(({ message, expected, actual }) =>
      changeOf('CHECK_CHANGED', message, actual, expected),
    ),
    isNew(before.paymentWarning, after.paymentWarning) &&
      changeOf('PAYMENT_WITHHELD', after.paymentWarning ?? '', after.paymentWarning, before.paymentWarning),
    after.isReportedOpen === true &&
      !before.isReportedOpen &&
      changeOf('REPORTED_OPEN_AGAIN', 'the LSP reports the order as open again; do not pay it', after.lspState),
    after.state === 'UNKNOWN' &&
      before.lspState !== after.lspState &&
      changeOf(
        'LSP_STATE_UNKNOWN',
        `the LSP reports a state that the gateway does not know: ${after.lspState}`,
        after.lspState,
        before.lspState,
      ),
  ].filter(isChange)
}

const isChange = (change: OrderChange | false): change is OrderChange => change !== false

const REPORTED: ReadonlySet<CheckCode> = new Set(['CLIENT_ECHOED', 'LEASE_KEPT', 'AMOUNT_PAID'])

/** Checks of the LSP's later reports that did not pass, unless the warning of the payment has the same text. */
function newProblems(before: Order, after: Order): Check[] {
  const known = new Set(before.checks.map(({ code, message }) => `${code} ${message}`))
  return after.checks.filter(
    ({ code, verdict, message }) =>
      REPORTED.has(code) &&
      verdict !== 'PASSED' &&
      !known.has(`${code} ${message}`) &&
      !after.paymentWarning?.includes(message),
  )
}
const ASSET_FIELDS = [
  ['assetId', 'the asset'],
  ['lspAmount', 'the asset amount on its side'],
  ['clientAmount', 'the asset amount for the client'],
] as const

/** Whether the channel failed or is closed, so that its guaranteed end means nothing. */
const isLost = ({ state, channel }: Order) =>
  state === 'FAILED' || channel?.state === 'FAILED' || channel?.state === 'CLOSED' || channel?.state === 'CLOSING'

const isUnpaid = ({ state }: Order) => state === 'AWAITING_PAYMENT' || state === 'UNDERPAID'

/** Some answers have whole seconds, and some have more. */
const isMoved = (before: EpochMs | null, after: EpochMs | null) =>
  before !== null && after !== null && Math.abs(after - before) > SECOND_MS

/** Whether there is a value now, and it is another one. */
const isNew = (before: unknown, after: unknown) => after !== null && after !== undefined && before !== after

const iso = (time: EpochMs | null | undefined) => (time == null ? null : new Date(time).toISOString())

const words = (name: string) => name.toLowerCase().replaceAll('_', ' ')
