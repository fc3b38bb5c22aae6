import { createHmac } from 'node:crypto'

// Standard Webhooks (https://www.standardwebhooks.com): how a receiver knows who sent a message, and when.

const PREFIX = 'whsec_'
const FEWEST_CHARACTERS = 24
const KEY_BYTES = { min: 24, max: 64 }

/** The key that a configured secret stands for; null when it is none, or too short to be one. */
export function signingKey(secret: string): Buffer | null {
  if (!secret.startsWith(PREFIX)) return secret.length >= FEWEST_CHARACTERS ? Buffer.from(secret, 'utf8') : null
  const text = secret.slice(PREFIX.length)
  const key = Buffer.from(text, 'base64')
  const isBase64 =
    /^[A-Za-z0-9+/]+={0,2}$/.test(text) && key.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')
  return isBase64 && key.length >= KEY_BYTES.min && key.length <= KEY_BYTES.max ? key : null
}

/** The headers that sign a message: what is signed is its id, the moment it is sent, and its body. */
export function signedHeaders(key: Buffer, id: string, sentAt: number, body: string): Record<string, string> {
  const timestamp = String(Math.floor(sentAt / 1000))
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}
