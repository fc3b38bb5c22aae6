import { changeOf } from '../domain/messages/order-changes.ts'
import { OrderMoved, type OrderLog } from './log.ts'
import { nodesOf, type OrderReader } from './reading.ts'
import { ACTION_STATES, type OrderAction } from '../domain/available-actions.ts'
import { LspFailure, type FailureCode, type FailureDetails } from '../domain/failure.ts'
import { pubkeyOfUri } from '../domain/lsp.ts'
import { isDeliveryStopped } from '../domain/order-asset.ts'
import { isAutomatic, isUnverifiedImport, type Order } from '../domain/order-record.ts'
import type { Refund } from '../domain/order.ts'
import { knownNodes } from '../domain/channel-progress.ts'
import { verifyRefundTarget, type RefundTarget } from '../domain/refund-target.ts'
import type { Clock } from '../domain/time.ts'
import type { ActionOutcome, Adapter, LspCall, OrderRef } from '../protocols/adapter.ts'
import { assertMayAct } from '../quotes/courtesy.ts'
import type { TrackedOrder } from '../store/orders.ts'
import type { Store } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import type { LspRegistry } from '../upstream/registry.ts'

export type ActionResult =
  | { kind: 'order'; order: Order }
  | { kind: 'not-found' }
  | { kind: 'not-possible'; message: string; order: Order }
  | { kind: 'lsp'; lspId: string; failure: FailureDetails }

type ActionCall = (call: LspCall, ref: OrderRef) => Promise<ActionOutcome>

/** Something that a client can have done with an open order. */
interface Action {
  name: OrderAction
  /** The adapter's function; undefined where its protocol has none. */
  of(adapter: Adapter): ActionCall | undefined
  /** Checks its input before the LSP is asked. `warnings` go into the event. */
  verify?(order: Order, lsp: Lsp): { problem: string | null; warnings: readonly string[] }
  message: string
  /** What changes in the order once it is done. */
  leaves?(order: Order, outcome: ActionOutcome): Partial<Order>
  /** Fields that the order keeps even if no answer came: the LSP may have carried out the action. */
  keeps?: Partial<Order>
  /** The order after the LSP has refused it; the order itself if nothing changes. */
  refused?: (order: Order, failure: LspFailure) => Order
  /** Absent: after it succeeded, the gateway goes on with an imported order as with its own. */
  imported?: {
    /** Whether it does so at all: the gateway uses the node that the document names. */
    goesOn(order: Order): boolean
    /** Also when the LSP refused the action: the gateway tries again by itself. */
    alsoAfterFailure: boolean
  }
}

/** What an action needs, where nothing is against it. */
interface Possible {
  tracked: TrackedOrder
  lsp: Lsp
  ref: OrderRef
  call: ActionCall
  warnings: readonly string[]
}

/** The LSP refunds what was paid; its later reports say how much. */
const NO_REFUND: Refund = { state: 'IN_FLIGHT', lightningSat: null, onchainSat: null, paidTo: null, paidAt: null }

/** Whether the LSP's protocol has a call for the action. */
export function supports(adapter: Adapter, action: OrderAction): boolean {
  switch (action) {
    case 'DECIDE_RATE':
      return adapter.decideRate !== undefined
    case 'OPEN_CHANNEL':
      return adapter.openChannel !== undefined
    case 'REQUEST_REFUND':
      return adapter.requestRefund !== undefined
    case 'RETRY_ASSET_DELIVERY':
      return adapter.retryDelivery !== undefined
  }
}

/** The LSP has no call for it, or nothing to deliver again. */
const RETRY_REFUSALS: ReadonlySet<FailureCode> = new Set(['UNSUPPORTED', 'WRONG_STATE', 'NOT_FOUND'])

export class OrderActions {
  readonly #store: Store
  readonly #log: OrderLog
  readonly #reader: OrderReader
  readonly #lsps: LspRegistry
  readonly #clock: Clock
  /** Orders that something is being done with here. */
  readonly #underWay = new Set<string>()

  constructor(options: { store: Store; log: OrderLog; reader: OrderReader; lsps: LspRegistry; clock: Clock }) {
    this.#store = options.store
    this.#log = options.log
    this.#reader = options.reader
    this.#lsps = options.lsps
    this.#clock = options.clock
  }

