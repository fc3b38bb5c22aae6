// Ids of channels and transactions, by form: nobody here can look them up.

const SHORT_CHANNEL_ID = /^(\d{1,8})([x:])(\d{1,8})\2(\d{1,5})$/
const TXID = /^[0-9a-f]{64}$/i
const OUTPOINT = /^[0-9a-f]{64}(?:[:x]\d{1,10})?$/i
const PUBKEY = /^0[23][0-9a-f]{64}$/

/** BOLT 7: 3 bytes of block height, 3 of transaction index, 2 of output index, as 1x2x3 or 1:2:3. */
export function isShortChannelId(text: string): boolean {
  const [, block, , transaction, output] = SHORT_CHANNEL_ID.exec(text) ?? []
  return Number(block) < 2 ** 24 && Number(transaction) < 2 ** 24 && Number(output) < 2 ** 16
}

export function isTxid(text: string): boolean {
  return TXID.test(text)
}

/** txid:index, or the bare txid where the LSP gives no index. */
export function isOutpoint(text: string): boolean {
  return OUTPOINT.test(text) && Number(text.slice(65)) < 2 ** 32
}

/** A compressed public key in lower-case hexadecimal. */
export function isPubkey(text: string): boolean {
  return PUBKEY.test(text)
}
