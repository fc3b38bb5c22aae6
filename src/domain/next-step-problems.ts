import { MOST_NODE_URIS, pubkeyOfUri } from './lsp.ts'
import { capitalized, contactLsp, contactText, paidText, step, type NextStep, type StepLsp } from './next-step-texts.ts'
import { clearnetFirst } from './node-address.ts'
import type { Order } from './order-record.ts'
import { overpaidSat } from './overpayment.ts'

// Next steps for what the LSP's later reports show: a channel for another node, a shorter lease, too large a payment.

/** The LSP's nodes: those that its answers about the order named, then those that it lists; addresses of clearnet first. */
export function lspNodesOf(
  { lspNodeUris = [] }: Order,
  { nodeUris = [] }: Pick<StepLsp, 'nodeUris'>,
): readonly string[] {
  const named = clearnetFirst(lspNodeUris)
  const isUseful = (uri: string) =>
    uri.includes('@') || !nodeUris.some((other) => pubkeyOfUri(other) === pubkeyOfUri(uri))
  return [...new Set([...named.filter(isUseful), ...nodeUris])].slice(0, MOST_NODE_URIS)
}

const SERVED: ReadonlySet<Order['state']> = new Set(['PAYMENT_HELD', 'PAID', 'CHANNEL_OPENING', 'COMPLETED'])

/** The order was paid, and the LSP opens the channel to a node that is not the client's. */
export function anotherNodeStep(order: Order, lsp: StepLsp): NextStep | null {
  const check = order.checks.find(({ code }) => code === 'CLIENT_ECHOED')
  if (check?.verdict !== 'FAILED' || order.paymentSeenAt === null || !SERVED.has(order.state)) return null
  return contactLsp(
    'CHANNEL_FOR_ANOTHER_NODE',
    `${paidText(order)}, but the LSP reports the channel for another node: ${check.message}.`,
    order,
    lsp,
    ' for the channel or a refund',
  )
}

/** The channel is closed too early, or ends too early by the LSP's report. */
export function brokenLeaseStep(order: Order, lsp: StepLsp, next: NextStep): NextStep | null {
  const check = order.checks.find(({ code }) => code === 'LEASE_KEPT')
  if (check?.verdict !== 'WARNING' || order.state !== 'COMPLETED' || next.action !== 'NOTHING') return null
  const closed = order.channelClosedAt === undefined ? '' : ' If your node did not close it,'
  const contact = contactText(order, lsp)
  return step(
    'LEASE_NOT_KEPT',
    'CLIENT',
    'CONTACT_LSP',
    `${capitalized(check.message)}.${closed} ${closed === '' ? capitalized(contact) : contact}`,
    order.channel?.expiresAt ?? null,
  )
}

/** Names what was paid too much. No protocol has a call to get it back. */
export function withOverpayment(next: NextStep, order: Order, lsp: StepLsp): NextStep {
  const excessSat = overpaidSat(order)
  if (excessSat === 0 || !SERVED.has(order.state)) return next
  const text = `${next.message} You paid ${excessSat} sat too much.`
  return next.action === 'NOTHING' && order.channelClosedAt === undefined
    ? {
        ...next,
        ...contactLsp('OVERPAID', text, order, lsp, ' to get them back'),
        deadline: next.deadline,
        overpaidSat: excessSat,
      }
    : { ...next, overpaidSat: excessSat, message: `${text} Only the LSP can return them: ${contactText(order, lsp)}` }
}
