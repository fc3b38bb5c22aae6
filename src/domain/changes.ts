import type { CheckName } from './checks.ts'
import type { Order } from './order-record.ts'
import { isUnknownToLsp } from './ending.ts'
import { arrivedSat, isSettled, optionsOf } from './payment.ts'
import { termDifferences } from './request.ts'
import { SECOND_MS, type EpochMs } from './time.ts'
import { dayOf } from './lease.ts'

/** What a wallet needs to know of a change, one phrase each. */
export function describeChanges(before: Order, after: Order): string[] {
  const changes: string[] = []
  const note = (changed: boolean, text: string) => {
    if (changed) changes.push(text)
  }
  note(isUnknownToLsp(before) && !isUnknownToLsp(after), 'the LSP knows this order again')
  note(!isUnknownToLsp(before) && isUnknownToLsp(after), 'the LSP says that it does not know this order')
  note(before.state !== after.state, `${words(before.state)} → ${words(after.state)}`)
  for (const option of ['bolt11', 'bolt12', 'onchain'] as const) {
    const [was, is] = [before.payment[option]?.state, after.payment[option]?.state]
    note(is !== undefined && was !== is, `${option} payment: ${words(is ?? '')}`)
  }
  const isOnchain = (after.payment.onchain?.paidSat ?? 0) > (before.payment.onchain?.paidSat ?? 0)
  note(isOnchain, `${after.payment.onchain?.paidSat} sat have arrived on chain`)
  note(
    !isOnchain && arrivedSat(after) > arrivedSat(before) && !optionsOf(after.payment).some(isSettled),
    `${arrivedSat(after)} sat have arrived`,
  )
  note(
    after.channel !== null && before.channel?.state !== after.channel.state,
    `channel: ${words(after.channel?.state ?? '')}`,
  )
  note(
    fact(before.channel?.fundingOutpoint, after.channel?.fundingOutpoint),
    fundingOutpointText(before.channel?.fundingOutpoint ?? null, after.channel?.fundingOutpoint ?? null),
  )
  note(
    fact(before.channel?.shortChannelId, after.channel?.shortChannelId),
    `short channel id ${after.channel?.shortChannelId}`,
  )
  note(
    fact(before.channel?.closingTxid, after.channel?.closingTxid),
    `closing transaction ${after.channel?.closingTxid}`,
  )
  note(
    fact(before.channel?.expiresAt, after.channel?.expiresAt) && !isLost(after),
    `channel guaranteed until ${dayOf(after.channel?.expiresAt ?? 0)}`,
  )
  note(
    after.refund !== null && before.refund?.state !== after.refund.state,
    `refund: ${words(after.refund?.state ?? '')}`,
  )
  for (const [name, words] of ASSET_FIELDS) {
    const [was, is] = [before.asset?.[name] ?? null, after.asset?.[name] ?? null]
    note(was !== null && is !== null && was !== is, `the LSP changed ${words}: ${was} → ${is}`)
  }
  note(
    before.asset?.deliveryStatus !== after.asset?.deliveryStatus && after.asset?.deliveryStatus != null,
    `asset delivery: ${words(after.asset?.deliveryStatus ?? '')}`,
  )
  note(
    before.asset?.priceSat !== after.asset?.priceSat && after.asset?.priceSat != null,
    before.asset?.priceSat == null
      ? `asset price ${after.asset?.priceSat} sat`
      : `asset price changed from ${before.asset.priceSat} sat to ${after.asset?.priceSat} sat`,
  )
  note(fact(before.lnurlChannel, after.lnurlChannel), 'an LNURL opens the channel')
  note(fact(before.jit?.shortChannelId, after.jit?.shortChannelId), 'a first payment can open the channel')
  note(fact(before.failureReason, after.failureReason), `the LSP says: ${after.failureReason}`)
  for (const difference of termDifferences(before.terms, after.terms))
    note(true, `the LSP changed ${difference.name}: ${difference.from} → ${difference.to}`)
  note(before.orderTotalSat !== after.orderTotalSat, `order total ${before.orderTotalSat} → ${after.orderTotalSat} sat`)
  note(
    isUnpaid(before) && isUnpaid(after) && isMoved(before.expiresAt, after.expiresAt),
    `payable until ${new Date(after.expiresAt ?? 0).toISOString()}`,
  )
  note(
    before.paymentUnconfirmed === true && !after.paymentUnconfirmed && after.paymentWarning === null,
    'the LSP confirmed what is to be paid',
  )
  for (const message of newProblems(before, after)) note(true, message)
  note(fact(before.paymentWarning, after.paymentWarning), after.paymentWarning ?? '')
  note(
    after.isReportedOpen === true && !before.isReportedOpen,
    'the LSP reports the order as open again; do not pay it',
  )
  note(
    after.state === 'UNKNOWN' && before.lspState !== after.lspState,
    `the LSP reports a state that the gateway does not know: ${after.lspState}`,
  )
  return changes
}

const REPORTED: ReadonlySet<CheckName> = new Set(['CLIENT_ECHOED', 'LEASE_KEPT', 'AMOUNT_PAID'])

/** Checks of the LSP's later reports that did not pass, unless the warning of the payment has the same text. */
function newProblems(before: Order, after: Order): string[] {
  const known = new Set(before.checks.map(({ name, message }) => `${name} ${message}`))
  return after.checks.flatMap(({ name, verdict, message }) =>
    REPORTED.has(name) &&
    verdict !== 'PASSED' &&
    !known.has(`${name} ${message}`) &&
    !after.paymentWarning?.includes(message)
      ? [message]
      : [],
  )
}
const ASSET_FIELDS = [
  ['assetId', 'the asset'],
  ['lspAmount', 'the asset amount on its side'],
  ['clientAmount', 'the asset amount for the client'],
] as const

function fundingOutpointText(before: string | null, after: string | null): string {
  return before === null ? `funding outpoint ${after}` : `funding outpoint changed from ${before} to ${after}`
}

/** Whether the channel failed or is closed, so that its guaranteed end means nothing. */
const isLost = ({ state, channel }: Order) =>
  state === 'FAILED' || channel?.state === 'FAILED' || channel?.state === 'CLOSED' || channel?.state === 'CLOSING'

const isUnpaid = ({ state }: Order) => state === 'AWAITING_PAYMENT' || state === 'UNDERPAID'

/** Some answers have whole seconds, and some have more. */
const isMoved = (before: EpochMs | null, after: EpochMs | null) =>
  before !== null && after !== null && Math.abs(after - before) > SECOND_MS

const fact = (before: unknown, after: unknown) => after !== null && after !== undefined && before !== after

const words = (name: string) => name.toLowerCase().replaceAll('_', ' ')
