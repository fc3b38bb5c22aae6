import { changeOf } from '../domain/messages/order-changes.ts'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { uuidv7 } from 'uuidv7'
import type { z } from 'zod'
import {
  contentsSchema,
  DOCUMENT_VERSION,
  envelopeSchema,
  lspSchema,
  MAX_DOCUMENT_CHARACTERS,
  MAX_HISTORY_BYTES,
  orderSchema,
  type PortableContents,
  type PortableLsp,
  type PortableOrder,
} from './document.ts'
import { assertConsistent, assertSnapshotFits } from './consistency.ts'
import { importedMaximums, importedState, ownedOrder, ownedQuote, type Owner } from './owned.ts'
import { ImportRefusal } from './refusal.ts'
import { unseal } from './seal.ts'
import type { Order, OrderEvent } from '../domain/order-record.ts'
import type { ChannelRequest } from '../domain/request.ts'
import { cleanText } from '../domain/text.ts'
import type { Clock } from '../domain/time.ts'
import { OrderMoved, type OrderLog } from '../orders/log.ts'
import type { OrderReader } from '../orders/reading.ts'
import { IMPORTED } from '../store/imports.ts'
import type { Tracking } from '../store/orders.ts'
import type { Store, Stores } from '../store/store.ts'
import type { Lsp } from '../upstream/lsp.ts'
import type { LspRegistry } from '../upstream/registry.ts'

/** Read at once; in between, others are answered. */
const EVENTS_AT_ONCE = 50

/** What a client may have an LSP asked about on the word of documents: all readings of an LSP are out of one budget. */
const MOST_UNHEARD_OF = 50
/** What may be kept for a client on the word of documents, whether an LSP is still asked about it or not. */
export const MOST_UNVERIFIED = 5_000

/** Takes in orders that began at another gateway, and has them followed here. */
export class Importing {
  readonly #store: Store
  readonly #log: OrderLog
  readonly #reader: OrderReader
  readonly #lsps: LspRegistry
  readonly #clock: Clock

  constructor(options: { store: Store; log: OrderLog; reader: OrderReader; lsps: LspRegistry; clock: Clock }) {
    this.#store = options.store
    this.#log = options.log
    this.#reader = options.reader
    this.#lsps = options.lsps
    this.#clock = options.clock
  }

  /**
   * The order of the document, which is the client's from now on; one that is its already is given as it stands.
   * Its LSP is asked once before this returns, if it may be asked now and answers.
   * @throws ImportRefusal
   */
  async importOrder(
    clientId: string,
    document: string,
    { sealKey, clientPubkey }: { sealKey: string | null; clientPubkey: string | null },
  ): Promise<Order> {
    const { told, lsp, contents } = this.#read(document)
    assertOwnNode(contents.order, clientPubkey)
    const known = await this.#known(this.#store, clientId, lsp, told, contents.order.id)
    if (known) {
      assertOwnNode(known, clientPubkey)
      return known
    }
    assertConsistent(contents, told)
    const accessToken = await accessTokenOf(told, sealKey)
    const nextAt = await this.#store.transaction(({ budgets }) => budgets.takeImport(clientId, this.#clock.now()))
    if (nextAt !== null)
      throw new ImportRefusal('TOO_MANY', 'too many orders were imported within a minute: import this one later')
    let order: Order
    try {
      order = await this.#take(clientId, lsp, told, accessToken, contents)
    } catch (error) {
      // The same document was imported at the same moment: then it is here now.
      const meanwhile = await this.#known(this.#store, clientId, lsp, told, contents.order.id)
      if (!meanwhile) throw error
      return meanwhile
    }
    // One that the LSP never named cannot be asked about.
    return told.lspOrderId === null ? order : this.#reader.readNow(order.id)
  }

