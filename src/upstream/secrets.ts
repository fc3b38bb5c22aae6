/** Shorter is no secret, and replacing it would ruin honest texts. */
const SHORTEST = 4
/** From here on it is replaced wherever it stands; what is shorter may well be part of an honest id or invoice. */
const UNMISTAKABLE = 8
const REDACTED = '[secret]'

/**
 * Takes secrets out of texts: an LSP that repeats our own key in an error must not get it into a log, a metric or
 * a client's answer. It finds them as they are and percent-encoded; an LSP that means harm can always rewrite them.
 */
export function redactor(secrets: readonly (string | null)[]): (text: string) => string {
  const forms = new Set(
    secrets
      .flatMap((secret) => (secret === null ? [] : [secret, percentEncoded(secret)]))
      .filter(({ length }) => length >= SHORTEST),
  )
  // The longest first: what is left of one that holds another would tell the rest.
  const ordered = [...forms].toSorted((a, b) => b.length - a.length)
  const unmistakable = ordered.filter(({ length }) => length >= UNMISTAKABLE)
  const words = ordered
    .slice(unmistakable.length)
    .map((word) => new RegExp(`(?<![\\p{L}\\p{N}])${escaped(word)}(?![\\p{L}\\p{N}])`, 'gu'))
  return (text) => {
    const clean = unmistakable.reduce((partly, secret) => partly.replaceAll(secret, REDACTED), text)
    // A text without a space may be a state, a time or an amount that only looks like a coupon, and has to stay readable.
    return /\s/.test(clean) ? words.reduce((partly, word) => partly.replace(word, REDACTED), clean) : clean
  }
}

/** Half a character, which a client may send, has no such form and would throw. */
const percentEncoded = (text: string) => encodeURIComponent(text.replace(/\p{Cs}/gu, '\uFFFD'))

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

/** A copy of a document with every text in it redacted. */
export function redactTexts<Document>(document: Document, secrets: readonly (string | null)[]): Document {
  const redact = redactor(secrets)
  return JSON.parse(JSON.stringify(document), (_key, value: unknown) =>
    typeof value === 'string' ? redact(value) : value,
  ) as Document
}
