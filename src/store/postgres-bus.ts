import { randomBytes } from 'node:crypto'
import { Client, type PoolConfig } from 'pg'
import type { HintBus } from './engine.ts'
import type { TimedQuery } from './postgres-pool.ts'

const CHANNEL = 'sluice_hints'
/** PostgreSQL takes less than 8000 bytes. */
const PAYLOAD_BYTES = 7_000
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5_000
/** A connection may be gone without a word: it is asked now and then. */
const CHECK_EVERY_MS = 15_000
const CHECK: TimedQuery = { text: 'select 1', query_timeout: 5_000 }

/**
 * Hints by LISTEN and NOTIFY: the topics only, never what there is to know about them. They are sent after the
 * transaction, not in it, because a commit that notifies waits for every other one that does. What is lost while
 * the connection is, whoever follows the log finds by looking.
 */
export class PostgresBus implements HintBus {
  readonly #options: PoolConfig
  readonly #send: (payload: string, channel: string) => Promise<void>
  /** Tells our own messages from those of others. */
  readonly #self = randomBytes(6).toString('hex')
  readonly #listeners = new Set<(topic: string) => void>()
  #pending = new Set<string>()
  #sending: Promise<void> | null = null
  #client: Client | null = null
  #timer: NodeJS.Timeout | null = null
  #failures = 0
  #closed = false

  constructor(options: PoolConfig, send: (payload: string, channel: string) => Promise<void>) {
    this.#options = options
    this.#send = send
  }

  notify(topics: readonly string[]): void {
    if (this.#closed) return
    for (const topic of topics) this.#pending.add(topic)
    this.#sending ??= this.#flush().finally(() => {
      this.#sending = null
    })
  }

  /** One message at a time, with all that has come up meanwhile. */
  async #flush(): Promise<void> {
    // Whoever changes many orders at once gives many hints in the same turn.
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    while (this.#pending.size > 0) {
      const topics = this.#pending
      this.#pending = new Set()
      for (const payload of this.#payloads(topics)) await this.#send(payload, CHANNEL).catch(() => {})
    }
  }

  *#payloads(topics: Iterable<string>): Iterable<string> {
    let payload = this.#self
    for (const topic of topics) {
      const line = `\n${topic}`
      if (Buffer.byteLength(payload) + Buffer.byteLength(line) > PAYLOAD_BYTES) {
        if (payload !== this.#self) yield payload
        payload = this.#self
      }
      // One too long to be told is found by looking.
      if (Buffer.byteLength(payload) + Buffer.byteLength(line) <= PAYLOAD_BYTES) payload += line
    }
    if (payload !== this.#self) yield payload
  }

  listen(onTopic: (topic: string) => void): () => void {
    this.#listeners.add(onTopic)
    if (this.#client === null && this.#timer === null) this.#connect()
    return () => this.#listeners.delete(onTopic)
  }

  #connect(): void {
    this.#timer = null
    const client = new Client(this.#options)
    this.#client = client
    client.on('notification', ({ payload = '' }) => this.#tell(payload))
    client.on('error', () => this.#reconnect(client))
    client.on('end', () => this.#reconnect(client))
    client
      .connect()
      .then(() => client.query(`listen ${CHANNEL}`))
      .then(() => {
        this.#failures = 0
        this.#checkLater(client)
      })
      .catch(() => this.#reconnect(client))
  }

  #checkLater(client: Client): void {
    if (this.#closed || this.#client !== client) return
    this.#timer = setTimeout(() => {
      client.query(CHECK).then(
        () => this.#checkLater(client),
        () => this.#reconnect(client),
      )
    }, CHECK_EVERY_MS)
    this.#timer.unref()
  }

  #reconnect(client: Client): void {
    if (this.#client !== client || this.#closed) return
    this.#client = null
    if (this.#timer) clearTimeout(this.#timer)
    void client.end().catch(() => {})
    const waitMs =
      Math.min(FIRST_WAIT_MS * 2 ** Math.min(this.#failures++, 10), LONGEST_WAIT_MS) * (0.5 + Math.random())
    this.#timer = setTimeout(() => this.#connect(), waitMs)
    this.#timer.unref()
  }

  #tell(payload: string): void {
    const [sender, ...topics] = payload.split('\n')
    if (sender === this.#self) return
    for (const topic of topics) for (const listener of this.#listeners) listener(topic)
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#sending
    await this.#client?.end().catch(() => {})
  }
}
