import { reachOf } from '../domain/node-address.ts'
import type { VerifiedOffer } from '../domain/offer.ts'
import type { QuoteNote, QuoteNoteCode } from '../domain/quote.ts'
import { termDifferences, termsOf, type ChannelRequest, type ChannelTerms } from '../domain/request.ts'
import type { PriceFit } from '../domain/tariff-fit.ts'
import type { EpochMs } from '../domain/time.ts'
import { INFO_STALE_MS, type Lsp } from '../upstream/lsp.ts'

/** Above it a channel needs option_support_large_channel on both sides (BOLT 2). */
const MAX_ORDINARY_CHANNEL_SAT = 16_777_215

/** Everything a wallet should know before it orders at this price. */
export function notesOf(
  lsp: Lsp,
  asked: ChannelRequest,
  delivered: ChannelTerms,
  offer: VerifiedOffer | null,
  now: EpochMs,
): QuoteNote[] {
  const notes: QuoteNote[] = []
  const note = (code: QuoteNoteCode, message: string) => notes.push({ code, message })

  for (const { name, from, to } of termDifferences(termsOf(asked), delivered))
    note('TERMS_ADJUSTED', `${name}: asked for ${from}, delivered ${to}.`)
  if (lsp.adapter.clientConnects || asked.clientAddress === null) {
    note('PEER_CONNECTION_REQUIRED', connectMessage(lsp.nodeUris[0]))
  }
  const onchainNote = onchainNoteOf(lsp, asked)
  if (onchainNote) notes.push(onchainNote)
  if (delivered.requiredChannelConfirmations === 0) {
    note(
      'ZERO_CONF',
      "Zero-conf: the channel is usable before its funding transaction confirms. Set up the client's node to accept zero-conf channels from this LSP before you pay; otherwise the node may reject the channel.",
    )
  }
  if (!lsp.adapter.requestFields.announceChannel) {
    note(
      'ANNOUNCEMENT_IS_UNKNOWN',
      'The protocol has no field for announceChannel: the LSP decides whether the channel is announced.',
    )
  }
  const foreignPayee = offer?.checks.find((check) => check.code === 'INVOICE_PAYEE' && check.verdict === 'WARNING')
  if (foreignPayee) note('PAYEE_IS_NOT_LSP_NODE', foreignPayee.message)
  if (delivered.lspBalanceSat + delivered.clientBalanceSat > MAX_ORDINARY_CHANNEL_SAT) {
    note('LARGE_CHANNEL', 'Both nodes need option_support_large_channel for a channel of this size.')
  }
  const asOf = lsp.info?.asOf
  if (asOf !== undefined && now - asOf > INFO_STALE_MS)
    note('STALE_LIMITS', `The LSP last told its limits at ${new Date(asOf).toISOString()}.`)
  return notes
}

function onchainNoteOf(lsp: Lsp, asked: ChannelRequest): QuoteNote | null {
  const isOnchainKnown = lsp.features.includes('ONCHAIN_PAYMENT')
  if (lsp.refundRoute === 'UNKNOWN' && isOnchainKnown)
    return {
      code: 'ONCHAIN_REFUND_IS_UNKNOWN',
      message:
        'The protocol has no field for a refund address. If the order fails after an on-chain payment, you must ask the LSP for the refund.',
    }
  const isPossible = isOnchainKnown || !lsp.adapter.statesOnchain
  return lsp.refundRoute === 'TO_ADDRESS' && isPossible && asked.refundOnchainAddress === null
    ? {
        code: 'NO_ONCHAIN_REFUND_ADDRESS',
        message: 'On-chain payment is not offered without refundOnchainAddress.',
      }
    : null
}

/** `uri`: the LSP's best node address, if it has any. */
function connectMessage(uri: string | undefined): string {
  if (uri === undefined) return "Connect the node to the LSP's before ordering: the LSP cannot reach it by itself."
  switch (reachOf(uri)) {
    case 'CLEARNET':
      return `Connect the node to ${uri} before ordering.`
    case 'OVERLAY':
      return `Connect the node to ${uri} before ordering. The LSP lists no clearnet address: the node needs Tor or I2P.`
    case 'NONE':
      return `Connect the node to ${uri} before ordering. The LSP lists no address of it: look it up in the network graph.`
  }
}

/** Says how a fitted price was derived. */
export function fitNote({ points, oldestAt, newestAt, maxDeviationSat }: PriceFit): QuoteNote {
  const [from, to] = [oldestAt, newestAt].map((at) => new Date(at).toISOString())
  return {
    code: 'FITTED',
    message: `Estimated from ${points} prices that the LSP asked for other channels between ${from} and ${to}. They differ from the line by ${maxDeviationSat} sat at most.`,
  }
}
