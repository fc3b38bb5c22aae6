import type { ExecutionResult } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { LimitsConfig } from '../../config/access.ts'
import type { ServerContext } from '../pipeline.ts'
import type { Grant } from './grant.ts'
import { grantIsOver, rateLimited } from './refusals.ts'

/** A place is free again when somebody leaves, of which nobody knows when. */
const TRY_AGAIN_MS = 5_000

/** How many subscriptions are open, of each client and in all. */
export class OpenSubscriptions {
  readonly #limits: Pick<LimitsConfig, 'totalSubscriptions'>
  readonly #ofClients = new Map<string, number>()
  #total = 0

  constructor(limits: Pick<LimitsConfig, 'totalSubscriptions'>) {
    this.#limits = limits
  }

  get total(): number {
    return this.#total
  }

  /**
   * Looks for room and takes it in one step: between two steps any number of others would find the same room.
   * @returns what gives the place back, once however often it is called. @throws GraphQLError RATE_LIMITED
   */
  take({ clientId, limits }: Grant): () => void {
    const ofClient = this.#ofClients.get(clientId) ?? 0
    if (ofClient >= limits.subscriptions) throw rateLimited(`no more than ${limits.subscriptions} subscriptions at once are allowed`, TRY_AGAIN_MS)
    if (this.#total >= this.#limits.totalSubscriptions) throw rateLimited('no more subscriptions are taken now', TRY_AGAIN_MS)
    this.#total += 1
    this.#ofClients.set(clientId, ofClient + 1)
    let isOpen = true
    return () => {
      if (!isOpen) return
      isOpen = false
      this.#total -= 1
      const left = (this.#ofClients.get(clientId) ?? 1) - 1
      if (left === 0) this.#ofClients.delete(clientId)
      else this.#ofClients.set(clientId, left)
    }
  }
}

type Results = AsyncIterable<ExecutionResult>

/** Bounds what is open at once, and ends it with the right to have it. */
export function watchSubscriptions(open: OpenSubscriptions): Plugin<object, ServerContext> {
  return {
    onSubscribe({ args, subscribeFn, setSubscribeFn }) {
      const { grant } = args.contextValue as unknown as ServerContext
      if (!grant) return
      // Around the call alone: nothing that another policy throws leaves a place taken.
      setSubscribeFn(async (call: unknown) => {
        const release = open.take(grant)
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
      if (!resultProcessor && Symbol.asyncIterator in result) void (result as AsyncIterable<ExecutionResult> & Partial<AsyncIterator<unknown>>).return?.()
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