  decideRate(clientId: string, orderId: string, accept: boolean): Promise<ActionResult> {
    return this.#act(clientId, orderId, {
      name: 'DECIDE_RATE',
      of: ({ decideRate }) => decideRate && ((call, ref) => decideRate(call, ref, accept)),
      message: accept ? 'the new rate was accepted' : 'the new rate was refused',
      leaves: (order, { txid }) => ({
        ...(accept ? {} : { isRateDeclined: true }),
        ...(txid === null ? {} : { refund: { ...(order.refund ?? NO_REFUND), txid } }),
      }),
    })
  }

  openChannel(clientId: string, orderId: string, nodeUri: string | null): Promise<ActionResult> {
    const named = nodeUri === null ? {} : { openNodeUri: nodeUri }
    return this.#act(clientId, orderId, {
      name: 'OPEN_CHANNEL',
      of: ({ openChannel }) => openChannel && ((call, ref) => openChannel(call, ref, nodeUri ?? ref.clientNodeUri)),
      message: 'the LSP agreed to open the channel',
      leaves: () => ({
        openRequest: { failure: null },
        isRefundRequested: false,
        ...named,
      }),
      keeps: named,
      imported: {
        goesOn: ({ request }) => nodeUri === null || pubkeyOfUri(nodeUri) === request.clientPubkey,
        alsoAfterFailure: true,
      },
    })
  }

  requestRefund(clientId: string, orderId: string, target: RefundTarget): Promise<ActionResult> {
    return this.#act(clientId, orderId, {
      name: 'REQUEST_REFUND',
      of: ({ requestRefund }) => requestRefund && ((call, ref) => requestRefund(call, ref, target)),
      verify: (order, lsp) =>
        verifyRefundTarget(order, target, {
          network: lsp.settings.network,
          addressKinds: lsp.adapter.addressKinds,
          lspPubkeys: [...lsp.pubkeys, ...(order.lspNodeUris ?? []).flatMap((uri) => pubkeyOfUri(uri) ?? [])],
          now: this.#clock.now(),
        }),
      message: 'a refund was requested',
      leaves: () => ({ isRefundRequested: true }),
    })
  }

  retryAssetDelivery(clientId: string, orderId: string): Promise<ActionResult> {
    return this.#act(clientId, orderId, {
      name: 'RETRY_ASSET_DELIVERY',
      of: ({ retryDelivery }) => retryDelivery,
      message: 'the LSP was asked to deliver the asset again',
      leaves: () => ({ isRetryRefused: false }),
      refused: (order, { code }) =>
        RETRY_REFUSALS.has(code) && isDeliveryStopped(order) && !order.isRetryRefused
          ? { ...order, isRetryRefused: true }
          : order,
    })
  }

  async #act(clientId: string, orderId: string, action: Action): Promise<ActionResult> {
    const possible = await this.#possible(clientId, orderId, action)
    if ('kind' in possible) return possible
    const { lsp, tracked } = possible
    const isUnderWay: ActionResult = {
      kind: 'not-possible',
      message: 'another action on this order is under way',
      order: tracked.order,
    }
    // A lease ends when anybody writes the order, so that it alone does not keep two actions apart.
    if (this.#underWay.has(orderId)) return isUnderWay
    this.#underWay.add(orderId)
    try {
      const now = this.#clock.now()
      const lease = await this.#store.readings.leaseForAction(orderId, now, now + 2 * lsp.settings.timeoutMs)
      if (lease === null) return isUnderWay
      try {
        // An action that has ended since may have left nothing to do.
        const still = await this.#possible(clientId, orderId, action)
        if ('kind' in still) return still
        lsp.assertConfigured()
        await assertMayAct(this.#store, lsp.settings, clientId, this.#clock.now())
        await this.#carryOut(still, action)
      } finally {
        await this.#store.readings.release(lease, [orderId])
      }
    } catch (error) {
      if (!(error instanceof LspFailure)) throw error
      await this.#change(orderId, (order) => afterFailure(order, action, error))
      return { kind: 'lsp', lspId: lsp.id, failure: error.details() }
    } finally {
      this.#underWay.delete(orderId)
    }
    return { kind: 'order', order: await this.#reader.readNow(orderId) }
  }

  async #possible(clientId: string, orderId: string, action: Action): Promise<Possible | ActionResult> {
    const tracked = await this.#store.orders.get(orderId)
    if (tracked?.order.clientId !== clientId) return { kind: 'not-found' }
    const { order } = tracked
    const lsp = await this.#lsps.find(order.lspId)
    const impossible = (message: string): ActionResult => ({ kind: 'not-possible', message, order })
    if (isUnverifiedImport(order))
      return impossible('the order was imported, and its LSP has not reported it to this gateway yet')
    const states = ACTION_STATES[action.name]
    if (states && !states.includes(order.state))
      return impossible(`not possible while the order is ${order.state}; possible in: ${states.join(', ')}`)
    const { problem, warnings } = action.verify?.(order, lsp) ?? { problem: null, warnings: [] }
    if (problem !== null) return impossible(problem)
    const ref = await this.#reader.refOf(order)
    if (ref === null) return impossible('the LSP never gave this order an id')
    const call = action.of(lsp.adapter)
    return call ? { tracked, lsp, ref, call, warnings } : impossible(`${lsp.adapter.configName} has no such call`)
  }

  /** Changes the order without an event, and has it polled. `change` returns the order itself if nothing changes. */
  async #change(orderId: string, change: (order: Order) => Order): Promise<void> {
    for (;;) {
      const current = await this.#store.orders.get(orderId)
      if (!current) return
      const { order, tracking } = current
      const changed = change(order)
      if (changed === order) return
      try {
        await this.#log.write(order, changed, { ...tracking, nextReadAt: this.#clock.now() }, [])
        return
      } catch (error) {
        if (!(error instanceof OrderMoved)) throw error
      }
    }
  }

  async #carryOut({ tracked, lsp, ref, call, warnings }: Possible, action: Action): Promise<void> {
    const outcome = await call(
      lsp.call({ secrets: [ref.accessToken, tracked.order.request.token], client: tracked.order.clientId }),
      ref,
    )
    const { message, txid } = outcome
    const text = [action.message, message, txid === null ? null : `transaction ${txid}`]
      .filter((phrase) => phrase !== null && phrase !== '')
      .join(': ')
    const changes = [
      changeOf('ACTION_DONE', text, txid ?? message),
      ...warnings.map((warning) => changeOf('ACTION_WARNING', `warning: ${warning}`, warning)),
    ]
    // It is read right after this; should nobody live to do that, the tracker does, also where nothing was to come.
    const nextReadAt = this.#clock.now() + lsp.settings.timeoutMs
    for (
      let current: TrackedOrder | null = tracked;
      current;
      current = await this.#store.orders.get(tracked.order.id)
    ) {
      try {
        // An action is part of the order's history, whatever the order looks like afterwards.
        await this.#log.write(
          current.order,
          { ...withClientActed(current.order, action), ...action.leaves?.(current.order, outcome) },
          { ...current.tracking, nextReadAt, final: false },
          changes,
        )
        return
      } catch (error) {
        // The tracker was faster; the note goes onto what it wrote.
        if (!(error instanceof OrderMoved)) throw error
      }
    }
  }
}

/**
 * The order after an action failed: the gateway may try again by itself, and the failure may name the node to connect to.
 * @returns the order itself if nothing changes
 */
function afterFailure(order: Order, action: Action, failure: LspFailure): Order {
  const refused = action.refused?.(order, failure) ?? order
  const acted = action.imported?.alsoAfterFailure ? withClientActed(refused, action) : refused
  const nodes = nodesOf(failure)
  const kept = failure.effect === 'unknown' ? (action.keeps ?? {}) : {}
  if (nodes.length === 0 && Object.keys(kept).length === 0) return acted
  return { ...acted, ...kept, lspNodeUris: knownNodes(acted.lspNodeUris ?? [], nodes) }
}

/** @returns the order itself if nothing changes. */
function withClientActed(order: Order, { imported }: Action): Order {
  return isAutomatic(order) || imported?.goesOn(order) === false ? order : { ...order, hasClientActed: true }
}
