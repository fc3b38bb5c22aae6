import type { DocumentNode, ExecutionResult, Token } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { LimitsConfig } from '../../config/access.ts'
import type { ServerContext } from '../pipeline.ts'
import type { Grant } from './grant.ts'
import { valuesIn } from './operation-values.ts'
import { grantIsOver, rateLimited } from './refusals.ts'

/** A place is free again when somebody leaves, of which nobody knows when. */
const TRY_AGAIN_MS = 5_000

/** What one event may cost all subscriptions of a client together; more where more of them are allowed. */
export const LEAST_COST_OF_CLIENT = 5_000_000
const COST_OF_EACH = 100
/** What they were asked with is kept for as long as they are open. */
export const MOST_BYTES_OF_CLIENT = 250_000_000
export const MOST_BYTES = 500_000_000

/** A word or sign of a document, once it is parsed, and what is made of it. */
const BYTES_PER_TOKEN = 500
const BYTES_PER_VALUE = 60

export interface Subscribing {
  grant: Grant
  /** Of one event. */
  cost: number
  document: DocumentNode
  variables: unknown
}

/** What some subscriptions take together. A document that several are asked with is the same one, and there once. */
class Taken {
  count = 0
  cost = 0
  bytes = 0
  readonly #documents = new Map<DocumentNode, number>()

