import { secp256k1 } from '@noble/curves/secp256k1.js'

const COMPRESSED_KEY = /^0[23][0-9a-f]{64}$/i
const X_COORDINATE = /^[0-9a-f]{64}$/i

/**
 * Whether this is a public key as Lightning writes it: 33 bytes in hexadecimal, compressed, and a point of secp256k1.
 * About half of all numbers of 32 bytes are no point. One call takes about 0.1 ms, so it needs no cache.
 */
export function isPublicKey(hex: string): boolean {
  if (!COMPRESSED_KEY.test(hex)) return false
  try {
    secp256k1.Point.fromHex(hex)
    return true
  } catch {
    return false
  }
}

/** Whether these 32 bytes, in hexadecimal, are the x coordinate of a point (BIP 340), as a taproot output needs one. */
export function isXOnlyPoint(hex: string): boolean {
  return X_COORDINATE.test(hex) && isPublicKey(`02${hex}`)
}
