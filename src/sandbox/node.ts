import { createHash, randomBytes } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { base32nopad, bech32 } from '@scure/base'
import { encodeInvoice, type RecoverableSignature } from './bolt11.ts'

const BASE32_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const ZBASE32_LETTERS = 'ybndrfg8ejkmcpqxot1uwisza345h769'

/** z-base-32 is base 32 in other letters, without padding. */
const zbase32 = {
  encode: (bytes: Uint8Array): string => inOtherLetters(base32nopad.encode(bytes), BASE32_LETTERS, ZBASE32_LETTERS),
  decode: (text: string): Uint8Array => base32nopad.decode(inOtherLetters(text, ZBASE32_LETTERS, BASE32_LETTERS)),
}

function inOtherLetters(text: string, from: string, to: string): string {
  // A letter that `from` lacks becomes one that no alphabet has.
  return text.replace(/./gsu, (letter) => to[from.indexOf(letter)] ?? '?')
}

/** Compact signatures of a compressed key begin with 31 + the recovery id. */
const COMPACT_HEADER = 31
const WITNESS_V0 = 0

function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest()
}

function publicKeyOf(secret: Uint8Array): Buffer {
  return Buffer.from(secp256k1.getPublicKey(secret))
}

/** The hash is signed as it is. */
export function signHash(hash: Uint8Array, secret: Uint8Array): RecoverableSignature {
  const signed = secp256k1.sign(hash, secret, { prehash: false, format: 'recovered' })
  return { signature: signed.subarray(1), recoveryId: signed[0] ?? 0 }
}

/** What every Lightning node hashes before it signs a text. */
function messageHash(text: string): Buffer {
  return sha256(sha256(`Lightning Signed Message:${text}`))
}

/** The public key that signed `text`; null when the signature is none. */
export function signerOf(text: string, signature: string): string | null {
  try {
    const bytes = zbase32.decode(signature)
    const recoveryId = (bytes[0] ?? 0) - COMPACT_HEADER
    if (bytes.length !== 65 || recoveryId < 0 || recoveryId > 3) return null
    const compact = secp256k1.Signature.fromBytes(bytes.subarray(1), 'compact')
    return compact.addRecoveryBit(recoveryId).recoverPublicKey(messageHash(text)).toHex(true)
  } catch {
    return null
  }
}

export interface NewInvoice {
  amountSat: number
  description: string
  createdAt: number
  expiresAt: number
  network?: 'regtest' | 'bitcoin'
}

export interface IssuedInvoice {
  bolt11: string
  paymentHash: string
  preimage: string
}

/** A Lightning node's identity: its key, and what it signs. The key follows from the seed, so ids outlive a restart. */
export class LightningNode {
  readonly pubkey: string
  /** host:port */
  readonly address: string
  readonly #secret: Buffer

  constructor(seed: string, address: string) {
    this.#secret = sha256(`sluice sandbox node ${seed}`)
    this.pubkey = publicKeyOf(this.#secret).toString('hex')
    this.address = address
  }

  /** pubkey@host:port */
  get uri(): string {
    return `${this.pubkey}@${this.address}`
  }

  issueInvoice(invoice: NewInvoice): IssuedInvoice {
    const preimage = randomBytes(32)
    const paymentHash = sha256(preimage).toString('hex')
    const bolt11 = encodeInvoice(
      {
        ...invoice,
        paymentHash,
        paymentSecret: randomBytes(32).toString('hex'),
        network: invoice.network ?? 'regtest',
      },
      (hash) => signHash(hash, this.#secret),
    )
    return { bolt11, paymentHash, preimage: preimage.toString('hex') }
  }

  /** In zbase32, as `signmessage` of lnd, Core Lightning and LDK gives it. */
  signMessage(text: string): string {
    const { signature, recoveryId } = signHash(messageHash(text), this.#secret)
    return zbase32.encode(Uint8Array.of(COMPACT_HEADER + recoveryId, ...signature))
  }

  /** A fresh regtest address (P2WPKH) that only this node could spend from. */
  newAddress(): string {
    const key = publicKeyOf(sha256(Buffer.concat([this.#secret, randomBytes(16)])))
    const program = createHash('ripemd160').update(sha256(key)).digest()
    return bech32.encode('bcrt', [WITNESS_V0, ...bech32.toWords(program)])
  }
}
