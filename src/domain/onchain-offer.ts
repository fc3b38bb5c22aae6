import { addressProblem, isSameAddress, type AddressKinds } from './address.ts'
import { readPaymentUri, writePaymentUri } from './bip21.ts'
import type { Report } from './checks.ts'
import type { LspLimits, Network } from './lsp.ts'
import type { OnchainOption } from './order.ts'
import type { ReadPaymentState } from './reading.ts'

// The checks of an on-chain option: its address, its URI, the LSP's own limits, and where a refund goes.

/**
 * How a client gets an on-chain payment back. TO_ADDRESS: the LSP refunds to the address in the order. ON_REQUEST: the
 * client names an address when it requests the refund. UNKNOWN: the protocol has no field for an address.
 */
export type RefundRoute = 'TO_ADDRESS' | 'ON_REQUEST' | 'UNKNOWN'

export interface OnchainContext {
  network: Network
  /** Of the LSP's address and of the refund address. */
  addressKinds: AddressKinds
  /** Default: TO_ADDRESS. */
  refundRoute?: RefundRoute
  /** From the client's request. With another route than TO_ADDRESS the LSP never gets it. */
  refundOnchainAddress: string | null
  /** null and absent: the LSP has stated none. */
  limits?: Pick<LspLimits, 'minOnchainPaymentSat' | 'minOnchainPaymentConfirmations'> | null
}

/** The address that the LSP refunds to; null if it has none. */
interface Refund {
  refundOnchainAddress: string | null
}

/** null: the option is withheld. */
export function verifyOnchainOption(
  option: OnchainOption<ReadPaymentState>,
  context: OnchainContext,
  report: Report,
): Refund | null {
  const { network, addressKinds, refundRoute = 'TO_ADDRESS', refundOnchainAddress } = context
  const problem = addressProblem(option.address, network, addressKinds)
  // The option is withheld without a refund address, so that a bad address of the LSP does no harm.
  const isOffered = refundRoute !== 'TO_ADDRESS' || refundOnchainAddress !== null
  report(
    'ONCHAIN_ADDRESS',
    problem === null ? 'PASSED' : isOffered ? 'FAILED' : 'WARNING',
    problem === null ? `an address of ${network}` : `${problem}, LSP ${network}`,
    { expected: `an address of ${network}`, actual: problem ?? `an address of ${network}` },
  )
  verifyLimits(option, context, report)
  const isUsable = verifyUri(option, report)
  const refund = verifyRefund(option, refundRoute, context, report)
  return isUsable ? refund : null
}

/** bLIP-51 §3.3, and min_onchain_payment_size_sat of Kaleidoswap 0.2.0 OrderOptions and of the older LSPS1 texts. */
function verifyLimits(option: OnchainOption<ReadPaymentState>, { limits }: OnchainContext, report: Report): void {
  const { minConfirmations, minFeeFor0Conf, orderTotalSat } = option
  const leastSat = limits?.minOnchainPaymentSat ?? null
  const leastConfirmations = limits?.minOnchainPaymentConfirmations ?? null
  const hasConfirmations = minConfirmations !== null && minConfirmations > 0
  const rules = [
    leastSat === null
      ? null
      : {
          isKept: orderTotalSat >= leastSat,
          text: `order total ${orderTotalSat} sat, LSP's minimum ${leastSat} sat`,
          expected: `at least ${leastSat} sat`,
          actual: `${orderTotalSat} sat`,
        },
    leastConfirmations === null || minConfirmations === null
      ? null
      : {
          isKept: minConfirmations >= leastConfirmations,
          text: `${minConfirmations} confirmations, LSP's minimum ${leastConfirmations}`,
          expected: `at least ${leastConfirmations} confirmations`,
          actual: `${minConfirmations} confirmations`,
        },
    minFeeFor0Conf === null
      ? null
      : {
          isKept: !hasConfirmations,
          text: `a fee rate for zero-conf beside ${minConfirmations ?? 'no stated'} confirmations`,
          expected: '0 confirmations',
          actual: `${minConfirmations ?? 'no stated'} confirmations`,
        },
  ].filter((rule) => rule !== null)
  if (rules.length === 0) return
  report(
    'ONCHAIN_LIMITS',
    rules.every(({ isKept }) => isKept) ? 'PASSED' : 'WARNING',
    rules.map(({ text }) => text).join('; '),
    {
      expected: rules.map(({ expected }) => expected).join('; '),
      actual: rules.map(({ actual }) => actual).join('; '),
    },
  )
}

/** False: a wallet must not use the URI (BIP 21: a `req-` parameter that the reader does not know). */
function verifyUri({ uri, address, orderTotalSat }: OnchainOption<ReadPaymentState>, report: Report): boolean {
  const read = readPaymentUri(uri ?? writePaymentUri({ address, amountSat: orderTotalSat, invoice: null, offer: null }))
  const isSame =
    read !== null && isSameAddress(read.address, address) && (read.amountSat ?? orderTotalSat) === orderTotalSat
  report(
    'BIP21_AMOUNT',
    isSame ? 'PASSED' : 'FAILED',
    `the URI asks for ${read?.amountSat ?? 'no amount of'} sat, order total ${orderTotalSat} sat`,
    {
      expected: `${orderTotalSat} sat to the address of the option`,
      actual: `${read?.amountSat ?? 'no amount of'} sat to ${isSameAddress(read?.address ?? '', address) ? 'it' : 'another one'}`,
    },
  )
  const unknown = read?.unknownRequired ?? []
  if (unknown.length > 0)
    report(
      'BIP21_PARAMETERS',
      'WARNING',
      `the URI requires ${unknown.join(', ')}, which this gateway does not know: on-chain payment is withheld`,
      { actual: unknown.join(', ') },
    )
  return unknown.length === 0
}

function verifyRefund(
  option: OnchainOption<ReadPaymentState>,
  route: RefundRoute,
  context: OnchainContext,
  report: Report,
): Refund | null {
  switch (route) {
    case 'ON_REQUEST':
      return { refundOnchainAddress: option.refundOnchainAddress }
    case 'UNKNOWN':
      report(
        'REFUND_ADDRESS',
        'WARNING',
        'the protocol has no field for a refund address: the LSP does not know where to refund an on-chain payment',
      )
      return { refundOnchainAddress: option.refundOnchainAddress }
    case 'TO_ADDRESS':
      return verifyRefundAddress(option, context, report)
  }
}

/** The option is withheld without an address, and if the LSP would refund to another one. */
function verifyRefundAddress(
  { refundOnchainAddress: mirrored }: OnchainOption<ReadPaymentState>,
  { network, addressKinds, refundOnchainAddress: given }: OnchainContext,
  report: Report,
): Refund | null {
  if (given === null) return null
  const isSame = mirrored === null || isSameAddress(mirrored, given)
  const problem = addressProblem(given, network, addressKinds)
  const isGood = isSame && problem === null
  report(
    'REFUND_ADDRESS',
    isGood ? 'PASSED' : 'WARNING',
    isSame
      ? `given ${given}, ${problem ?? `an address of ${network}`}`
      : `given ${given}, the LSP repeats ${mirrored}: on-chain payment is withheld`,
    { expected: given, ...(mirrored !== null && { actual: mirrored }) },
  )
  return isGood ? { refundOnchainAddress: given } : null
}