  #read(document: string): { told: PortableLsp; lsp: Lsp; contents: PortableContents } {
    if (document.length > MAX_DOCUMENT_CHARACTERS)
      throw new ImportRefusal('UNREADABLE', `the document is longer than ${MAX_DOCUMENT_CHARACTERS} characters`)
    const json = parseJson(document)
    const { version } = parse(envelopeSchema, json)
    if (version !== DOCUMENT_VERSION)
      throw new ImportRefusal(
        'UNKNOWN_VERSION',
        `the document is of version ${version}, and this gateway reads version ${DOCUMENT_VERSION}`,
      )
    const told = parse(lspSchema, (json as { lsp?: unknown }).lsp, 'lsp.')
    const lsp = this.#lsps.configured.find(
      ({ settings }) => settings.protocol === told.protocol && sameUrl(settings.url, told.url),
    )
    if (!lsp)
      throw new ImportRefusal(
        'UNKNOWN_LSP',
        `this gateway has no LSP that speaks ${told.protocol} at ${new URL(told.url).host}`,
      )
    if (lsp.settings.network !== told.network)
      throw new ImportRefusal(
        'UNKNOWN_LSP',
        `the order is on ${told.network}, and ${lsp.id} is on ${lsp.settings.network} here`,
      )
    const contents = parse(contentsSchema(told.network), json)
    if (contents.events.length !== contents.order.sequence)
      throw new ImportRefusal(
        'UNREADABLE',
        `the order is at event ${contents.order.sequence}, and the document has ${contents.events.length} events`,
      )
    return { told, lsp, contents }
  }

  /**
   * The order when it is here already. What this gateway itself placed is nobody's to import: a client that guesses
   * what an LSP calls somebody else's order would have it read, and refunded, with the operator's key.
   */
  async #known(
    { orders, imports, lsps }: Stores,
    clientId: string,
    lsp: Lsp,
    { lspOrderId }: PortableLsp,
    id: string,
  ): Promise<Order | null> {
    const same = (await orders.get(id))?.order
    if (same) return same.clientId === clientId ? same : refuseOthers()
    if (lspOrderId === null) return null
    // Under whatever id the operator has it, or had it.
    const namesakes = (await lsps.all()).filter(({ url }) => sameUrl(url, lsp.settings.url))
    const [holder] = await imports.holders(
      namesakes.map((one) => one.id),
      lspOrderId,
    )
    if (!holder) return null
    const held = holder.clientId === clientId && holder.orderId !== null ? await orders.get(holder.orderId) : null
    return held?.order ?? refuseOthers()
  }

  async #take(
    clientId: string,
    lsp: Lsp,
    told: PortableLsp,
    accessToken: string | null,
    contents: PortableContents,
  ): Promise<Order> {
    const { quote, order: portable } = contents
    const now = this.#clock.now()
    const placementId = uuidv7()
    const quoteId = quote === null || (await this.#store.imports.isQuote(quote.id)) ? uuidv7() : quote.id
    const owner: Owner = { clientId, lspId: lsp.id, placementId, quoteId }
    const order = {
      ...ownedOrder(portable, owner, told),
      state: importedState(portable, told),
      createdAt: Math.min(portable.createdAt, now),
      importedAt: now,
      // Whether another gateway has asked the LSP to open the channel is not known here.
      openRequest: null,
      maximums: importedMaximums(portable),
    }
    const history = await this.#history(contents, owner, told)
    const bytes = history.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0)
    const isOver = told.lspOrderId === null
    // It is read right after this; should nobody live to do that, the tracker does.
    const tracking: Tracking = {
      nextReadAt: isOver ? null : now + lsp.settings.timeoutMs,
      failures: 0,
      openAttempts: 0,
      final: isOver,
    }
    return this.#log.receive(
      order,
      tracking,
      changeOf('ORDER_IMPORTED', 'imported from another gateway', order.state),
      async (stores) => {
        // Held until the end, so that what was not here a moment ago is still not here.
        await stores.placements.lockLsp(lsp.id)
        const { inAll, waiting } = await stores.imports.hearsay(clientId, lsp.id)
        if (inAll >= MOST_UNVERIFIED)
          throw new ImportRefusal(
            'TOO_MANY',
            `of ${inAll} orders that you imported, no LSP has told anything here: no more are taken in`,
          )
        if (waiting >= MOST_UNHEARD_OF) {
          throw new ImportRefusal(
            'TOO_MANY',
            `${MOST_UNHEARD_OF} orders that you imported wait for what ${lsp.id} says of them: import this one when it has told about some`,
          )
        }
        const retryAt = await stores.budgets.takeImportedBytes(clientId, bytes, now)
        if (retryAt !== null) {
          throw new ImportRefusal(
            'TOO_MANY',
            `the orders that were imported within a day are as large as this gateway stores: try again after ${new Date(retryAt).toISOString()}`,
          )
        }
        if (await this.#known(stores, clientId, lsp, told, order.id))
          throw new OrderMoved('it was imported at the same moment')
        await this.#placed(stores, order, accessToken)
        if (quote) await stores.quotes.save([ownedQuote(quote, owner, order.createdAt)])
        await stores.imports.appendHistory(history)
      },
    )
  }

  /** As if it had been placed here, except that it counts against nobody's budget. */
  async #placed({ placements }: Stores, order: Order, accessToken: string | null): Promise<void> {
    const { placementId: id, clientId, lspId, lspOrderId, request, createdAt, id: orderId } = order
    const intent = {
      id,
      clientId,
      lspId,
      question: `${IMPORTED}${orderId}`,
      purpose: 'ORDER' as const,
      request,
      email: null,
      agreed: null,
      intendedAt: createdAt,
      standsUntil: createdAt,
    }
    await placements.intend(intent)
    await placements.settle({
      ...intent,
      status: lspOrderId === null ? 'LOST' : 'STANDING',
      orderId: null,
      lspOrderId,
      accessToken,
      reading: null,
      offer: null,
      failure: null,
    })
    await placements.adopt(id, orderId)
    await placements.markOver(id)
  }

  /** @throws ImportRefusal, also where little text makes a large history. */
  async #history(contents: PortableContents, owner: Owner, told: PortableLsp): Promise<OrderEvent[]> {
    const { id } = contents.order
    const history: OrderEvent[] = []
    const whole = orderSchema(told.network)
    const part = whole.partial()
    const sizes = new Map<string, number>()
    let total = 0
    let merged = {} as PortableOrder
    for (const event of contents.events) {
      const { sequence, at, previousState, state, message, order } = event
      if (sequence % EVENTS_AT_ONCE === 0) await othersTurn()
      // The first is whole; what a later one leaves out was read before.
      const changed = parse(sequence === 1 ? whole : part, order, `events[${sequence - 1}].order.`)
      merged = { ...merged, ...(changed as Partial<PortableOrder>) }
      for (const [key, value] of Object.entries(changed)) sizes.set(key, Buffer.byteLength(JSON.stringify(value)))
      for (const size of sizes.values()) total += size
      if (total > MAX_HISTORY_BYTES)
        throw new ImportRefusal(
          'UNREADABLE',
          `the document is too large: the orders that its events tell of are together more than ${MAX_HISTORY_BYTES} bytes`,
        )
      assertSnapshotFits(event, merged, contents, told)
      const snapshot = { ...ownedOrder(merged, owner, told), id, state, sequence }
      history.push({
        orderId: id,
        clientId: owner.clientId,
        sequence,
        at,
        previousState,
        state,
        message,
        order: snapshot,
      })
    }
    return history
  }
}

