import { LONGEST_BEFORE_ACKNOWLEDGEMENT, TOO_LONG_BEFORE_ACKNOWLEDGEMENT } from './messages.ts'
import { FrameScanner } from '../websocket-frames.ts'

/**
 * Memory beside the payload: for the objects of each chunk that a connection delivers, and for those of each frame. A
 * message in fragments of one byte takes a hundred times its size.
 */
const OVERHEAD_BYTES = 256

interface Limits {
  /** Frames of one message, control frames in between included. */
  frames: number
  /** Chunks, fragments and overhead that one socket may hold for its unfinished message. */
  bytes: number
  /** The same for all sockets together. */
  totalBytes: number
}

/**
 * A socket before `connection_ack`. `connection_init` is one short message. `bytes` allows for one chunk of 64 kB that
 * ends within a frame.
 */
const STRANGER: Limits = { frames: 16, bytes: 98_304, totalBytes: 8_000_000 }
/** A message has at most 64 kB (`maxPayload`); the chunk in which it began is held with it. */
const CLIENT: Limits = { frames: 128, bytes: 262_144, totalBytes: 64_000_000 }

/** What `ws` itself refuses, should a limit above not have closed the socket first. */
export const MAX_FRAGMENTS = CLIENT.frames
export const MAX_BUFFERED_CHUNKS = CLIENT.bytes / OVERHEAD_BYTES

/** One limit for several sockets. The socket whose message began first is closed when the limit is exceeded. */
class Budget {
  readonly #most: number
  #used = 0
  /** In the order in which the messages began. */
  readonly #held = new Map<UnfinishedMessage, number>()

  constructor(most: number) {
    this.#most = most
  }

  hold(message: UnfinishedMessage, bytes: number): void {
    this.#used += bytes - (this.#held.get(message) ?? 0)
    if (bytes === 0) this.#held.delete(message)
    else this.#held.set(message, bytes)
    for (const [oldest] of this.#held) {
      if (this.#used <= this.#most) return
      this.hold(oldest, 0)
      oldest.evict()
    }
  }
}

/** Counts what all WebSockets have sent of messages that are not complete. */
export class UnfinishedMessages {
  readonly strangers = new Budget(STRANGER.totalBytes)
  readonly clients = new Budget(CLIENT.totalBytes)

  /** For a new socket. `evict` frees the memory of the socket at once: all sockets together hold too much. */
  open(evict: () => void): UnfinishedMessage {
    return new UnfinishedMessage(this, evict)
  }
}

/** Counts what one WebSocket has sent of a message that is not complete. */
export class UnfinishedMessage {
  readonly #all: UnfinishedMessages
  readonly #scanner = new FrameScanner()
  readonly evict: () => void
  #isClient = false
  #chunksBytes = 0
  #heldBytes = 0

  constructor(all: UnfinishedMessages, evict: () => void) {
    this.#all = all
    this.evict = evict
  }

  /** From now on the limits of a client apply. */
  acknowledge(): void {
    const bytes = this.#heldBytes
    this.#hold(0)
    this.#isClient = true
    this.#hold(bytes)
  }

  /** `chunk`: what the connection delivered next. @returns why the socket has to be closed; null: it may stay open. */
  add(chunk: Buffer): string | null {
    const beganHere = this.#scanner.read(chunk)
    const { frames, peakFrames, announcedBytes, isUnfinished } = this.#scanner
    // A fragment keeps the memory of its whole chunk.
    const chunkBytes = chunk.length + OVERHEAD_BYTES
    this.#chunksBytes = isUnfinished ? (beganHere ? 0 : this.#chunksBytes) + chunkBytes : 0
    this.#hold(this.#chunksBytes + frames * OVERHEAD_BYTES)
    const limits = this.#isClient ? CLIENT : STRANGER
    if (peakFrames > limits.frames) return `a message may have at most ${limits.frames} frames`
    if (!this.#isClient && announcedBytes > LONGEST_BEFORE_ACKNOWLEDGEMENT) return TOO_LONG_BEFORE_ACKNOWLEDGEMENT
    if (this.#heldBytes > limits.bytes) return `an unfinished message may take at most ${limits.bytes} bytes of memory`
    return null
  }

  /** The socket is closed. */
  release(): void {
    this.#hold(0)
  }

  #hold(bytes: number): void {
    this.#heldBytes = bytes
    const budget = this.#isClient ? this.#all.clients : this.#all.strangers
    budget.hold(this, bytes)
  }
}
