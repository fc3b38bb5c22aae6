import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'

// RFC 9110, section 8.4: the codings in which a body may arrive.

/** Sent with every request. */
export const ACCEPT_ENCODING = 'gzip, deflate, br'

const MAX_CODINGS = 4

type Decoder = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>

const rawOrZlib: Decoder = (bytes, options) =>
  (hasZlibHeader(bytes) ? promisify(inflate) : promisify(inflateRaw))(bytes, options)

const DECODERS: Readonly<Record<string, Decoder>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: rawOrZlib,
  br: promisify(brotliDecompress),
}

/** `utf-8` is a charset that some servers send as a coding. */
const NO_CODING = new Set(['', 'identity', 'utf-8', 'utf8'])

export interface DecodedBody {
  /** Empty when there is a problem. */
  text: string
  problem: string | null
}

/** The decoded body is larger than the limit. */
export class DecodedTooLarge extends Error {
  override name = 'DecodedTooLarge'
}

/**
 * Decodes a body as its Content-Encoding says. No step produces more than `maxBytes`: zlib stops there.
 * @throws DecodedTooLarge
 */
export async function decodeBody(
  bytes: Uint8Array,
  contentEncoding: string | readonly string[] | undefined,
  maxBytes: number,
): Promise<DecodedBody> {
  const codings = [contentEncoding ?? []]
    .flat()
    .flatMap((header) => header.split(','))
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => !NO_CODING.has(coding))
  const unknown = codings.find((coding) => !Object.hasOwn(DECODERS, coding))
  if (unknown !== undefined) return { text: '', problem: `the content coding ${unknown} is not supported` }
  if (codings.length > MAX_CODINGS) return { text: '', problem: `more than ${MAX_CODINGS} content codings` }
  let decoded = bytes
  // The header lists the codings in the order in which they were applied.
  for (const coding of codings.toReversed()) {
    // A server that compresses everything sends an empty body as it is.
    if (decoded.length === 0) break
    try {
      decoded = await (DECODERS[coding] as Decoder)(decoded, { maxOutputLength: maxBytes })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new DecodedTooLarge()
      return { text: '', problem: `not valid ${coding}` }
    }
  }
  return { text: new TextDecoder().decode(decoded), problem: null }
}

/** RFC 1950. Some servers send deflate without this header. */
function hasZlibHeader(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0
}
