const CONTROL_FRAME = 0x08
const LAST_FRAGMENT = 0x80
const MASKED = 0x80
/** RFC 6455, section 5.2: 2 bytes, up to 8 of an extended length, and 4 of a mask. */
const LONGEST_HEADER = 14

/**
 * Follows the frames of one WebSocket (RFC 6455, section 5.2) in the bytes of its connection, without the payloads. It
 * knows how much of a message has arrived before the message is complete, which `ws` does not tell.
 */
export class FrameScanner {
  readonly #header = Buffer.alloc(LONGEST_HEADER)
  #headerLength = 0
  #payloadLeft = 0
  #isLastFragment = false
  #isControl = false
  /** The first fragments of a message have arrived, and the last one has not. */
  #isFragmented = false
  /** Frames since the last moment at which no frame and no message was unfinished; control frames in between count. */
  frames = 0
  /** The largest value that `frames` had while the latest chunk was read. */
  peakFrames = 0
  /** Bytes of payload that the frames of the unfinished message announce. */
  announcedBytes = 0

  get isUnfinished(): boolean {
    return this.#isFragmented || this.#headerLength > 0
  }

  /** @returns whether what is unfinished after `chunk` began within it. */
  read(chunk: Buffer): boolean {
    let beganHere = !this.isUnfinished
    this.peakFrames = this.frames
    let at = 0
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const taken = Math.min(this.#payloadLeft, chunk.length - at)
        this.#payloadLeft -= taken
        at += taken
      } else {
        this.#header[this.#headerLength++] = chunk[at++] as number
        if (this.#headerLength < this.#headerNeeded) continue
        this.#begin()
      }
      if (this.#payloadLeft > 0) continue
      this.#end()
      if (!this.isUnfinished) beganHere = true
    }
    return beganHere
  }

  get #headerNeeded(): number {
    if (this.#headerLength < 2) return 2
    const second = this.#header[1] as number
    return 2 + extendedLengthBytes(second & 0x7f) + (second & MASKED ? 4 : 0)
  }

  #begin(): void {
    const [first = 0, second = 0] = this.#header
    this.#isLastFragment = (first & LAST_FRAGMENT) !== 0
    this.#isControl = (first & CONTROL_FRAME) !== 0
    const short = second & 0x7f
    const extended = extendedLengthBytes(short)
    this.#payloadLeft =
      extended === 0
        ? short
        : extended === 2
          ? this.#header.readUInt16BE(2)
          : // Exact up to 2^53. `ws` closes the socket for far less.
            Number(this.#header.readBigUInt64BE(2))
    this.frames += 1
    this.peakFrames = Math.max(this.peakFrames, this.frames)
    if (!this.#isControl) this.announcedBytes += this.#payloadLeft
  }

  #end(): void {
    this.#headerLength = 0
    if (!this.#isControl) this.#isFragmented = !this.#isLastFragment
    if (this.#isFragmented) return
    this.frames = 0
    this.announcedBytes = 0
  }
}

function extendedLengthBytes(short: number): 0 | 2 | 8 {
  return short === 126 ? 2 : short === 127 ? 8 : 0
}
