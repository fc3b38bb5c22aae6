/** Shorter is no secret, and replacing it would ruin honest texts. */
const SHORTEST = 8
const REDACTED = '[secret]'

/**
 * Takes secrets out of texts: an LSP that repeats our own key in an error must not get it into a log, a metric or
 * a client's answer. It finds them as they are and percent-encoded; an LSP that means harm can always rewrite them.
 */
export function redactor(secrets: readonly (string | null)[]): (text: string) => string {
  const forms = new Set(secrets.flatMap((secret) => (secret !== null && secret.length >= SHORTEST ? [secret, encodeURIComponent(secret)] : [])))
  // The longest first: what is left of one that holds another would tell the rest.
  const ordered = [...forms].toSorted((a, b) => b.length - a.length)
  return (text) => ordered.reduce((clean, secret) => clean.replaceAll(secret, REDACTED), text)
}

/** A copy of a document with every text in it redacted. */
export function redactTexts<Document>(document: Document, secrets: readonly (string | null)[]): Document {
  const redact = redactor(secrets)
  return JSON.parse(JSON.stringify(document), (_key, value: unknown) => (typeof value === 'string' ? redact(value) : value)) as Document
}
