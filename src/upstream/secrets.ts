/** A shorter text is not treated as a secret: replacing it would damage honest texts. */
const SHORTEST = 4
/** From this length on a secret is replaced everywhere. A shorter one may be part of an honest id or invoice. */
const UNMISTAKABLE = 8
/** The text in place of a secret. */
export const REDACTED = '[secret]'

/**
 * Replaces secrets in texts, so that an LSP that repeats our key in an error does not get it into a log, a metric or a
 * client's answer. Finds secrets as they are and percent-encoded. A malicious LSP can always encode them otherwise.
 */
export function redactor(secrets: readonly (string | null)[]): (text: string) => string {
  const forms = new Set(
    secrets
      .flatMap((secret) => (secret === null ? [] : [secret, percentEncoded(secret)]))
      .filter(({ length }) => length >= SHORTEST),
  )
  // The longest first: otherwise a secret that contains another would be replaced only in part.
  const ordered = [...forms].toSorted((a, b) => b.length - a.length)
  const unmistakable = ordered.filter(({ length }) => length >= UNMISTAKABLE)
  const words = ordered
    .slice(unmistakable.length)
    .map((word) => new RegExp(`(?<![\\p{L}\\p{N}])${escaped(word)}(?![\\p{L}\\p{N}])`, 'gu'))
  return (text) => {
    const clean = unmistakable.reduce((partly, secret) => partly.replaceAll(secret, REDACTED), text)
    // A text without a space may be a state, a time or an amount that equals a short coupon, and must stay readable.
    return /\s/.test(clean) ? words.reduce((partly, word) => partly.replace(word, REDACTED), clean) : clean
  }
}

/** A lone surrogate, which a client may send, cannot be encoded and would throw. */
const percentEncoded = (text: string) => encodeURIComponent(text.replace(/\p{Cs}/gu, '\uFFFD'))

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

/** A copy of a document with every text in it redacted. */
export function redactTexts<Document>(document: Document, secrets: readonly (string | null)[]): Document {
  const redact = redactor(secrets)
  return JSON.parse(JSON.stringify(document), (_key, value: unknown) =>
    typeof value === 'string' ? redact(value) : value,
  ) as Document
}
