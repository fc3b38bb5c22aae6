import type { DocumentNode } from 'graphql'

/** A parsed document takes some 500 bytes a token, up to a megabyte each: they are counted by their text, not by number. */
const MAX_CHARACTERS = 200_000

/**
 * Keeps the documents that were asked for last, so that they are parsed and validated once. Yoga's own cache keeps
 * 1024 of whatever size: a gigabyte for whoever sends that many different ones.
 */
export class DocumentCache {
  readonly #documents = new Map<string, DocumentNode>()
  #characters = 0

  get(text: string): DocumentNode | undefined {
    const document = this.#documents.get(text)
    if (document) {
      this.#documents.delete(text)
      this.#documents.set(text, document)
    }
    return document
  }

  set(text: string, document: DocumentNode): void {
    if (text.length > MAX_CHARACTERS / 10) return
    if (!this.#documents.has(text)) this.#characters += text.length
    this.#documents.set(text, document)
    for (const oldest of this.#documents.keys()) {
      if (this.#characters <= MAX_CHARACTERS) return
      this.#documents.delete(oldest)
      this.#characters -= oldest.length
    }
  }

  get size(): number {
    return this.#documents.size
  }
}

/** Documents with mistakes are not worth keeping. */
export const NO_CACHE = { get: () => undefined, set: () => {} }
