import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const PREFIX = 'aes-256-gcm:'
const IV_BYTES = 12
const TAG_BYTES = 16

/** Encrypts what the database must not show, such as credentials of LSPs, with `SLUICE_SECRET`. */
export class SecretBox {
  readonly #key: Buffer | null

  /** Without a secret, texts are stored as they are. */
  constructor(secret: string | null) {
    this.#key = secret === null ? null : Buffer.from(hkdfSync('sha256', secret, '', 'sluice lsp settings', 32))
  }

  get encrypts(): boolean {
    return this.#key !== null
  }

  seal(text: string): string {
    if (this.#key === null) return text
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv)
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return PREFIX + Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64')
  }

  /** null: it was sealed with another secret, or is damaged. */
  open(stored: string): string | null {
    if (!stored.startsWith(PREFIX)) return stored
    if (this.#key === null) return null
    const bytes = Buffer.from(stored.slice(PREFIX.length), 'base64')
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, IV_BYTES))
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
      return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8')
    } catch {
      return null
    }
  }
}