/** `clientPubkey`: the node that the client names; null: it names none. */
function assertOwnNode(
  { request }: { request: Pick<ChannelRequest, 'clientPubkey'> },
  clientPubkey: string | null,
): void {
  if (clientPubkey !== null && clientPubkey !== request.clientPubkey)
    throw new ImportRefusal(
      'OTHER_NODE',
      `the channel of this order is for the node ${request.clientPubkey}, not for clientPubkey`,
    )
}

function refuseOthers(): never {
  throw new ImportRefusal('NOT_YOURS', 'this order is here already, and is not yours')
}

/** null where the LSP wants none. */
async function accessTokenOf(
  { needsAccessToken, sealedAccessToken, ...told }: PortableLsp,
  sealKey: string | null,
): Promise<string | null> {
  if (sealedAccessToken === null) {
    if (!needsAccessToken) return null
    throw new ImportRefusal(
      'ACCESS_TOKEN_MISSING',
      'the LSP wants an access token of whoever asks about this order, and the document was exported without it: export it again, with a sealKey',
    )
  }
  if (sealKey === null)
    throw new ImportRefusal(
      'SEALED',
      'the access token in the document is sealed: give the sealKey that it was exported with',
    )
  const token = await unseal(sealedAccessToken, sealKey)
  if (!token)
    throw new ImportRefusal(
      'SEALED',
      'the sealKey does not open the access token in the document: it was exported with another key, or was changed',
    )
  const isOfThisOrder =
    token.lspOrderId === told.lspOrderId &&
    token.protocol === told.protocol &&
    token.url === told.url &&
    token.network === told.network
  if (!isOfThisOrder) throw new ImportRefusal('SEALED', 'the access token in the document was sealed for another order')
  return token.accessToken
}

function sameUrl(a: string, b: string): boolean {
  const plain = (url: string) => new URL(url).href.replace(/\/+$/, '')
  return plain(a) === plain(b)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new ImportRefusal('UNREADABLE', 'the document is not JSON; it has to be given whole, as orderExport gave it')
  }
}

/** Says where the first mistake is; never what stands there, which may be secret. */
function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, prefix = ''): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new ImportRefusal(
    'UNREADABLE',
    cleanText(
      `the document is not an order of this format: ${prefix}${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'does not fit'}`,
    ),
  )
}
