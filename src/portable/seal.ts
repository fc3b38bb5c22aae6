import { CompactEncrypt, compactDecrypt, errors } from 'jose'
import { z } from 'zod'

// An order's access token travels under a key that only the client has: who finds the document has nothing to show
// to the LSP. RFC 7516, so that a client can open it without us.

/** As `openssl rand -hex 32` prints it. */
export const SEAL_KEY = /^[0-9a-f]{64}$/i

const ALGORITHM = 'dir'
const ENCRYPTION = 'A256GCM'

/** With whose it is: moved into another document, it would be told to another LSP. */
const sealedToken = z.object({
  protocol: z.string(),
  url: z.string(),
  network: z.string(),
  lspOrderId: z.string(),
  accessToken: z.string().regex(/^[\x21-\x7e]{1,1024}$/),
})

type SealedToken = z.output<typeof sealedToken>

export async function seal(token: SealedToken, sealKey: string): Promise<string> {
  const plaintext = new TextEncoder().encode(JSON.stringify(token))
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg: ALGORITHM, enc: ENCRYPTION })
    .encrypt(Buffer.from(sealKey, 'hex'))
}

/** null: it was sealed with another key, or is not as it was sealed. */
export async function unseal(sealed: string, sealKey: string): Promise<SealedToken | null> {
  try {
    // The header names its algorithms itself, and comes from outside.
    const allowed = { keyManagementAlgorithms: [ALGORITHM], contentEncryptionAlgorithms: [ENCRYPTION] }
    const { plaintext } = await compactDecrypt(sealed, Buffer.from(sealKey, 'hex'), allowed)
    return sealedToken.parse(JSON.parse(new TextDecoder().decode(plaintext)))
  } catch (error) {
    // The client may have sealed something else with the same key.
    if (error instanceof errors.JOSEError || error instanceof SyntaxError || error instanceof z.ZodError) return null
    throw error
  }
}