  bytesWith(document: DocumentNode, bytesOfVariables: number): number {
    return this.bytes + bytesOfVariables + (this.#documents.has(document) ? 0 : bytesOf(document))
  }

  add({ cost, document }: Subscribing, bytesOfVariables: number): void {
    this.bytes = this.bytesWith(document, bytesOfVariables)
    this.#documents.set(document, (this.#documents.get(document) ?? 0) + 1)
    this.count += 1
    this.cost += cost
  }

  remove({ cost, document }: Subscribing, bytesOfVariables: number): void {
    const others = (this.#documents.get(document) ?? 1) - 1
    if (others > 0) this.#documents.set(document, others)
    else this.#documents.delete(document)
    this.bytes -= bytesOfVariables + (others > 0 ? 0 : bytesOf(document))
    this.count -= 1
    this.cost -= cost
  }
}

/** What is open, of each client and in all. */
export class OpenSubscriptions {
  readonly #limits: Pick<LimitsConfig, 'totalSubscriptions'>
  readonly #ofClients = new Map<string, Taken>()
  readonly #all = new Taken()

  constructor(limits: Pick<LimitsConfig, 'totalSubscriptions'>) {
    this.#limits = limits
  }

  get total(): number {
    return this.#all.count
  }

  /**
   * Looks for room and takes it in one step: between two steps any number of others would find the same room.
   * @returns what gives the place back, once however often it is called. @throws GraphQLError RATE_LIMITED
   */
  take(subscribing: Subscribing): () => void {
    const { grant, cost, document, variables } = subscribing
    const { clientId, limits } = grant
    const ofClient = this.#ofClients.get(clientId) ?? new Taken()
    const mostCost = Math.max(LEAST_COST_OF_CLIENT, COST_OF_EACH * limits.subscriptions)
    const bytes = bytesOfValue(variables)
    if (ofClient.count >= limits.subscriptions)
      throw rateLimited(`no more than ${limits.subscriptions} subscriptions at once are allowed`, TRY_AGAIN_MS)
    if (ofClient.cost + cost > mostCost)
      throw rateLimited(
        `a cost of no more than ${mostCost} of all subscriptions together is allowed: ask for less of each event`,
        TRY_AGAIN_MS,
      )
    if (ofClient.bytesWith(document, bytes) > MOST_BYTES_OF_CLIENT)
      throw rateLimited(
        'no more different documents of subscriptions are allowed: ask with one, and variables',
        TRY_AGAIN_MS,
      )
    if (this.#all.count >= this.#limits.totalSubscriptions || this.#all.bytesWith(document, bytes) > MOST_BYTES)
      throw rateLimited('no more subscriptions are taken now', TRY_AGAIN_MS)
    this.#ofClients.set(clientId, ofClient)
    for (const taken of [ofClient, this.#all]) taken.add(subscribing, bytes)
    let isOpen = true
    return () => {
      if (!isOpen) return
      isOpen = false
      for (const taken of [ofClient, this.#all]) taken.remove(subscribing, bytes)
      if (ofClient.count === 0) this.#ofClients.delete(clientId)
    }
  }
}

/** Comments are no words, but are kept like them. */
function bytesOf({ loc }: DocumentNode): number {
  let tokens = 0
  for (let token: Token | null | undefined = loc?.startToken; token; token = token.next) tokens += 1
  return tokens * BYTES_PER_TOKEN + 2 * (loc?.source.body.length ?? 0)
}

function bytesOfValue(value: unknown): number {
  let bytes = 0
  for (const inner of valuesIn(value)) {
    bytes += BYTES_PER_VALUE
    if (typeof inner === 'string') bytes += 2 * inner.length
    else if (typeof inner === 'object' && inner !== null) for (const name of Object.keys(inner)) bytes += name.length
  }
  return bytes
}

type Results = AsyncIterable<ExecutionResult>

/** Bounds what is open at once, and ends it with the right to have it. */
export function watchSubscriptions(open: OpenSubscriptions): Plugin<object, ServerContext> {
  return {
    onSubscribe({ args, subscribeFn, setSubscribeFn }) {
      const { grant, cost = 0 } = args.contextValue as unknown as ServerContext
      if (!grant) return
      // Around the call alone: nothing that another policy throws leaves a place taken.
      setSubscribeFn(async (call: unknown) => {
        const release = open.take({ grant, cost, document: args.document, variables: args.variableValues })
        try {
          const result = (await subscribeFn(call as never)) as Results | ExecutionResult
          if (Symbol.asyncIterator in result) return new WatchedResults(result, grant, release)
          release()
          return result
        } catch (error) {
          release()
          throw error
        }
      })
    },
    // Whoever asks for a subscription and takes no stream gets neither, and nobody would end it.
    onResultProcess({ result, resultProcessor }) {
      if (!resultProcessor && Symbol.asyncIterator in result)
        void (result as AsyncIterable<ExecutionResult> & Partial<AsyncIterator<unknown>>).return?.()
    },
  }
}

/** Goes on until its source ends, its reader leaves, or the grant is over: then its last result says why. */
class WatchedResults implements AsyncGenerator<ExecutionResult, void, void> {
  readonly #source: AsyncIterator<ExecutionResult>
  readonly #release: () => void
  readonly #unlisten: () => void
  #isClosed = false
  /** What is still to be told of a grant that ended while nobody waited. */
  #last: ExecutionResult | null = null
  #interrupt: ((last: ExecutionResult) => void) | null = null

  constructor(source: Results, grant: Grant, release: () => void) {
    this.#source = source[Symbol.asyncIterator]()
    this.#release = release
    this.#unlisten = grant.onEnd((end) => {
      if (this.#isClosed) return
      release()
      void this.#leaveSource()
      const last = { errors: [grantIsOver(end)] }
      if (this.#interrupt) this.#interrupt(last)
      else this.#last = last
    })
  }

  next(): Promise<IteratorResult<ExecutionResult, void>> {
    if (this.#isClosed) return Promise.resolve({ value: undefined, done: true })
    if (this.#last) {
      this.#close()
      return Promise.resolve({ value: this.#last, done: false })
    }
    // Not by a race with a promise that lives as long as the subscription: that would keep every result.
    return new Promise((resolve, reject) => {
      this.#interrupt = (last) => {
        this.#close()
        resolve({ value: last, done: false })
      }
      this.#source.next().then(
        (next) => {
          this.#interrupt = null
          if (next.done) this.#close()
          // oxlint-disable-next-line promise/no-callback-in-promise -- resolve() is no callback
          resolve(next as IteratorResult<ExecutionResult, void>)
        },
        (error: unknown) => {
          this.#close()
          reject(error)
        },
      )
    })
  }

  async return(): Promise<IteratorResult<ExecutionResult, void>> {
    this.#close()
    await this.#leaveSource()
    return { value: undefined, done: true }
  }

  async throw(error: unknown): Promise<IteratorResult<ExecutionResult, void>> {
    await this.return()
    throw error
  }

  #close(): void {
    this.#isClosed = true
    this.#interrupt = null
    this.#release()
    this.#unlisten()
  }

  /** Somebody has left already: how the source takes it is nobody's concern any more. */
  async #leaveSource(): Promise<void> {
    await Promise.resolve(this.#source.return?.()).catch(() => {})
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}
