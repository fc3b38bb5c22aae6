import type { Check } from './checks.ts'
import { isOutpoint, isPubkey, isShortChannelId, isTxid } from './identifiers.ts'
import { lnurlChannelProblem } from './lnurl.ts'
import type { Network } from './lsp.ts'
import type { Sat } from './money.ts'
import type { Channel, JitChannel } from './order.ts'
import { cleanText } from './text.ts'

// What a wallet opens, beside what it pays: an LNURL, the route hint of a first payment, and the channel's own ids.
// Nothing of it is handed out unverified, in the first answer and in every later report.

export interface Openables {
  lnurlChannel: string | null
  jit: JitChannel | null
  channel: Channel | null
}

export interface OpenableContext {
  network: Network
  /** The most that the channel may cost: a payment that opens it is not charged more. */
  maximumSat: Sat
}

/** What passed, and null for what did not; a row for each that the LSP gave. */
export function verifyOpenables(
  { lnurlChannel, jit, channel }: Openables,
  { network, maximumSat }: OpenableContext,
): Openables & { checks: Check[] } {
  const lnurlProblem = lnurlChannel === null ? null : lnurlChannelProblem(lnurlChannel, network)
  const jitProblem = jit && problemOfJit(jit, maximumSat)
  const ids = verifyChannel(channel)
  const checks: Check[] = []
  if (lnurlChannel !== null)
    checks.push({
      code: 'LNURL_CHANNEL',
      verdict: lnurlProblem === null ? 'PASSED' : 'FAILED',
      message:
        lnurlProblem === null
          ? 'an LNURL over https or an onion service'
          : `the LNURL is not handed out: ${lnurlProblem}`,
    })
  if (jit !== null)
    checks.push({
      code: 'JIT_CHANNEL',
      verdict: jitProblem === null ? 'PASSED' : 'FAILED',
      message:
        jitProblem === null
          ? `each payment is charged ${jit.feePerPaymentSat ?? 0} sat, at most ${maximumSat} sat`
          : `the route hint is not handed out: ${jitProblem}`,
      expected: `at most ${maximumSat} sat`,
      actual: `${jit.feePerPaymentSat ?? 0} sat`,
    })
  if (ids.malformed.length > 0)
    checks.push({
      code: 'CHANNEL_IDS',
      verdict: 'WARNING',
      message: `not handed out, since they are malformed: ${ids.malformed.join(', ')}`,
      actual: ids.malformed.join(', '),
    })
  return {
    lnurlChannel: lnurlProblem === null ? lnurlChannel : null,
    jit: jitProblem === null ? jit : null,
    channel: ids.channel,
    checks,
  }
}

function problemOfJit({ shortChannelId, nodeId, feePerPaymentSat }: JitChannel, maximumSat: Sat): string | null {
  if (!isShortChannelId(shortChannelId))
    return `"${shown(shortChannelId)}" is not a short channel id (block x transaction x output)`
  if (nodeId !== null && !isPubkey(nodeId)) return `"${shown(nodeId)}" is not a node's public key`
  return (feePerPaymentSat ?? 0) > maximumSat
    ? `each payment is charged ${feePerPaymentSat} sat, above the maximum of ${maximumSat} sat`
    : null
}

const CHANNEL_IDS = [
  ['shortChannelId', isShortChannelId],
  ['fundingOutpoint', isOutpoint],
  ['closingTxid', isTxid],
] as const

/** The channel without ids of a wrong form, and what those are. */
export function verifyChannel<Reported extends Channel | null>(
  channel: Reported,
): { channel: Reported; malformed: readonly string[] } {
  if (channel === null) return { channel, malformed: [] }
  const wrong = CHANNEL_IDS.filter(([name, isValid]) => channel[name] !== null && !isValid(channel[name]))
  if (wrong.length === 0) return { channel, malformed: [] }
  return {
    channel: { ...channel, ...Object.fromEntries(wrong.map(([name]) => [name, null])) },
    malformed: wrong.map(([name]) => `${name} "${shown(channel[name] ?? '')}"`),
  }
}

const shown = (text: string) => cleanText(text, 80)
