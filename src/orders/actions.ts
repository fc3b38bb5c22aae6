import { OrderMoved, type OrderLog } from './log.ts'
import type { OrderReader } from './reading.ts'
import { addressProblem } from '../domain/address.ts'
import { LspFailure, type FailureDetails } from '../domain/failure.ts'
import { decodeInvoice } from '../domain/invoice.ts'
import type { Order } from '../domain/order-record.ts'
import type { OrderState } from '../domain/order.ts'
import type { ActionOutcome, Adapter, LspCall, OrderRef, RefundTarget } from '../protocols/adapter.ts'
import type { TrackedOrder } from '../store/orders.ts'
import type { Store } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import type { LspRegistry } from '../upstream/registry.ts'

export type ActionResult =
  | { kind: 'order'; order: Order }
  | { kind: 'not-found' }
  | { kind: 'not-possible'; message: string; state: OrderState }
  | { kind: 'lsp'; lspId: string; failure: FailureDetails }

/** What a client can have done with an order that stands. */
interface Action {
  /** In these states it makes sense; null: the LSP decides. */
  states: readonly OrderState[] | null
  /** The adapter's function, bound; null where its protocol has none. */
  call(adapter: Adapter, call: LspCall, ref: OrderRef): Promise<ActionOutcome> | null
  /** What is wrong with it before the LSP is bothered. */
  problem?(lsp: Lsp): string | null
  message: string
  /** What of the order is otherwise once it is done. */
  leaves?: Partial<Order>
}

const REFUNDABLE: readonly OrderState[] = ['UNDERPAID', 'PAYMENT_HELD', 'PAID', 'RATE_DECISION_REQUIRED', 'CHANNEL_OPENING', 'EXPIRED', 'FAILED', 'REFUND_PENDING', 'UNKNOWN']

export class OrderActions {
  readonly #store: Store
  readonly #log: OrderLog
  readonly #reader: OrderReader
  readonly #lsps: LspRegistry

  constructor(options: { store: Store; log: OrderLog; reader: OrderReader; lsps: LspRegistry }) {
    this.#store = options.store
    this.#log = options.log
    this.#reader = options.reader
    this.#lsps = options.lsps
  }

  decideRate(clientId: string, orderId: string, accept: boolean): Promise<ActionResult> {
    return this.#act(clientId, orderId, {
      states: ['RATE_DECISION_REQUIRED'],
      call: (adapter, call, ref) => adapter.decideRate?.(call, ref, accept) ?? null,
      message: accept ? 'the new rate was accepted' : 'the new rate was refused',
    })
  }

  openChannel(clientId: string, orderId: string, nodeUri: string | null): Promise<ActionResult> {
    return this.#act(clientId, orderId, {
      states: ['PAID'],
      call: (adapter, call, ref) => adapter.openChannel?.(call, ref, nodeUri ?? ref.clientNodeUri) ?? null,
      message: 'the LSP was asked to open the channel, and does',
      leaves: { openRequest: { failure: null } },
    })
  }

  requestRefund(clientId: string, orderId: string, target: RefundTarget): Promise<ActionResult> {
    return this.#act(clientId, orderId, {
      states: REFUNDABLE,
      call: (adapter, call, ref) => adapter.requestRefund?.(call, ref, target) ?? null,
      problem: (lsp) => refundProblem(target, lsp),
      message: 'a refund was requested',
    })
  }

  retryAssetDelivery(clientId: string, orderId: string): Promise<ActionResult> {
    return this.#act(clientId, orderId, {
      states: null,
      call: (adapter, call, ref) => adapter.retryDelivery?.(call, ref) ?? null,
      message: 'the LSP was asked to deliver the asset again',
    })
  }

  async #act(clientId: string, orderId: string, action: Action): Promise<ActionResult> {
    const tracked = await this.#store.orders.get(orderId)
    if (tracked?.order.clientId !== clientId) return { kind: 'not-found' }
    const { order } = tracked
    const lsp = this.#lsps.require(order.lspId)
    const impossible = (message: string): ActionResult => ({ kind: 'not-possible', message, state: order.state })
    if (action.states && !action.states.includes(order.state)) return impossible(`not in the state ${order.state}; it takes ${action.states.join(', ')}`)
    const problem = action.problem?.(lsp) ?? null
    if (problem !== null) return impossible(problem)
    const ref = await this.#reader.refOf(order)
    if (ref === null) return impossible('the LSP never named this order')
    try {
      const done = action.call(lsp.adapter, lsp.call({ secrets: [ref.accessToken, order.request.token] }), ref)
      if (done === null) return impossible(`${lsp.adapter.configName} has no such call`)
      const { message, txid } = await done
      await this.#note(tracked, action, [action.message, message, txid === null ? null : `transaction ${txid}`])
    } catch (error) {
      if (!(error instanceof LspFailure)) throw error
      return { kind: 'lsp', lspId: lsp.id, failure: error.details() }
    }
    return { kind: 'order', order: await this.#readAgain(orderId) }
  }

  /** An action is part of the order's history, whatever the order looks like afterwards. */
  async #note(tracked: TrackedOrder, action: Action, phrases: readonly (string | null)[]): Promise<void> {
    const text = phrases.filter((phrase) => phrase !== null && phrase !== '').join(': ')
    for (let current: TrackedOrder | null = tracked; current; current = await this.#store.orders.get(tracked.order.id)) {
      try {
        await this.#log.write(current.order, { ...current.order, ...action.leaves }, current.tracking, [text])
        return
      } catch (error) {
        // The tracker was faster; the note goes onto what it wrote.
        if (!(error instanceof OrderMoved)) throw error
      }
    }
  }

  /** The order as the action left it: read at once, since whoever acted is looking. */
  async #readAgain(orderId: string): Promise<Order> {
    const tracked = await this.#store.orders.get(orderId)
    if (!tracked) throw new Error(`the order ${orderId} is gone`)
    try {
      return await this.#reader.read(tracked)
    } catch (error) {
      if (!(error instanceof OrderMoved)) throw error
      return (await this.#store.orders.get(orderId))?.order ?? tracked.order
    }
  }
}

/** A refund goes to one place, which must be one on the LSP's network. */
function refundProblem({ bolt11Invoice, onchainAddress }: RefundTarget, lsp: Lsp): string | null {
  if ((bolt11Invoice === null) === (onchainAddress === null)) return 'give either bolt11Invoice or onchainAddress'
  if (onchainAddress !== null) {
    const problem = addressProblem(onchainAddress, lsp.settings.network)
    return problem && `onchainAddress: ${problem}, and the LSP is on ${lsp.settings.network}`
  }
  try {
    const invoice = decodeInvoice(bolt11Invoice ?? '')
    return invoice.networks.includes(lsp.settings.network) ? null : `bolt11Invoice: not of the LSP's network, ${lsp.settings.network}`
  } catch (error) {
    return `bolt11Invoice: ${(error as Error).message}`
  }
}
