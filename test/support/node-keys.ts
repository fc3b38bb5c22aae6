import { createECDH } from 'node:crypto'

/** Public keys of as many nodes, compressed, in hexadecimal. */
export function nodeKeys(count: number): string[] {
  return Array.from({ length: count }, () => {
    const key = createECDH('secp256k1')
    key.generateKeys()
    return key.getPublicKey('hex', 'compressed')
  })
}
